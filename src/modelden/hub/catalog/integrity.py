"""Checks a file's size and SHA-256. Pure.

An entity tag is opaque (RFC 9110, section 8.8.3) unless its server promises more. Tags that look like a SHA-256 and are
another hash: Hugging Face's storage (Xet), git hosts with SHA-256 object names. So a hash is one of, in this order:

1. the hash of a signed manifest;
2. ``X-Linked-ETag``, the SHA-256 of a large file on Hugging Face's hub, which a page cannot read on a redirect;
3. the strong ``ETag`` of a response with `ETAG_DIGEST`, as `modelden.host` sends it;
4. the hash of the hub's own list (`repository`).

Mozilla's hub promises none. A server that compresses a response makes its tag weak or another one (section 8.8.3.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from modelden.core.response_body import parse_whole
from modelden.errors import IntegrityError
from modelden.hub.catalog.names import NO_ETAG
from modelden.settings.records import is_sha256

ETAG_DIGEST = "x-etag-digest"
"""Response header by which a hub promises that its entity tags are hashes of the content: ``X-ETag-Digest: sha-256``.
The name of the algorithm is that of RFC 9530."""

SIGNED = "signed"
HUB = "hub"
FIRST_SEEN = "first-seen"

_STRONG_TAG = re.compile(r'"([^"]*)"')


class ExpectedFile(NamedTuple):
    """The expected size and SHA-256 of a file, and their source.

    Attributes:
        sha256: SHA-256 in lower-case hexadecimal, or None when unknown.
        size: Size in bytes, or None when unknown.
        integrity: The source of the hash: `SIGNED`, `HUB`, or `FIRST_SEEN` for none.
        git_oid: Name of the file as a git blob, a SHA-1 in hexadecimal, or None when unknown. It is enough for the hub
            itself. A mirror could prepare two files with one SHA-1.
        commit: Commit of the hub that the file is downloaded of; None for the revision as the hub has it.
    """

    sha256: str | None = None
    size: int | None = None
    integrity: str = FIRST_SEEN
    git_oid: str | None = None
    commit: str | None = None

    def with_headers(self, headers: Mapping[str, str]) -> ExpectedFile:
        """Return this if its hash is known, else what the hub's response headers say."""
        if self.sha256 is not None:
            return self
        sha256 = hash_from_headers(headers)
        size = parse_whole(headers.get("x-linked-size", ""))
        size = self.size if size is None else size
        return self._replace(sha256=sha256, size=size, integrity=HUB if sha256 else self.integrity)

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
    """Return the SHA-256 that a hub's response headers promise, or None."""
    linked = headers.get("x-linked-etag", "").strip('"')
    if is_sha256(linked):
        return linked
    if headers.get(ETAG_DIGEST, "").strip().lower() != "sha-256":
        return None
    match = _STRONG_TAG.fullmatch(headers.get("etag", ""))
    return match[1] if match and is_sha256(match[1]) else None


def is_current(headers: Mapping[str, str], sha256: str, etag: str | None) -> bool:
    """Return False if a hub's response describes other content than a stored file of the same URL.

    A promised hash decides alone. Otherwise tags are compared as Firefox compares them: as they are, weak or not.

    Args:
        headers: The response headers of the file's URL; without a tag they describe nothing.
        sha256: SHA-256 of the stored file.
        etag: Its stored entity tag, or None.
    """
    promised = hash_from_headers(headers)
    # A hub whose tag is NO_ETAG is stored as one without a tag.
    return promised == sha256 if promised else headers.get("etag", etag) in (etag, etag or NO_ETAG)


def headers_of_content(headers: Mapping[str, str], sha256: str) -> dict[str, str]:
    """Return a hub's headers for bytes that came from elsewhere: without the tag, unless it stands for these bytes.

    A mirror, an archive or another stored file brings bytes. The hub's tag may already be that of later ones.
    """
    if hash_from_headers(headers) == sha256:
        return dict(headers)
    return {name: value for name, value in headers.items() if name != "etag"}
