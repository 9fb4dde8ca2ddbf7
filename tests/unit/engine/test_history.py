"""The history of engines, and rows that another build of modelden stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelden.engine.history import MAX_AGE_MS, History
from modelden.engine.last_engine import LastEngine, find_last_engine
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import Plan
from modelden.engine.schema import MODELDEN
from modelden.errors import StorageUnavailable
from modelden.ports import Delete, Put, Row
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase

SOURCE = "https://settings.example main"
HUB = "https://model-hub.mozilla.org"
REQUEST = PipelineOptions.of({"task_name": "feature-extraction"})
RUNTIME = {"name": "runtime.wasm", "version": "5.0", "attachment": {"hash": "ab", "size": 1}}
PLAN = Plan(
    REQUEST.updated({"model_hub": "mozilla", "model_id": "org/tiny", "model_revision": "v1.0", "num_threads": 2}),
    RUNTIME,
    files=("https://hub.example/config.json",),
)

FOREIGN: dict[str, dict[str, Any]] = {
    "no plan": {"plan": None},
    "a plan in words": {"plan": "v1.0"},
    "a plan without options": {"plan": {"runtime": RUNTIME}},
    "options in words": {"plan": {"options": "fast", "runtime": RUNTIME}},
    "options that no engine has": {"plan": {"options": {"numThreads": -5}, "runtime": RUNTIME}},
    "options without a model": {"plan": {"options": {"taskName": "feature-extraction"}, "runtime": RUNTIME}},
    "no runtime": {"plan": {**PLAN.to_row(), "runtime": None}},
    "a runtime without a file": {"plan": {**PLAN.to_row(), "runtime": {"name": "runtime.wasm", "version": "5.0"}}},
    "files in words": {"plan": {**PLAN.to_row(), "files": "all"}},
}


class Visit:
    """A history, and its database."""

    def __init__(self) -> None:
        self.database = MemoryDatabase(MODELDEN)
        self.clock = ManualClock()
        self.history = History(self.database, SOURCE, HUB, self.clock)

    def last_engine(self) -> LastEngine | None:
        return find_last_engine(self.rows(), SOURCE, self.clock.now())

    def rows(self) -> list[Row]:
        return self.database.contents().get("engines", [])

    async def store(self, **members: Any) -> None:
        """Store a row, with these members in place of its own; None removes one."""
        await self.history.put(REQUEST, PLAN)
        (row,) = self.rows()
        row.update(members)
        for name in [name for name, value in members.items() if value is None]:
            del row[name]


async def test_a_plan_comes_back_as_it_was_stored() -> None:
    visit = Visit()
    await visit.store()

    assert await visit.history.get(REQUEST) == PLAN
    assert [record.plan for record in await visit.history.records()] == [PLAN]
    assert visit.last_engine() == LastEngine("ab", 1, 2)


@pytest.mark.parametrize("members", FOREIGN.values(), ids=FOREIGN)
async def test_a_row_of_another_build_counts_as_none(members: dict[str, Any]) -> None:
    visit = Visit()
    await visit.store(**members)

    assert await visit.history.get(REQUEST) is None
    visit.last_engine()
    assert await visit.history.records() == []
    assert visit.rows() == []


@pytest.mark.parametrize(
    "members",
    [{"source": None}, {"time": None}, {"time": "now"}, {"request": None}, {"request": []}],
    ids=repr,
)
async def test_a_row_without_its_members_is_removed(members: dict[str, Any]) -> None:
    visit = Visit()
    await visit.store(**members)

    visit.last_engine()
    assert await visit.history.records() == []
    assert visit.rows() == []


@pytest.mark.parametrize(
    "members",
    [
        {"time": None},
        {"time": "now"},
        {"plan": None},
        {"plan": {"options": {}}},
        {"plan": {"options": {"numThreads": "4"}, "runtime": {}}},
    ],
    ids=repr,
)
async def test_a_row_of_another_build_starts_no_worker_ahead(members: dict[str, Any]) -> None:
    visit = Visit()
    await visit.store(**members)

    assert visit.last_engine() is None


async def test_rows_of_long_ago_are_removed() -> None:
    visit = Visit()
    await visit.store()
    visit.clock.advance(hours=MAX_AGE_MS / 3_600_000 + 1)

    assert await visit.history.records() == []
    assert visit.rows() == []


async def test_rows_that_cannot_be_removed_stop_no_reading(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visit = Visit()
    await visit.store(request=None)

    async def refuse(*_: Any) -> bool:
        raise StorageUnavailable("The database modelden failed.")

    monkeypatch.setattr(visit.database, "commit", refuse)

    assert await visit.history.records() == []
    assert "Old rows of the history stay stored" in caplog.text


async def test_a_row_of_a_clock_that_was_ahead_is_old() -> None:
    visit = Visit()
    await visit.store()
    visit.clock.advance(hours=-1)

    assert visit.last_engine() is None
    assert await visit.history.records() == []


async def test_a_clock_that_is_set_back_by_seconds_makes_nothing_old() -> None:
    visit = Visit()
    await visit.store()
    visit.clock.advance(hours=-5 / 3600)

    assert visit.last_engine() == LastEngine("ab", 1, 2)
    assert len(await visit.history.records()) == 1


async def test_an_engine_of_another_hub_is_no_way_back() -> None:
    """Only a request that names its hub is the same request under another configured hub."""
    visit = Visit()
    await visit.history.put(REQUEST, PLAN)
    named = REQUEST.updated({"model_hub": "mozilla"})
    await visit.history.put(named, PLAN)
    other = History(visit.database, SOURCE, "https://model-hub.mozilla.org/staging/", visit.clock)
    same = History(visit.database, SOURCE, "HTTPS://model-hub.mozilla.org:443/", visit.clock)

    assert await other.get(REQUEST) is None
    assert await other.get(named) == PLAN
    assert [record.request for record in await other.records()] == [named]
    assert await same.get(REQUEST) == PLAN
    assert len(await same.records()) == 2


@pytest.mark.parametrize(("hub", "is_known"), [(HUB, True), ("https://hub.example/", False)])
async def test_a_row_of_an_earlier_build_belongs_to_the_hub_of_its_plan(hub: str, is_known: bool) -> None:  # noqa: FBT001  a parameter of the cases
    visit = Visit()
    await visit.history.put(REQUEST, PLAN)
    (row,) = visit.rows()
    del row["hub"]
    old_key = json.dumps([SOURCE, REQUEST.asks_for()], sort_keys=True)
    await visit.database.commit([Delete("engines", row["id"]), Put("engines", {**row, "id": old_key})])
    history = History(visit.database, SOURCE, hub, visit.clock)

    assert (await history.get(REQUEST) is not None, len(await history.records())) == (is_known, is_known)
    await history.put(REQUEST, PLAN)
    assert len(visit.rows()) == (1 if is_known else 2)
    assert len(await history.records()) == 1
