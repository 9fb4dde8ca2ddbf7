"""Attachments: files of records, each with its size and SHA-256 in the record.

Source: Firefox ``services/settings/Attachments.sys.mjs``; the location is relative to the root page's ``base_url``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from modelden.core import urls
from modelden.core.events import LOADING_RUNTIME, DownloadEvents, ProgressCallback, Reporter
from modelden.errors import DataRemoved, IntegrityError, InvalidResponse, UnavailableError
from modelden.ports import Blob, Blobs, Fetcher
from modelden.settings.changeset import Record
from modelden.settings.records import Attachment
from modelden.settings.store import AttachmentStore

if TYPE_CHECKING:
    from modelden.settings.server import SettingsServer

logger = logging.getLogger(__name__)

TRIES = 3
"""Attempts to download a file before its error is raised (Firefox: ``Downloader``'s ``retries``)."""

PRODUCTION = tuple(f"https://firefox.settings.services.mozilla.com/{version}" for version in ("v1", "v2"))
"""Servers whose attachments `FALLBACK` has."""

FALLBACK = "https://firefox-settings-attachments.cdn.mozilla.net/"
"""Mozilla's CDN, used if the root page is unavailable (Firefox: ``MLEngineParent``, ``RS_FALLBACK_BASE_URL``)."""


def base_url(root_page: Mapping[str, Any], server_url: str) -> str:
    """Return the URL that locations are relative to, with its final slash.

    Args:
        root_page: The server's root page.
        server_url: The server's root URL. In a tree of static files, which does not know its address, ``base_url`` is
            relative to it.

    Raises:
        InvalidResponse: If the root page has no ``base_url``.
    """
    try:
        url = root_page["capabilities"]["attachments"]["base_url"]
    except (KeyError, TypeError) as error:
        raise InvalidResponse(f"{server_url}/", "the base_url of attachments", "none") from error
    return urls.join(f"{server_url}/", str(url))


class Attachments:
    """Downloads attachments once and stores them."""

    def __init__(
        self,
        server: Callable[[], SettingsServer],
        store: AttachmentStore,
        fetcher: Fetcher,
        blobs: Blobs,
        downloads: DownloadEvents,
    ) -> None:
        self._downloads = downloads
        self._server = server
        self._store = store
        self._fetcher = fetcher
        self._blobs = blobs
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, cid: str, record: Record, on_progress: ProgressCallback | None = None) -> Blob:
        """Return the attachment's bytes, from the store if it has them.

        Args:
            cid: The collection, ``bucket/name``.
            record: A record of the collection.
            on_progress: Callback for the progress.

        Raises:
            InvalidRecord: If the record has no usable attachment.
            IntegrityError: If size or hash differ from the record's.
            UnavailableError: If it cannot be downloaded.
            StorageError: If the browser cannot store it.
        """
        attachment = Attachment.of(record)
        on_progress = self._downloads.wrap_progress(on_progress)
        async with self._locks[cid, record["id"]]:
            with Reporter(on_progress, LOADING_RUNTIME, attachment.location) as reporter:
                blob = await self._store.read(cid, record)
                if blob is None:
                    blob = await self._download(attachment, reporter)
                    await self._store.write(cid, record, blob)
                return blob

    async def is_stored(self, cid: str, record: Record) -> bool:
        """Tell whether `get` needs no request.

        Raises:
            StorageError: If the browser's storage fails.
        """
        return await self._store.read(cid, record) is not None

    async def delete_if_damaged(self, cid: str, record: Record) -> bool:
        """Hash the attachment's stored bytes again, and delete them if the hash differs.

        Returns:
            True if they are not stored any more.

        Raises:
            StorageError: If the browser's storage fails.
        """
        from modelden.core.response_body import sha256_of

        blob = await self._store.read(cid, record)
        if blob is None:  # removed since they were used
            return True
        with suppress(DataRemoved):
            if await sha256_of(blob) == Attachment.of(record).hash:
                return False
        await self._store.delete(record)
        return True

    async def verify(self) -> list[tuple[str, str, str]]:
        """Hash all stored attachments again, and delete damaged ones.

        Returns:
            Location, expected and actual hash of each; the last one is empty for bytes that cannot be read.
        """
        from modelden.core.response_body import sha256_of

        results = []
        for record, blob in await self._store.list_files():
            attachment, actual = Attachment.of(record), ""
            with suppress(DataRemoved):
                actual = await sha256_of(blob)
            if actual and actual != attachment.hash:
                await self._store.delete(record)
            results.append((attachment.location, attachment.hash, actual))
        return results

    async def prune(self) -> None:
        """Delete attachments without a record."""
        if count := await self._store.prune():
            logger.info("%d attachments without a record were deleted", count)

    async def _download(self, attachment: Attachment, reporter: Reporter) -> Blob:
        url = await self._base_url() + attachment.location
        for _ in range(TRIES - 1):
            try:
                return await self._download_once(url, attachment, reporter)
            except (IntegrityError, UnavailableError) as error:
                logger.warning("%s Trying again.", error)
                reporter.restart()
        return await self._download_once(url, attachment, reporter)

    async def _base_url(self) -> str:
        """Return the URL that locations are relative to, with its final slash."""
        server = self._server()
        try:
            page = await server.root_page()
        except UnavailableError:
            if server.url not in PRODUCTION:
                raise
            return FALLBACK
        return base_url(page, server.url)

    async def _download_once(self, url: str, attachment: Attachment, reporter: Reporter) -> Blob:
        from modelden.core.response_body import download  # most visits find everything stored

        # A task of its own: each chunk resumes the download, and not all who wait for it.
        downloading = download(self._fetcher, self._blobs, url, reporter, size=attachment.size)
        file = await asyncio.create_task(downloading)
        # Size before hash, in the order of Firefox's Downloader.
        if file.blob.size != attachment.size:
            raise IntegrityError(url, f"{attachment.size} bytes", f"{file.blob.size} bytes")
        if file.sha256 != attachment.hash:
            raise IntegrityError(url, f"SHA-256 {attachment.hash}", file.sha256)
        return file.blob
