"""A file that another tab replaces while it is read is read as it was, or as it is then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modelden._js.page_locks import PageLocks
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.records import FileKey, key_fields
from modelden.hub.store.schema import MODEL_FILES, ROWS_LOCK
from modelden.hub.store.usage import Consumer
from modelden.ports import Delete, Put
from tests.simulators.blobs import MemoryBlob, MemoryBlobs
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase
from tests.unit.hub.browser import BIG, PATH, WHOLE, Browser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelden.ports import Key, Row, Unchanged

KEY = FileKey("hub.example/org/m", "main", "config.json", "https://hub.example/")
NAMES = key_fields(KEY)
USE = Consumer("task", "engine")
OLD, NEW = b'{"a": 1}', b'{"a": 2}'


def rows(body: bytes, tag: str) -> list[Put | Delete]:
    """As another tab commits them, but for the tasks and engines."""
    headers = {"ETag": tag, "fileSize": len(body), "Content-Type": "application/json", "lastUsed": 0}
    file = {"id": KEY.id, **NAMES, "sha256": tag, "integrity": "first-seen", "hub": "", "content": tag}
    return [
        Put("headers", {**NAMES, "headers": headers}),
        Put("files", {**file, "chunks": 1}),
        Put("chunks", {"content": tag, "index": "000000"}, {("data",): MemoryBlob(body)}),
    ]


class Overtaken(MemoryDatabase):
    """Another tab replaces the file after this many reads and writes, or as soon as nobody holds the lock."""

    def __init__(self, locks: PageLocks) -> None:
        super().__init__(MODEL_FILES)
        self.countdown = 0
        self.overtaken = True
        self._locks = locks

    async def get(self, store: str, key: Key) -> Row | None:
        await self._overtake()
        return await super().get(store, key)

    async def get_many(self, keys: Sequence[tuple[str, Key]]) -> list[Row | None]:
        await self._overtake()
        return [await super(Overtaken, self).get(store, key) for store, key in keys]

    async def get_all(self, store: str, **index: Any) -> list[Row]:
        await self._overtake()
        return await super().get_all(store, **index)

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        await self._overtake()
        return await super().commit(changes, condition)

    async def _overtake(self) -> None:
        self.countdown = max(self.countdown - 1, 0)
        if self.countdown == 0 and not self.overtaken:
            async with self._locks.try_hold(ROWS_LOCK) as is_free:
                if is_free:
                    self.overtaken = True
                    await super().commit([*rows(NEW, "new"), Delete("chunks", ("old", "000000"))])


@pytest.mark.parametrize("after", range(1, 8))
@pytest.mark.parametrize("use", [USE, None], ids=["noted", "not noted"])
async def test_a_file_is_read_in_one_state(after: int, use: Consumer | None) -> None:
    locks = PageLocks()
    database = Overtaken(locks)
    await database.commit(rows(OLD, "old"))
    database.countdown, database.overtaken = after, False
    cache = ModelCache(database, MemoryBlobs(), ManualClock(), locks)

    kept = await cache.get(KEY, use)
    assert kept is not None
    assert (kept.etag, kept.sha256, await kept.blob.read()) in [("old", "old", OLD), ("new", "new", NEW)]

    database.countdown = 0
    again = await cache.get(KEY, None)
    assert again is not None, "what had been replaced was taken for damaged"
    assert (again.etag, await again.blob.read()) == ("new", NEW)


async def test_a_stored_file_that_is_not_whole_is_fetched_again(browser: Browser) -> None:
    await browser.get()
    database = await browser.database()
    del database.rows["chunks"][next(iter(database.rows["chunks"]))]

    assert await (await browser.get()).blob.read() == BIG
    assert browser.stored() == WHOLE
    assert browser.hub.asked() == [PATH, PATH]
