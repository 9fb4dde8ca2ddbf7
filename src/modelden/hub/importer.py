"""Files that did not come from a hub: checked, all of them, before the first is stored."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from modelden.core.events import DownloadEvents
from modelden.core.progress import IMPORTING, ProgressCallback, Reporter
from modelden.errors import IntegrityError, NoHash
from modelden.hub.catalog.file_info import ManifestReader
from modelden.hub.catalog.integrity import SNIFFED_SIZE, ExpectedFile, hash_from_headers, refuse_html
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.chunk_writer import ChunkWriter
from modelden.hub.policy import HubPolicy
from modelden.hub.store.records import FileKey, Provenance, file_id
from modelden.hub.store.store import Store
from modelden.hub.store.tab_locks import download_lock
from modelden.hub.store.usage import Consumer
from modelden.ports import Blob, Ports


class ImportSource(NamedTuple):
    """A file that is to be imported.

    Attributes:
        file: Which one.
        key: Its key in the store.
        body: Its bytes.
        source: Where they come from, for errors.
        content_type: Its media type.
        etag: The entity tag of the hub that it came from once, if that is known.
        sha256: What its SHA-256 has to be, if whoever packed it told.
    """

    file: ModelFile
    key: FileKey
    body: Blob
    source: str
    content_type: str = "application/octet-stream"
    etag: str | None = None
    sha256: str | None = None


class Importer:
    """Imports files into the cache."""

    def __init__(
        self,
        store: Store,
        ports: Ports,
        policy: HubPolicy,
        manifests: ManifestReader | None,
        downloads: DownloadEvents,
    ) -> None:
        """Import nothing yet; the arguments are those of the hub that the files belong to."""
        self._cache = store.cache
        self._partials = store.partials
        self._writer = store.writer
        self._may_use_memory = store.policy.memory_when_full
        self._ports = ports
        self._policy = policy
        self._manifests = manifests
        self._downloads = downloads

    async def run(self, files: Sequence[ImportSource], use: Consumer, on_progress: ProgressCallback | None) -> None:
        """Import files; those whose bytes are kept already are not copied.

        Args:
            files: Which ones.
            use: For whom; kept with them.
            on_progress: Told of each file, type `IMPORTING`.

        Raises:
            IntegrityError, NoHash: If one of them is not the right one; then none is imported.
            StorageError: If there is no room, and memory will not do; files before that one stay.
        """
        on_progress = self._downloads.wrap_progress(on_progress, use.engine_id)
        checked = [await self._check(file) for file in files]
        for file, expected in zip(files, checked, strict=True):
            with Reporter(on_progress, IMPORTING, file.source, {"file": file.file.file}) as reporter:
                await self._store(file, expected, use, reporter)

    async def _check(self, file: ImportSource) -> ExpectedFile:
        """Return what a file is, hash included."""
        told = await self._manifests.expected(file.file) if self._manifests else ExpectedFile()
        if told.sha256 is None and self._policy.require_hashes:
            raise NoHash(file.source)
        digest = sha256()
        beginning = b""
        async for chunk in file.body.chunks():
            for buffer in chunk.buffers():
                digest.update(buffer)
                beginning = beginning or bytes(buffer[:SNIFFED_SIZE])
        found = digest.hexdigest()
        told.check(file.source, file.body.size, found)
        # A tag that is a hash is the bytes' own, or whoever packed it mixed something up.
        tag = hash_from_headers({"etag": file.etag or ""})
        for expected in (file.sha256, tag):
            ExpectedFile(expected).check(file.source, file.body.size, found)
        refuse_html(file.source, file.file.file, file.content_type, beginning)
        if file.file.file.endswith(".json") and not await file.body.is_json():
            raise IntegrityError(file.source, f"the JSON file {file.file.file}", f"{file.body.size} bytes of none")
        return ExpectedFile(found, file.body.size, told.integrity)

    async def _store(self, file: ImportSource, expected: ExpectedFile, use: Consumer, reporter: Reporter) -> None:
        headers = {"content-type": file.content_type, "content-length": str(file.body.size)}
        origin = Provenance(headers | ({"etag": file.etag} if file.etag else {}), expected.integrity, hub=None)
        if await self._is_kept(file.key, use, expected, origin):
            return
        async with self._ports.locks.hold(download_lock(file_id(file.key))):
            await self._partials.delete(file.key)
            body = ChunkWriter(
                file.key,
                self._partials,
                self._ports.blobs,
                self._ports.clock,
                required=not self._may_use_memory,
            )
            try:
                if not await self._writer.reserve(file.key, file.body.size):
                    await body.use_memory()
                async for chunk in file.body.chunks():
                    await body.write(chunk)
                    reporter.advance(chunk.size, file.body.size)
                received = await body.finish(file.content_type)
                expected.check(file.source, received.size, received.sha256)
                await self._writer.write(file.key, use, received, origin)
            finally:
                await body.close()
                await self._partials.delete(file.key)
                self._writer.release(file.key)

    async def _is_kept(self, key: FileKey, use: Consumer, expected: ExpectedFile, origin: Provenance) -> bool:
        """Tell whether the file, or another one with the same bytes, is kept; then it is kept for this use too."""
        kept = await self._cache.get(key, use)
        if kept is not None and kept.sha256 == expected.sha256:
            return True
        twin = await self._cache.with_hash(expected.sha256 or "")
        linked = twin is not None and await self._cache.link(key, use, twin, origin)
        return linked and await self._cache.get(key, None) is not None
