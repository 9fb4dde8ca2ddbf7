"""May this URL be downloaded? The collection ``ml-model-allow-deny-list`` decides. Pure.

As Firefox's ``URLChecker`` (``Utils.sys.mjs``): the deny list first, localhost on any port is always allowed, and what
neither list names is not. Safer than it: prefixes are compared with the parsed URL, so that ``hub.example`` does not
admit ``hub.example.evil``, nor ``/good/../evil`` the folder ``/good/``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from modelden.core import urls
from modelden.errors import ForbiddenURL

_DEFAULT_PORTS = {"http": 80, "https": 443}

_LOCALHOST = "localhost"
"""Firefox takes its port away before it compares: a prefix without one means all of them."""


class AllowList(NamedTuple):
    """The prefixes of the collection.

    Attributes:
        allowed: Prefixes with filter ``ALLOW``.
        denied: Prefixes with filter ``DENY``.
    """

    allowed: tuple[str, ...]
    denied: tuple[str, ...]

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]]) -> AllowList:
        """Read the records; those with another filter, or without a prefix, count for nothing, as in Firefox."""
        prefixes: dict[str, list[str]] = {"ALLOW": [], "DENY": []}
        for record in records:
            kind, prefix = record.get("filter"), record.get("urlPrefix")
            if isinstance(kind, str) and kind in prefixes and isinstance(prefix, str):
                prefixes[kind].append(prefix)
        return cls(tuple(prefixes["ALLOW"]), tuple(prefixes["DENY"]))

    def check(self, url: str) -> None:
        """Return if ``url`` may be downloaded.

        Raises:
            ForbiddenURL: If the deny list names it, or the allow list does not.
        """
        self.check_redirect(url)
        canonical = _Canonical.of(url)
        if canonical.host == _LOCALHOST and canonical.scheme in _DEFAULT_PORTS:
            return
        if not any(canonical.starts_with(prefix) for prefix in self.allowed):
            raise ForbiddenURL(url, "it is not on the allow list")

    def check_redirect(self, url: str) -> None:
        """Return if a download may have been redirected to ``url``.

        Only the deny list tells: hubs redirect to storage that no list names, and the URL that was asked for was
        allowed. Firefox does not look at redirects.

        Raises:
            ForbiddenURL: If the deny list names it.
        """
        canonical = _Canonical.of(url)
        for prefix in self.denied:
            # Liberal on purpose: denied in either reading of the prefix.
            if url.lower().startswith(prefix.lower()) or canonical.starts_with(prefix, any_port=_LOCALHOST):
                raise ForbiddenURL(url, f"the deny list has {prefix!r}", denied=True)


class _Canonical(NamedTuple):
    """A URL in the one form that prefixes are compared in."""

    scheme: str
    host: str
    port: int | None
    has_port: bool
    path: str

    @classmethod
    def of(cls, url: str) -> _Canonical:
        try:
            parts = urls.split(url.replace("\\", "/"))
        except ValueError:  # no URL: equal to nothing that can be fetched
            return cls(scheme="", host="", port=None, has_port=False, path="")
        path = urls.unquote(parts.path).lower()
        # normpath drops a final slash, which a prefix such as /Xenova/ needs.
        normal = posixpath.normpath("/" + path.lstrip("/")) if path.strip("/") else "/"
        if path.endswith("/") and normal != "/":
            normal += "/"
        return cls(
            scheme=parts.scheme,
            host=(parts.hostname or "").rstrip("."),
            port=_DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port,
            has_port=parts.port is not None,
            path=normal,
        )

    def starts_with(self, prefix: str, *, any_port: str = "") -> bool:
        """Tell whether the URL is below ``prefix``; one of the host ``any_port`` without a port is of every port."""
        if prefix == "":
            return True
        other = _Canonical.of(prefix)
        if not other.scheme or not other.host:
            return False
        same_port = self.port == other.port or (other.host == any_port and not other.has_port)
        same_origin = (self.scheme, self.host) == (other.scheme, other.host) and same_port
        return same_origin and self.path.startswith(other.path)
