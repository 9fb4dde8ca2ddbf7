"""Hashes and stores the bytes of a download in one pass. Python holds one chunk at a time.

Chunks are collected outside of Python, and stored when there are enough of them; the download continues meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable

from modelden.errors import DataRemoved, StorageError
from modelden.hub.catalog.file_format import SNIFFED_SIZE
from modelden.hub.store.contents import FIRST_SIZE, ReceivedBody
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey, PartialFile
from modelden.ports import Blob, BlobBuilder, Blobs, Chunk, Clock

logger = logging.getLogger(__name__)

CHUNK_SIZE = 16 * 1024 * 1024
"""Maximum bytes that are stored together. A killed page loses at most as many."""

CHUNK_SECONDS = 5.0
"""Seconds after which fewer bytes are stored, so that slow connections lose little."""


class ChunkWriter:
    """The bytes of one file, hashed and stored while more of them arrive.

    Attributes:
        beginning: The first bytes, up to `file_format.SNIFFED_SIZE`; those of an earlier download are not included.
    """

    def __init__(
        self,
        key: FileKey,
        partials: PartialDownloads,
        blobs: Blobs,
        clock: Clock,
        allows_memory: Callable[[StorageError], bool],
    ) -> None:
        """Create a writer without bytes.

        Args:
            key: Key of the file.
            partials: Stores the chunks.
            blobs: Collects the bytes.
            clock: Tells the age of pending bytes.
            allows_memory: Decides by its error whether refused bytes stay in memory; otherwise it is raised.
        """
        self._key = key
        self._partials = partials
        self._blobs = blobs
        self._clock = clock
        self._allows_memory = allows_memory
        self._storing: asyncio.Task[None] | None = None
        self._memory: list[Blob] | None = None
        self._refusal: StorageError | None = None
        self._pending: BlobBuilder = blobs.builder()
        self._reset("", None, None)

    @property
    def partial(self) -> PartialFile:
        """The beginning that is stored, or is being stored."""
        return self._partial

    @property
    def received(self) -> int:
        """Bytes received, stored or not."""
        return self._partial.received + self._pending.size

    @property
    def is_in_memory(self) -> bool:
        """True if no more bytes are stored."""
        return self._memory is not None

    async def resume(self, partial: PartialFile) -> bool:
        """Continue a stored beginning, which is hashed again; False if it is damaged or empty.

        The last chunk of a beginning with all bytes is downloaded again: servers do not send a remainder of no bytes.
        """
        chunks = await self._partials.blobs(partial)
        if len(chunks) != partial.chunks or sum(chunk.size for chunk in chunks) != partial.received:
            return False
        if partial.received == partial.total:
            partial = await self._partials.shorten(self._key, partial, chunks.pop().size)
        if not chunks:
            return False
        for blob in chunks:
            async for chunk in blob.chunks():
                self._hash(chunk)
        self._partial = partial
        return True

    async def restart(self, url: str, validator: str | None, total: int | None) -> None:
        """Start again at the first byte, and delete the stored bytes.

        Args:
            url: URL of the download.
            validator: Value for a later ``If-Range``.
            total: Size of the file, when known.
        """
        await self._wait_stored()
        if self._partial.chunks and self._memory is None:
            await self._partials.delete(self._key)
        self._memory = None
        self._reset(url, validator, total)

    async def write(self, chunk: Chunk) -> None:
        """Add the next bytes.

        Raises:
            StorageError: If storage refuses bytes, and memory is not allowed.
        """
        self._hash(chunk)
        await self._pending.append(chunk)
        seconds = abs(self._clock.now() - self._stored_at) / 1000  # a clock that was set back must not lengthen them
        chunk_size = min(max(self._partial.received, FIRST_SIZE), CHUNK_SIZE)
        if self._pending.size >= chunk_size or seconds >= CHUNK_SECONDS:
            await self.flush()

    async def flush(self) -> None:
        """Start to store the pending bytes, once the chunk before them is stored.

        Raises:
            StorageError: If storage refuses bytes, and memory is not allowed.
        """
        await self._wait_stored()
        if not self._pending.size or self._memory is not None or self._refusal is not None:
            return
        blob = await self._take_pending().build()
        before = self._partial
        self._partial = before._replace(received=before.received + blob.size, chunks=before.chunks + 1)
        self._stored_at = self._clock.now()
        self._storing = asyncio.ensure_future(self._store(before, blob))

    async def finish(self, content_type: str) -> ReceivedBody:
        """Return the complete body. Its pending bytes are stored by the caller.

        Raises:
            StorageError: If storage refused bytes, and memory is not allowed.
        """
        await self._wait_stored()
        size = self.received
        rest = self._blobs.join([*(self._memory or []), await self._take_pending().build()], content_type)
        is_stored = self._memory is None
        stored = await self._partials.blobs(self._partial) if is_stored and self._partial.chunks else []
        blob = self._blobs.join([*stored, rest], content_type) if stored else rest
        if blob.size != size:
            raise DataRemoved(f"The data of this site were removed while {self._partial.url} was downloaded.")
        return ReceivedBody(
            sha256=self._digest.hexdigest(),
            size=size,
            partial=self._partial,
            rest=rest,
            blob=blob,
            stored=is_stored,
            refusal=self._refusal,
        )

    async def use_memory(self) -> None:
        """Store no more bytes, and delete the stored ones, whose Blobs stay in use."""
        await self._wait_stored()
        if self._memory is None:
            await self._move_to_memory(self._partial)

    async def close(self) -> None:
        """Store the pending bytes of a download that failed, so that a later one can resume it.

        The error of the download is on its way to the caller: failures of storage are only logged.
        """
        try:
            await self.flush()
            await self._wait_stored()
        except StorageError as error:
            logger.info("The beginning of %s is not stored: %s", self._key.name, error)
        if self._refusal is not None:
            await self.discard()

    async def discard(self) -> None:
        """Delete all bytes of a download that failed; failures of storage are only logged, as in `close`."""
        try:
            await self._wait_stored()
        except StorageError as error:
            logger.info("A chunk of %s is not stored: %s", self._key.name, error)
        self._memory = None
        self._reset("", None, None)
        await self._delete_stored()

    def _take_pending(self) -> BlobBuilder:
        pending, self._pending = self._pending, self._blobs.builder()
        return pending

    def _hash(self, chunk: Chunk) -> None:
        for buffer in chunk.buffers():
            self._digest.update(buffer)
            if len(self.beginning) < SNIFFED_SIZE:
                self.beginning += buffer[: SNIFFED_SIZE - len(self.beginning)]

    def _reset(self, url: str, validator: str | None, total: int | None) -> None:
        self._partial = PartialFile(os.urandom(16).hex(), url, validator, total, received=0, chunks=0)
        self._digest = hashlib.sha256()
        self.beginning = b""
        self._pending = self._blobs.builder()
        self._stored_at = self._clock.now()

    async def _store(self, before: PartialFile, blob: Blob) -> None:
        try:
            await self._partials.append(self._key, self._partial, blob)
        except StorageError as error:
            self._refusal = error
            if not self._allows_memory(error):
                raise
            await self._move_to_memory(before)
            self._memory = [*(self._memory or []), blob]

    async def _move_to_memory(self, partial: PartialFile) -> None:
        # A Blob that was read from IndexedDB outlives its row.
        self._memory = await self._partials.blobs(partial)
        await self._delete_stored()

    async def _delete_stored(self) -> None:
        try:
            await self._partials.delete(self._key)
        except StorageError as error:  # the bytes only take space, until a sweep deletes them
            logger.warning("The stored beginning of %s cannot be deleted: %s", self._key.name, error)

    async def _wait_stored(self) -> None:
        """Wait for the chunk that is being stored. A cancellation takes effect afterwards: a commit cannot be undone.

        Raises:
            StorageError: If storage refused it, and memory is not allowed.
        """
        if self._storing is None:
            return
        cancellation: asyncio.CancelledError | None = None
        while not self._storing.done():
            try:
                await asyncio.wait({self._storing})
            except asyncio.CancelledError as error:
                cancellation = error
        storing, self._storing = self._storing, None
        if cancellation is not None:
            storing.exception()  # retrieved: the cancellation takes precedence
            raise cancellation
        storing.result()
