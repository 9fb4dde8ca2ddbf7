"""Decides which URLs may be downloaded, by the collection ``ml-model-allow-deny-list``. Pure.

As Firefox's ``URLChecker`` (``Utils.sys.mjs``): the deny list takes precedence, localhost is allowed on any port, and a
URL that neither list names is not allowed. Stricter than Firefox: prefixes are compared with the parsed URL, so that
``hub.example`` does not admit ``hub.example.evil``, nor ``/good/../evil`` the folder ``/good/``. A record that denies
and cannot be read, or whose prefix no URL begins with, is an error.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from modelden.core import urls
from modelden.errors import ForbiddenURL, InputError, InvalidRecord
from modelden.settings.records import may_deny

_LOCALHOST = "localhost"
"""Firefox removes its port before the comparison: a prefix without a port means every port."""


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
        """Read the records.

        As in Firefox, records with another filter, and those that allow without a prefix, are ignored. A record that
        denies, or may be meant to, is never ignored: Firefox denies nothing then.

        Raises:
            InvalidRecord: If something is no record, or if a record that denies has no usable prefix.
        """
        if isinstance(records, str | Mapping) or not isinstance(records, Iterable):
            raise InvalidRecord(f"The allow/deny list should be a list of records, but is {_shown(records)}.")
        allowed, denied = [], []
        for record in records:
            if not isinstance(record, Mapping):
                raise InvalidRecord(f"The allow/deny list should have records, but has {_shown(record)}.")
            kind, prefix = record.get("filter"), record.get("urlPrefix")
            if kind == "ALLOW" and isinstance(prefix, str):
                allowed.append(prefix)
            elif may_deny(kind):
                if kind != "DENY" or not isinstance(prefix, str) or not _can_match(prefix):
                    raise InvalidRecord(
                        "A record of the allow/deny list should have ALLOW or DENY as filter, and a URL as urlPrefix, "
                        f"but is {_shown(record)}. Nothing is downloaded until it is mended, as it may deny something."
                    )
                denied.append(prefix)
        return cls(tuple(allowed), tuple(denied))

    @classmethod
    def of_argument(cls, records: Iterable[Mapping[str, Any]]) -> AllowList:
        """Read the records that a caller gives in place of the collection.

        Raises:
            InputError: As `of`.
        """
        try:
            return cls.of(records)
        except InvalidRecord as error:
            raise InputError(f"allow_deny_list: {error}") from error
        except Exception as error:  # a caller's own iterator
            raise InputError(f"allow_deny_list: expected a list of records, got {_shown(records)}.") from error

    def check(self, url: str) -> None:
        """Refuse a URL that may not be downloaded.

        Raises:
            ForbiddenURL: If the deny list names it, or the allow list does not.
        """
        canonical = _CanonicalUrl.parse(url)
        self._check_denied(url, canonical)
        if canonical.host == _LOCALHOST and canonical.scheme in urls.DEFAULT_PORTS:
            return
        if not any(canonical.starts_with(prefix) for prefix in self.allowed):
            raise ForbiddenURL(url, "it is not on the allow list")

    def admits(self, url: str) -> bool:
        """Return False for a URL that may not be downloaded."""
        try:
            self.check(url)
        except ForbiddenURL:
            return False
        return True

    def check_redirect(self, url: str) -> None:
        """Refuse a URL that a download may not be redirected to.

        Only the deny list counts: hubs redirect to storage that no list names, and the requested URL was allowed.
        Firefox does not check redirects.

        Raises:
            ForbiddenURL: If the deny list names it.
        """
        if self.denied:
            self._check_denied(url, _CanonicalUrl.parse(url))

    def _check_denied(self, url: str, canonical: _CanonicalUrl) -> None:
        for prefix in self.denied:
            # Either reading of the prefix denies.
            if url.lower().startswith(prefix.lower()) or canonical.starts_with(prefix, denies=True):
                raise ForbiddenURL(url, f"the deny list has {prefix!r}", denied=True)


def _can_match(prefix: str) -> bool:
    """Return False for a prefix that is the beginning of no URL: a denial of it is meant, and denies nothing."""
    canonical = _CanonicalUrl.parse(prefix)
    is_text = any(f"{scheme}://".startswith(prefix.lower()) for scheme in urls.DEFAULT_PORTS)
    return is_text or bool(canonical.scheme in urls.DEFAULT_PORTS and canonical.host)


def _shown(value: object) -> str:
    return repr(value)[:200]


class _CanonicalUrl(NamedTuple):
    """A URL in the form in which prefixes are compared."""

    scheme: str
    host: str
    port: int | None
    has_port: bool
    path: str

    @classmethod
    def parse(cls, url: str) -> _CanonicalUrl:
        try:
            parts = urls.split(url.replace("\\", "/"))
        except ValueError:  # not a URL: it matches nothing that can be fetched
            return cls(scheme="", host="", port=None, has_port=False, path="")
        path = urls.unquote(parts.path).lower()
        # normpath removes a final slash, which a prefix such as /Xenova/ needs.
        normal = posixpath.normpath("/" + path.lstrip("/")) if path.strip("/") else "/"
        if path.endswith("/") and normal != "/":
            normal += "/"
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=urls.DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port,
            has_port=parts.port is not None,
            path=normal,
        )

    def starts_with(self, prefix: str, *, denies: bool = False) -> bool:
        """Tell whether the URL is below ``prefix``.

        A prefix that denies counts for more: without a port for localhost on every port, and for the host's name with a
        final dot, which reaches the same server. To the allow list ``localhost.`` is another host, as in Firefox.
        """
        if prefix == "":
            return True
        other = _parse_prefix(prefix)
        if not other.scheme or not other.host:
            return False
        host, other_host = self.host, other.host
        if denies:
            host, other_host = host.rstrip("."), other_host.rstrip(".")
        any_port = denies and other_host == _LOCALHOST and not other.has_port
        same_origin = (self.scheme, host) == (other.scheme, other_host) and (any_port or self.port == other.port)
        return same_origin and self.path.startswith(other.path)


@lru_cache(maxsize=256)
def _parse_prefix(prefix: str) -> _CanonicalUrl:
    return _CanonicalUrl.parse(prefix)
