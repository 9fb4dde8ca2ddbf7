"""What is kept of a file: its bytes, where it came from, Firefox's record of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from modelden.hub.listing import etag_of
from modelden.ports import Blob, Row


class Origin(NamedTuple):
    """Where a file comes from, to be kept with it.

    Attributes:
        headers: The hub's response headers, names in lower case.
        integrity: Who vouches for it, as in `integrity.Expected`.
        hub: The hub's root URL; None when it was imported.
    """

    headers: Mapping[str, str]
    integrity: str
    hub: str | None


class Kept(NamedTuple):
    """A file that is kept.

    Attributes:
        blob: Its bytes.
        sha256: Their SHA-256 in lower-case hexadecimal, as it was when they were stored.
        integrity: Who vouches for it, as in `integrity.Expected`.
        fields: The header record.
    """

    blob: Blob
    sha256: str
    integrity: str
    fields: Mapping[str, Any]

    @property
    def etag(self) -> str | None:
        """The hub's entity tag, or None when it sent none."""
        return etag_of(self.fields)


def header_record(response: Mapping[str, str], size: int, now: int) -> Row:
    """Return what Firefox keeps of a response's headers."""
    # Firefox's fields, in its order (ModelHub.sys.mjs, extractHeaders).
    return {
        "Content-Type": response.get("content-type", "application/octet-stream").partition(";")[0].strip(),
        "Content-Length": response.get("content-length"),
        "ETag": response.get("etag", "NO_ETAG"),
        "fileSize": size,
        "lastUpdated": now,
        "lastUsed": now,
    }
