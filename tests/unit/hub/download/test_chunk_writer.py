"""The bytes of a download in storage: errors and cancellations leave no task and no damaged beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from modelden._js.page_locks import PageLocks
from modelden.errors import QuotaExceeded, StorageUnavailable
from modelden.hub.download import chunk_writer
from modelden.hub.download.chunk_writer import ChunkWriter
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.records import FileKey
from modelden.hub.store.schema import MODEL_FILES
from modelden.ports import Delete, Key, Put, Row, Unchanged
from tests.simulators.blobs import MemoryBlobs, MemoryChunk
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase

KEY = FileKey("localhost/org/model", "v1", "model.onnx", "https://localhost/")
CHUNK = MemoryChunk(bytes(range(100)))


class FaultyDatabase(MemoryDatabase):
    """Commits when `gate` is open; once `broken`, every call fails."""

    def __init__(self) -> None:
        super().__init__(MODEL_FILES)
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    def _check(self) -> None:
        if self.broken:
            raise StorageUnavailable("The database is gone.")

    async def get(self, store: str, key: Key) -> Row | None:
        self._check()
        return await super().get(store, key)

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        await self.gate.wait()
        self._check()
        return await super().commit(changes, condition)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> FaultyDatabase:
    # A size, not behaviour: each of the chunks is stored by itself.
    monkeypatch.setattr(chunk_writer, "CHUNK_SIZE", CHUNK.size)
    return FaultyDatabase()


def writer_of(database: FaultyDatabase, *, required: bool = True) -> ChunkWriter:
    clock = ManualClock()
    partials = PartialDownloads(database, clock, PageLocks())
    return ChunkWriter(KEY, partials, MemoryBlobs(), clock, lambda _: not required)


async def write_on(writer: ChunkWriter) -> None:
    """Write until something fails."""
    while True:
        await writer.write(CHUNK)


async def test_chunks_become_one_body(database: FaultyDatabase) -> None:
    writer = writer_of(database)
    for _ in range(3):
        await writer.write(CHUNK)
    body = await writer.finish("text/plain")

    assert (await body.blob.read(), body.size, body.stored) == (CHUNK.data * 3, 300, True)
    assert body.partial.chunks == len(database.contents()["chunks"]) == 3


async def test_a_stored_beginning_is_resumed(database: FaultyDatabase) -> None:
    before = writer_of(database)
    await before.restart("url", '"tag"', 300)
    await before.write(CHUNK)
    await before.close()

    writer = writer_of(database)
    assert await writer.resume(before.partial)
    await writer.write(CHUNK)
    whole = writer_of(FaultyDatabase())
    await whole.write(MemoryChunk(CHUNK.data * 2))
    assert (await writer.finish("")).sha256 == (await whole.finish("")).sha256


async def test_a_download_that_is_cancelled_twice_ends_with_its_last_commit(database: FaultyDatabase) -> None:
    writer = writer_of(database)

    async def download() -> None:
        try:
            await write_on(writer)
        except BaseException:
            await writer.close()
            raise

    database.gate.clear()
    task = asyncio.ensure_future(download())
    for _ in range(2):
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()

    database.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cleanup_that_fails_is_logged(database: FaultyDatabase, caplog: pytest.LogCaptureFixture) -> None:
    writer = writer_of(database)
    await writer.write(MemoryChunk(b"some"))
    database.broken = True
    await writer.close()

    assert "localhost/org/model/v1/model.onnx cannot be deleted: The database is gone." in caplog.text


async def test_nothing_is_stored_behind_a_chunk_that_was_refused(database: FaultyDatabase) -> None:
    writer = writer_of(database)
    database.full = True
    with pytest.raises(QuotaExceeded):
        await write_on(writer)
    database.full = False
    await writer.close()

    assert database.contents() == {}


async def test_a_body_goes_on_in_memory_where_storage_is_not_required(database: FaultyDatabase) -> None:
    writer = writer_of(database, required=False)
    await writer.write(CHUNK)
    await writer.flush()
    await writer.write(CHUNK)
    database.full = True
    await writer.write(CHUNK)
    body = await writer.finish("")

    assert (await body.blob.read(), body.stored) == (CHUNK.data * 3, False)
    assert isinstance(body.refusal, QuotaExceeded)
    assert database.contents() == {}
