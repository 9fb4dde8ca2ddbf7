"""Imports files that do not come from a hub. All of them are verified before the first is stored."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from modelden.core.events import IMPORTING, ProgressCallback, Reporter, report_plan
from modelden.errors import IntegrityError, NoHash
from modelden.hub.catalog.file_format import SNIFFED_SIZE, check_format, check_json_size, refuse_page
from modelden.hub.catalog.integrity import FIRST_SEEN, SIGNED, ExpectedFile
from modelden.hub.catalog.names import is_branch
from modelden.hub.download.chunk_writer import ChunkWriter
from modelden.hub.store.partials import download_lock
from modelden.hub.store.records import FileKey, Provenance

if TYPE_CHECKING:
    from modelden.core.events import DownloadEvents
    from modelden.hub.catalog.file_info import ManifestReader
    from modelden.hub.catalog.names import ModelFile
    from modelden.hub.policy import HubPolicy
    from modelden.hub.store.store import Store
    from modelden.hub.store.usage import Consumer
    from modelden.ports import Blob, Ports


class ImportSource(NamedTuple):
    """A file to import.

    Attributes:
        file: Model, revision and path.
        key: Key in the store.
        body: The bytes.
        source: Name of the origin, for errors.
        content_type: Media type.
        etag: Entity tag by the archive that it comes from, if any. It is stored only if it is the SHA-256 of the bytes.
        sha256: SHA-256 by the archive that it comes from, if any.
    """

    file: ModelFile
    key: FileKey
    body: Blob
    source: str
    content_type: str = "application/octet-stream"
    etag: str | None = None
    sha256: str | None = None


class Importer:
    """Imports files into the store."""

    def __init__(
        self,
        store: Store,
        ports: Ports,
        policy: HubPolicy,
        manifests: ManifestReader | None,
        events: DownloadEvents,
    ) -> None:
        """Create an importer; policy, manifests and events are those of the hub that the files belong to."""
        self._cache = store.cache
        self._partials = store.partials
        self._writer = store.writer
        self._allows_memory = store.policy.allows_memory
        self._ports = ports
        self._policy = policy
        self._manifests = manifests
        self._events = events

    async def run(
        self, files: Sequence[ImportSource], consumer: Consumer, on_progress: ProgressCallback | None
    ) -> None:
        """Import files. Bytes that are stored already are not copied.

        Args:
            files: The files.
            consumer: Task and engine, recorded with the files.
            on_progress: Called for each file, with the type `IMPORTING`.

        Raises:
            IntegrityError, NoHash: If one of them is not the expected file. Then none is imported.
            StorageError: Without space, if memory is not allowed. The files before that one stay.
        """
        verified = [await self._verify(file) for file in files]
        report_plan(on_progress, files[0].file.model, {file.source: file.body.size for file in files})
        on_progress = self._events.wrap_progress(on_progress, consumer.engine_id)
        for file, actual in zip(files, verified, strict=True):
            with Reporter(on_progress, IMPORTING, file.source, {"file": file.file.file}) as reporter:
                await self._import(file, actual, consumer, reporter)

    async def _verify(self, file: ImportSource) -> ExpectedFile:
        """Return the size and hash of a file, which are those that manifest and archive expect."""
        path, size = file.file.file, file.body.size
        check_json_size(file.source, path, size)
        expected = await self._manifests.expected(file.file) if self._manifests else ExpectedFile()
        if expected.sha256 is None and self._policy.require_hashes:
            raise NoHash(file.source)
        actual, beginning = await _hash(file.body)
        expected.check(file.source, size, actual)
        ExpectedFile(file.sha256).check(file.source, size, actual)
        refuse_page(file.source, path, file.content_type, beginning)
        if expected.sha256 is None and file.sha256 is None:
            await check_format(file.source, path, file.body)
        if path.endswith(".json") and not await file.body.is_json():
            raise IntegrityError(file.source, f"the JSON file {path}", f"{size} bytes that are no JSON")
        if expected.integrity != SIGNED:
            await self._check_stored(file, actual)
        return ExpectedFile(actual, size, expected.integrity)

    async def _check_stored(self, file: ImportSource, actual: str) -> None:
        """Refuse other bytes than the stored ones of a pinned revision, which a hub or a manifest has confirmed.

        Nobody would ever ask the hub about them again.

        Raises:
            IntegrityError: If the bytes differ.
        """
        stored = None if is_branch(file.file.revision) else await self._cache.get(file.key, None)
        if stored is not None and stored.integrity != FIRST_SEEN and stored.sha256 != actual:
            expected = f"SHA-256 {stored.sha256} of the stored file, which is {stored.integrity}-checked"
            raise IntegrityError(file.source, expected, f"SHA-256 {actual}")

    async def _import(self, file: ImportSource, actual: ExpectedFile, consumer: Consumer, reporter: Reporter) -> None:
        headers = {"content-type": file.content_type, "content-length": str(file.body.size)}
        if file.etag == f'"{actual.sha256}"':  # any other tag is the archive's word for the hub's
            headers["etag"] = file.etag
        provenance = Provenance(headers, actual.integrity, hub=None)
        if await self._is_stored(file.key, actual, consumer, provenance):
            return
        async with self._ports.locks.hold(download_lock(file.key.id)):
            await self._partials.delete(file.key)
            try:
                await self._copy(file, actual, consumer, provenance, reporter)
            finally:
                self._writer.release(file.key)

    async def _copy(
        self, file: ImportSource, actual: ExpectedFile, consumer: Consumer, provenance: Provenance, reporter: Reporter
    ) -> None:
        blobs, clock = self._ports.blobs, self._ports.clock
        writer = ChunkWriter(file.key, self._partials, blobs, clock, self._allows_memory)
        try:
            if not await self._writer.reserve(file.key, file.body.size):
                await writer.use_memory()
            async for chunk in file.body.chunks():
                await writer.write(chunk)
                reporter.advance(chunk.size, file.body.size)
            body = await writer.finish(file.content_type)
            actual.check(file.source, body.size, body.sha256)
            await self._writer.write(file.key, consumer, body, provenance)
        except BaseException:
            await writer.discard()
            raise

    async def _is_stored(self, key: FileKey, actual: ExpectedFile, consumer: Consumer, provenance: Provenance) -> bool:
        """Return True if the file is stored, or could be linked to equal stored bytes."""
        cached = await self._cache.get(key, consumer)
        # A file that is stored and that nobody vouched for is linked to itself once a manifest does.
        if cached is not None and cached.sha256 == actual.sha256 and actual.integrity in (FIRST_SEEN, cached.integrity):
            return True
        source = await self._cache.with_hash(actual.sha256 or "")
        is_linked = source is not None and await self._cache.link(key, consumer, source, provenance)
        return is_linked and await self._cache.get(key, None) is not None


async def _hash(body: Blob) -> tuple[str, bytes]:
    """Return the SHA-256 of a body, and its first bytes."""
    digest, beginning = sha256(), b""
    async for chunk in body.chunks():
        for buffer in chunk.buffers():
            digest.update(buffer)
            beginning = beginning or bytes(buffer[:SNIFFED_SIZE])
    return digest.hexdigest(), beginning
