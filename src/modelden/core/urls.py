"""URLs, read by the standard library. Pure.

Importing its parser takes a page 45 ms, which its first engine waits for: of plain URLs, as most are, there is nothing
to ask it. WHATWG's ``URL`` would be at hand in a page, and on no other Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}"
PLAIN = re.compile(
    rf"(https?)://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::({_PORT}))?((?:/[\w.~-]+)*/?)(?:\?([\w.~=&-]*))?", re.ASCII
)
"""URLs of which there is nothing to ask a parser: http(s), without credentials, escapes and fragment."""


_FIELD = re.compile(r'[\w.~"-]*', re.ASCII)
"""Names and values of a query in which there is nothing to escape but quotation marks (of entity tags)."""


class Parts(NamedTuple):
    """What a URL is made of; see `urllib.parse.SplitResult`."""

    scheme: str
    username: str | None
    hostname: str | None
    port: int | None
    path: str
    query: str
    fragment: str


def split(url: str) -> Parts:
    """Return the parts of a URL.

    Raises:
        ValueError: If its host or port can be none.
    """
    if plain := PLAIN.fullmatch(url):
        scheme, hostname, port, path, query = plain.groups()
        return Parts(scheme, None, hostname, int(port) if port else None, path, query or "", "")
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return Parts(parts.scheme, parts.username, parts.hostname, parts.port, parts.path, parts.query, parts.fragment)


def origin(url: str) -> tuple[str, str | None, int]:
    """Return the origin of an http(s) URL: scheme, host and port (RFC 6454, section 4).

    Raises:
        ValueError: For an invalid host or port.
    """
    parts = split(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)


def unquote(text: str) -> str:
    """Return a text with its escapes (RFC 3986, section 2.1) replaced by what they stand for."""
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def join(base: str, reference: str) -> str:
    """Return what a reference means at a base.

    Raises:
        ValueError: If there is a host in it that can be none.
    """
    if PLAIN.fullmatch(reference) and not reference.endswith("?"):
        return reference
    from urllib.parse import urljoin

    return urljoin(base, reference)


def query(members: Mapping[str, str]) -> str:
    """Return the query that a form with these members would send."""
    if all(_FIELD.fullmatch(text) for member in members.items() for text in member):
        return "&".join(f"{name}={value}" for name, value in members.items()).replace('"', "%22")
    from urllib.parse import urlencode

    return urlencode(members)
