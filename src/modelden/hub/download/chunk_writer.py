"""A file's bytes as they come: hashed and stored in one pass. Python sees one chunk at a time, and keeps none."""

from __future__ import annotations

import asyncio
import hashlib
import os

from modelden.errors import StorageError, StorageUnavailable
from modelden.hub.catalog.integrity import SNIFFED_SIZE
from modelden.hub.store.contents import FIRST_SIZE, ReceivedBody
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey, PartialFile
from modelden.ports import Blob, BlobBuilder, Blobs, Chunk, Clock

CHUNK_SIZE = 16 * 1024 * 1024
"""Bytes that are stored together: what a killed page loses at most."""

CHUNK_SECONDS = 5.0
"""Seconds after which less is stored, so that slow lines lose little."""


class ChunkWriter:
    """Takes the chunks of one file's body and stores them, while more come."""

    def __init__(self, key: FileKey, partials: PartialDownloads, blobs: Blobs, clock: Clock, *, required: bool) -> None:
        """Begin with nothing; `resume` takes over what an earlier download stored.

        Args:
            key: Which file.
            partials: Where it goes.
            blobs: Collects the bytes.
            clock: Tells when to store.
            required: Fail when storage refuses; otherwise go on from memory.
        """
        self._key = key
        self._partials = partials
        self._blobs = blobs
        self._clock = clock
        self._required = required
        self._storing: asyncio.Task[None] | None = None
        self._memory: list[Blob] | None = None
        self._refusal: StorageError | None = None
        self._pending: BlobBuilder = blobs.builder()
        self._clear("", None, None)

    @property
    def partial(self) -> PartialFile:
        """What is stored, or is being stored."""
        return self._partial

    @property
    def received(self) -> int:
        """Bytes that came, stored or not."""
        return self._partial.received + self._pending.size

    @property
    def beginning(self) -> bytes:
        """The file's first bytes, up to `integrity.SNIFFED_SIZE`; none of what an earlier download stored."""
        return self._beginning

    async def resume(self, partial: PartialFile) -> bool:
        """Take over what is stored, after hashing it again; False if it is not what its note says, or nothing is left.

        Of a file that is stored whole, and was never checked, the last chunk is fetched again: no server gives a rest
        of no bytes.
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
        """Begin at the first byte; what was stored goes."""
        await self._wait_stored()
        if self._partial.chunks and self._memory is None:
            await self._partials.delete(self._key)
        self._memory = None
        self._clear(url, validator, total)

    async def write(self, chunk: Chunk) -> None:
        """Take the next bytes.

        Raises:
            StorageError: If storage refuses them, and it is required.
        """
        self._hash(chunk)
        await self._pending.append(chunk)
        age = (self._clock.now() - self._stored_at) / 1000
        enough = min(max(self._partial.received, FIRST_SIZE), CHUNK_SIZE)
        if self._pending.size >= enough or age >= CHUNK_SECONDS:
            await self.flush()

    async def flush(self) -> None:
        """Store what has come. Returns when it is under way, and what was under way before is stored.

        Raises:
            StorageError: If storage refused, and it is required.
        """
        await self._wait_stored()
        if not self._pending.size or self._memory is not None:
            return
        pending = self._replace_pending()
        blob = await pending.build()
        partial = self._partial
        self._partial = partial._replace(received=partial.received + blob.size, chunks=partial.chunks + 1)
        self._stored_at = self._clock.now()
        self._storing = asyncio.ensure_future(self._store(partial, blob))

    async def close(self) -> None:
        """Store what has come, and wait until it is; what storage refuses is lost."""
        try:
            await self.flush()
            await self._wait_stored()
        except StorageError:
            await self._partials.delete(self._key)

    async def finish(self, content_type: str) -> ReceivedBody:
        """Return the whole. It is the caller's now: what was not stored yet is not stored here any more.

        Raises:
            StorageError: If storage refused, and it is required.
        """
        await self._wait_stored()
        size = self.received
        pending = self._replace_pending()
        rest = self._blobs.join([*(self._memory or []), await pending.build()], content_type)
        stored = await self._partials.blobs(self._partial) if self._memory is None else []
        blob = self._blobs.join([*stored, rest], content_type) if stored else rest
        if blob.size != size:
            raise StorageUnavailable(f"The data of this site were removed while {self._partial.url} was downloaded.")
        return ReceivedBody(
            sha256=self._digest.hexdigest(),
            size=size,
            partial=self._partial,
            rest=rest,
            blob=blob,
            stored=self._memory is None,
            refusal=self._refusal,
        )

    async def use_memory(self) -> None:
        """Store nothing, from now on; what was stored goes, and stays in use."""
        await self._wait_stored()
        if self._memory is None:
            await self._forget_stored(self._partial)

    def _replace_pending(self) -> BlobBuilder:
        pending, self._pending = self._pending, self._blobs.builder()
        return pending

    def _hash(self, chunk: Chunk) -> None:
        for buffer in chunk.buffers():
            self._digest.update(buffer)
            if len(self._beginning) < SNIFFED_SIZE:
                self._beginning += buffer[: SNIFFED_SIZE - len(self._beginning)]

    def _clear(self, url: str, validator: str | None, total: int | None) -> None:
        self._partial = PartialFile(os.urandom(16).hex(), url, validator, total, received=0, chunks=0)
        self._digest = hashlib.sha256()
        self._beginning = b""
        self._pending = self._blobs.builder()
        self._stored_at = self._clock.now()

    async def _store(self, before: PartialFile, blob: Blob) -> None:
        try:
            await self._partials.append(self._key, self._partial, blob)
        except StorageError as error:
            if self._required:
                raise
            self._refusal = error
            await self._forget_stored(before)
            self._memory = [*(self._memory or []), blob]

    async def _forget_stored(self, partial: PartialFile) -> None:
        # A Blob that was read from IndexedDB outlives its row.
        self._memory = await self._partials.blobs(partial)
        await self._partials.delete(self._key)

    async def _wait_stored(self) -> None:
        storing = self._storing
        if storing is None:
            return
        try:
            # A transaction cannot be taken back: whoever is cancelled here waits for it again, in `close`.
            await asyncio.shield(storing)
        finally:
            if storing.done():
                self._storing = None
