"""May this URL be downloaded? The collection ``ml-model-allow-deny-list`` decides. Pure.

As Firefox's ``URLChecker`` (``Utils.sys.mjs``): the deny list first, localhost on any port is always allowed, and what
neither list names is not. Safer than it: prefixes are compared with the parsed URL, so that ``hub.example`` does not
admit ``hub.example.evil``, nor ``/good/../evil`` the folder ``/good/``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from modelden.errors import ForbiddenURL

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class AllowList:
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
            if kind in prefixes and isinstance(prefix, str):
                prefixes[str(kind)].append(prefix)
        return cls(tuple(prefixes["ALLOW"]), tuple(prefixes["DENY"]))

    def check(self, url: str) -> None:
        """Return if ``url`` may be downloaded.

        Raises:
            ForbiddenURL: If the deny list names it, or the allow list does not.
        """
        canonical = _Canonical.of(url)
        for prefix in self.denied:
            # Liberal on purpose: denied in either reading of the prefix.
            if url.lower().startswith(prefix.lower()) or canonical.starts_with(prefix):
                raise ForbiddenURL(url, f"the deny list has {prefix!r}")
        if canonical.host == "localhost" and canonical.scheme in _DEFAULT_PORTS:
            return
        if not any(canonical.starts_with(prefix) for prefix in self.allowed):
            raise ForbiddenURL(url, "it is not on the allow list")


@dataclass(frozen=True, slots=True)
class _Canonical:
    """A URL in the one form that prefixes are compared in."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, url: str) -> _Canonical:
        parts = urlsplit(url.replace("\\", "/"))
        path = unquote(parts.path).lower()
        # normpath drops a final slash, which a prefix such as /Xenova/ needs.
        normal = posixpath.normpath("/" + path.lstrip("/")) if path.strip("/") else "/"
        if path.endswith("/") and normal != "/":
            normal += "/"
        return cls(parts.scheme.lower(), (parts.hostname or "").rstrip("."), _port(parts), normal)

    def starts_with(self, prefix: str) -> bool:
        if prefix == "":
            return True
        other = _Canonical.of(prefix)
        same_origin = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return same_origin and self.path.startswith(other.path)


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        return -1  # no port at all: equal to nothing that can be fetched
    return port if port is not None else _DEFAULT_PORTS.get(parts.scheme.lower())
