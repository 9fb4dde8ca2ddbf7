"""Which bytes are the right ones, who says so, and which cannot be. Pure.

The hash of the signed manifest counts before the hub's own. Hugging Face's hub gives a large file's SHA-256 as
``X-Linked-ETag``, its storage as ``ETag``; `modelden.host` does the same for every file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from modelden.errors import IntegrityError

SIGNED = "signed"
HUB = "hub"
FIRST_SEEN = "first-seen"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_MAY_BE_HTML = (".html", ".htm", ".md", ".txt")

SNIFFED_SIZE = 1024
"""Bytes of a file's beginning that `refuse_html` wants to see."""


class ExpectedFile(NamedTuple):
    """What a file has to be.

    Attributes:
        sha256: SHA-256 in lower-case hexadecimal, or None when nobody tells it.
        size: Size in bytes, or None when nobody tells it.
        integrity: Who says so: `SIGNED`, `HUB`, or `FIRST_SEEN` for nobody.
    """

    sha256: str | None = None
    size: int | None = None
    integrity: str = FIRST_SEEN

    def with_headers(self, headers: Mapping[str, str]) -> ExpectedFile:
        """Return this, or what the hub's response headers tell when nobody else told anything."""
        if self.sha256 is not None:
            return self
        found = hash_from_headers(headers)
        linked_size = headers.get("x-linked-size", "")
        size = int(linked_size) if linked_size.isdecimal() else self.size
        return ExpectedFile(found, size, HUB if found else FIRST_SEEN)

    def check(self, url: str, size: int, sha256: str) -> None:
        """Return if a file is the right one.

        Raises:
            IntegrityError: If its size or hash is another.
        """
        if self.size not in (None, size):
            raise IntegrityError(url, f"{self.size} bytes", f"{size} bytes")
        if self.sha256 not in (None, sha256):
            raise IntegrityError(url, f"SHA-256 {self.sha256}", f"SHA-256 {sha256} ({size} bytes)")


def hash_from_headers(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 that the hub's response headers give, if they give one."""
    for name in ("x-linked-etag", "etag"):
        tag = headers.get(name, "").strip('"')
        if _SHA256.fullmatch(tag):
            return tag
    return None


def refuse_html(url: str, file: str, content_type: str, beginning: bytes) -> None:
    """Return unless a web page came in place of a file: many servers answer so for what they do not have.

    Raises:
        IntegrityError: If it did.
    """
    if not file.lower().endswith(_MAY_BE_HTML) and _HTML.match(beginning):
        raise IntegrityError(url, f"the file {file}", f"a web page ({content_type or 'without a content type'})")
