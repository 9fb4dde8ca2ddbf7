"""Attachments: files that a record announces with size and SHA-256.

Source: Firefox ``services/settings/Attachments.sys.mjs``; the location is relative to the root page's ``base_url``.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelden.download import download
from modelden.errors import IntegrityError, InvalidRecord
from modelden.locks import KeyedLocks
from modelden.ports import Blob, Blobs, Fetcher
from modelden.progress import LOADING_RUNTIME, ProgressCallback, Reporter
from modelden.settings.changeset import Record
from modelden.settings.client import SettingsClient
from modelden.settings.store import SettingsStore


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a record says of its attachment.

    Attributes:
        location: Path below the server's ``base_url``.
        size: In bytes.
        hash: SHA-256 in lower-case hexadecimal.
    """

    location: str
    size: int
    hash: str

    @classmethod
    def of(cls, record: Record) -> Attachment:
        """Read it from a record.

        Raises:
            InvalidRecord: If the record has no attachment, or one with missing or wrong fields.
        """
        match record.get("attachment"):
            case {"location": str(location), "size": int(size), "hash": str(digest)} if len(digest) == 64:
                return cls(location, size, digest)
            case other:
                raise InvalidRecord(
                    f"The record {record['id']} of Remote Settings should have an attachment with location, size and "
                    f"SHA-256 hash, but has {other!r}."
                )


class Attachments:
    """Fetches attachments once and keeps them."""

    def __init__(self, cid: str, client: SettingsClient, store: SettingsStore, fetcher: Fetcher, blobs: Blobs) -> None:
        """For the collection ``cid`` (``bucket/name``)."""
        self._cid = cid
        self._client = client
        self._store = store
        self._fetcher = fetcher
        self._blobs = blobs
        self._locks = KeyedLocks()

    async def get(self, record: Record, on_progress: ProgressCallback | None = None) -> Blob:
        """Return the attachment's bytes, from the store when it has them.

        Args:
            record: A record of the collection.
            on_progress: Told of the download, or that there was none.

        Raises:
            InvalidRecord: If the record announces no usable attachment.
            IntegrityError: If size or hash differ from the record's.
            UnavailableError: If it cannot be fetched.
            StorageError: If the browser cannot store it.
        """
        attachment = Attachment.of(record)
        async with self._locks(record["id"]):
            with Reporter(on_progress, LOADING_RUNTIME, attachment.location) as reporter:
                blob = await self._store.read_attachment(self._cid, record)
                if blob is None:
                    blob = await self._fetch(attachment, reporter)
                    await self._store.write_attachment(self._cid, record, blob)
                return blob

    async def _fetch(self, attachment: Attachment, reporter: Reporter) -> Blob:
        url = await self._client.attachments_base_url() + attachment.location
        got = await download(self._fetcher, self._blobs, url, reporter, size=attachment.size)
        # Size before hash, as Firefox: Downloader's checks.
        if got.blob.size != attachment.size:
            raise IntegrityError(url, f"{attachment.size} bytes", f"{got.blob.size} bytes")
        if got.sha256 != attachment.hash:
            raise IntegrityError(url, f"SHA-256 {attachment.hash}", got.sha256)
        return got.blob
