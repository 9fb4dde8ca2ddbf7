"""Checks a file's size, SHA-256 and first bytes, and the format that its name promises. Pure.

The hash of a signed manifest takes precedence over the hub's own. Hugging Face's hub sends the SHA-256 of a large file
as ``X-Linked-ETag``, its storage as ``ETag``; `modelden.host` sends it for every file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from modelden.errors import IntegrityError
from modelden.settings.records import is_sha256

SIGNED = "signed"
HUB = "hub"
FIRST_SEEN = "first-seen"

_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_TEXT_SUFFIXES = (".html", ".htm", ".md", ".txt")
"""Files with these suffixes may contain HTML."""

SNIFFED_SIZE = 1024
"""Number of bytes at a file's start that `refuse_html` looks at."""

JSON_LIMIT = 64 * 1024 * 1024
"""Maximum bytes of a JSON file of a model, which are parsed at once. The largest tokenizers have 35 MB."""


class ExpectedFile(NamedTuple):
    """The expected size and SHA-256 of a file, and their source.

    Attributes:
        sha256: SHA-256 in lower-case hexadecimal, or None when unknown.
        size: Size in bytes, or None when unknown.
        integrity: The source of the hash: `SIGNED`, `HUB`, or `FIRST_SEEN` for none.
    """

    sha256: str | None = None
    size: int | None = None
    integrity: str = FIRST_SEEN

    def with_headers(self, headers: Mapping[str, str]) -> ExpectedFile:
        """Return this if its hash is known, else what the hub's response headers say."""
        if self.sha256 is not None:
            return self
        sha256 = hash_from_headers(headers)
        linked_size = headers.get("x-linked-size", "")
        size = int(linked_size) if linked_size.isdecimal() else self.size
        return ExpectedFile(sha256, size, HUB if sha256 else FIRST_SEEN)

    def check(self, url: str, size: int, sha256: str) -> None:
        """Compare the size and hash of a file with the expected ones.

        Raises:
            IntegrityError: If they differ.
        """
        if self.size not in (None, size):
            raise IntegrityError(url, f"{self.size} bytes", f"{size} bytes")
        if self.sha256 not in (None, sha256):
            raise IntegrityError(url, f"SHA-256 {self.sha256}", f"SHA-256 {sha256} ({size} bytes)")


def hash_from_headers(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 in a hub's response headers, or None."""
    for name in ("x-linked-etag", "etag"):
        tag = headers.get(name, "").strip('"')
        if is_sha256(tag):
            return tag
    return None


def refuse_html(url: str, file: str, content_type: str, beginning: bytes) -> None:
    """Refuse a web page in place of a file: many servers send one for files that they do not have.

    Raises:
        IntegrityError: If the first bytes are HTML, and the file's suffix is not that of a text.
    """
    if not file.lower().endswith(_TEXT_SUFFIXES) and _HTML.match(beginning):
        raise IntegrityError(url, f"the file {file}", f"a web page ({content_type or 'without a content type'})")


def check_json_size(url: str, file: str, size: int) -> None:
    """Refuse a JSON file that is too large to be parsed.

    Args:
        url: URL of the file.
        file: Path in the repository.
        size: Bytes that are announced, or were received.

    Raises:
        IntegrityError: If it has more than `JSON_LIMIT` bytes.
    """
    if file.endswith(".json") and size > JSON_LIMIT:
        raise IntegrityError(url, f"a JSON file of at most {JSON_LIMIT} bytes", f"{size} or more")
