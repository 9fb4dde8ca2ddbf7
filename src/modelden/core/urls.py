"""URL functions with the results of `urllib.parse`. Pure.

Importing `urllib.parse` takes a page 45 ms, which its first engine would wait for. Plain URLs, as most are, need no
parser. WHATWG's ``URL`` exists in a page only, not on other Pythons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}"
PLAIN = re.compile(
    rf"(https?)://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::({_PORT}))?((?:/[\w.~-]+)*/?)(?:\?([\w.~=&-]*))?", re.ASCII
)
"""URLs that need no parser: http(s), without credentials, escapes and fragment."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""Ports that a URL of these schemes need not name (RFC 9110, section 4.2)."""

_UNRESERVED = re.compile(r"[\w.~/-]*", re.ASCII)
"""Paths without anything to escape."""

_FIELD = re.compile(r'[\w.~"-]*', re.ASCII)
"""Names and values of a query without anything to escape but quotation marks (of entity tags)."""


class SplitURL(NamedTuple):
    """The parts of a URL; see `urllib.parse.SplitResult`."""

    scheme: str
    username: str | None
    hostname: str | None
    port: int | None
    path: str
    query: str
    fragment: str


def split(url: str) -> SplitURL:
    """Return the parts of a URL.

    Raises:
        ValueError: For an invalid host or port.
    """
    if plain := PLAIN.fullmatch(url):
        scheme, hostname, port, path, query = plain.groups()
        return SplitURL(scheme, None, hostname, int(port) if port else None, path, query or "", "")
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return SplitURL(parts.scheme, parts.username, parts.hostname, parts.port, parts.path, parts.query, parts.fragment)


def origin(url: str) -> tuple[str, str | None, int]:
    """Return the origin of an http(s) URL: scheme, host and port (RFC 6454, section 4).

    Raises:
        ValueError: For an invalid host or port.
    """
    parts = split(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme, 443)


def unquote(text: str) -> str:
    """Return a text with its percent-encoding (RFC 3986, section 2.1) decoded."""
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def quote(text: str, safe: str = "/") -> str:
    """Return a text percent-encoded (RFC 3986, section 2.1), but for the characters of ``safe``."""
    if _UNRESERVED.fullmatch(text) and ("/" not in text or "/" in safe):
        return text
    from urllib.parse import quote

    return quote(text, safe)


def join(base: str, reference: str) -> str:
    """Resolve a reference against a base URL (RFC 3986, section 5).

    Raises:
        ValueError: For an invalid host.
    """
    if PLAIN.fullmatch(reference) and not reference.endswith("?"):
        return reference
    from urllib.parse import urljoin

    return urljoin(base, reference)


def encode_query(fields: Mapping[str, str]) -> str:
    """Return fields as a query (``application/x-www-form-urlencoded``)."""
    if all(_FIELD.fullmatch(text) for field in fields.items() for text in field):
        return "&".join(f"{name}={value}" for name, value in fields.items()).replace('"', "%22")
    from urllib.parse import urlencode

    return urlencode(fields)
