from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modelden.engine.memory_guard import MemoryGuard
from modelden.engine.schema import MODELDEN
from modelden.errors import LoadEndedPage, StorageUnavailable
from modelden.ports import Row
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabase
from tests.simulators.surroundings import MemoryPresence
from tests.unit.background import settled

KEY = "https://hub org/tiny v1.0"
WEIGHTS = "onnx/model.onnx", MemoryBlob(b"weights")


class Origin:
    """One database, and a guard for each of its pages."""

    def __init__(self) -> None:
        self.database = MemoryDatabase(MODELDEN)
        self.presence = MemoryPresence()

    def page(self) -> tuple[MemoryGuard, MemoryPresence]:
        presence = self.presence.other()
        return MemoryGuard(self.database, presence, None), presence

    def markers(self) -> list[Row]:
        return self.database.contents().get("loads", [])

    def put(self, **members: Any) -> None:
        self.database.rows["loads"][KEY] = {"id": KEY, **members}


async def test_loads_of_two_pages_at_once_are_both_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = Origin()
    get = origin.database.get

    async def read_late(*key: Any) -> Row | None:
        row = await get(*key)
        await asyncio.sleep(0)  # as in a browser, the other page has its turn between reading and writing
        return row

    monkeypatch.setattr(origin.database, "get", read_late)
    (one, _), (other, _) = origin.page(), origin.page()
    first, second = await one.begin_load(KEY, "org/tiny"), await other.begin_load(KEY, "org/tiny")

    first.account_loaded(*WEIGHTS)
    second.account_loaded(*WEIGHTS)
    await settled()

    assert [len(row["pages"]) for row in origin.markers()] == [2]


async def test_a_load_that_ends_leaves_the_marker_of_another_page() -> None:
    origin = Origin()
    (one, _), (other, crashing) = origin.page(), origin.page()
    first, second = await one.begin_load(KEY, "org/tiny"), await other.begin_load(KEY, "org/tiny")
    first.account_loaded(*WEIGHTS)
    second.account_loaded(*WEIGHTS)

    first.end()
    await settled()
    crashing.dead = True

    assert (await one.begin_load(KEY, "org/tiny")).one_thread_reason


async def test_a_marker_is_gone_when_all_loads_have_ended() -> None:
    origin = Origin()
    watches = [await guard.begin_load(KEY, "org/tiny") for guard, _ in (origin.page(), origin.page())]
    for watch in watches:
        watch.account_loaded(*WEIGHTS)
    for watch in watches:
        watch.end()
    await settled()

    assert origin.markers() == []


async def test_one_page_with_two_loads_counts_as_one_crash() -> None:
    origin = Origin()
    guard, presence = origin.page()
    for watch in [await guard.begin_load(KEY, "org/tiny") for _ in range(2)]:
        watch.account_loaded(*WEIGHTS)
    await settled()
    presence.dead = True

    assert (await origin.page()[0].begin_load(KEY, "org/tiny")).one_thread_reason  # and not: two in a row


async def test_two_crashes_in_a_row_are_reported_once() -> None:
    origin = Origin()
    origin.put(ended=2, pages=[])
    guard, _ = origin.page()

    with pytest.raises(LoadEndedPage):
        await guard.begin_load(KEY, "org/tiny")

    assert not (await guard.begin_load(KEY, "org/tiny")).one_thread_reason


@pytest.mark.parametrize(
    "members", [{}, {"ended": "2", "pages": []}, {"ended": 2, "pages": "12"}, {"ended": 2, "pages": [5]}], ids=repr
)
async def test_a_marker_of_another_build_does_not_count(members: dict[str, Any]) -> None:
    origin = Origin()
    origin.put(**members)
    guard, _ = origin.page()

    watch = await guard.begin_load(KEY, "org/tiny")
    watch.account_loaded(*WEIGHTS)
    await settled()

    assert not watch.one_thread_reason
    assert [(row["ended"], len(row["pages"])) for row in origin.markers()] == [(0, 1)]


async def test_a_marker_that_cannot_be_read_stops_no_load(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Origin()
    guard, _ = origin.page()

    async def refuse(*_: Any) -> Row | None:
        raise StorageUnavailable("The database modelden failed.")

    monkeypatch.setattr(origin.database, "get", refuse)
    watch = await guard.begin_load(KEY, "org/tiny")
    watch.account_loaded(*WEIGHTS)
    watch.end()
    await settled()

    assert not watch.one_thread_reason
    assert "could not be read: a crash in the last load is not detected" in caplog.text


async def test_an_unexpected_failure_to_store_a_marker_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    origin = Origin()
    guard, _ = origin.page()
    watch = await guard.begin_load(KEY, "org/tiny")

    async def fail(*_: Any) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr(origin.database, "commit", fail)
    watch.account_loaded(*WEIGHTS)
    watch.end()
    await settled()
    await asyncio.sleep(0)

    assert "A background task failed to store the crash marker." in caplog.text
