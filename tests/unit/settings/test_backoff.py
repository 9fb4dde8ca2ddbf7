from __future__ import annotations

from typing import Any

import pytest

from modelden.errors import ServerBusy, StorageUnavailable
from modelden.ports import Key, Row
from modelden.settings.backoff import MAX_SECONDS, Backoff
from modelden.settings.schema import REMOTE_SETTINGS
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase

SERVER = "https://settings.example/v1"
KEY = f"modelden-backoff {SERVER}"


class UnreadableDatabase(MemoryDatabase):
    async def get(self, store: str, key: Key) -> Row | None:
        raise StorageUnavailable(f"The database failed to read {key} of {store}.")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase(REMOTE_SETTINGS)


async def remaining_of(backoff: Backoff) -> float:
    try:
        await backoff.check()
    except ServerBusy as error:
        return error.seconds
    return 0


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {}, 0),
        (200, {"backoff": "30"}, 30),
        (200, {"retry-after": "30"}, 0),
        (503, {"retry-after": "30"}, 30),
        (429, {"retry-after": "30", "backoff": "60"}, 60),
        (503, {"retry-after": "Fri, 07 Nov 2025 23:59:59 GMT"}, 0),
        (200, {"backoff": "-5"}, 0),
        (200, {"backoff": "9" * 12}, MAX_SECONDS),
        (200, {"backoff": "9" * 10_000}, MAX_SECONDS),
    ],
)
async def test_a_pause_is_what_the_headers_ask_for(
    database: MemoryDatabase, clock: ManualClock, status: int, headers: dict[str, str], seconds: int
) -> None:
    await Backoff(SERVER, database, clock).learn(status, headers)

    assert await remaining_of(Backoff(SERVER, database, clock)) == seconds


async def test_a_pause_that_cannot_be_stored_holds_for_this_page(
    database: MemoryDatabase, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    backoff = Backoff(SERVER, database, clock)
    database.full = True
    await backoff.learn(200, {"backoff": "3600"})
    clock.advance(hours=0.5)

    assert await remaining_of(backoff) == 1800
    assert await remaining_of(Backoff(SERVER, database, clock)) == 0
    assert "cannot be stored" in caplog.text


async def test_a_pause_that_cannot_be_read_stops_no_request(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await Backoff(SERVER, UnreadableDatabase(REMOTE_SETTINGS), clock).check()

    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("row", [{}, {"value": None}, {"value": "soon"}, {"value": {"until": 1}}])
async def test_a_row_of_another_version_stops_no_request(
    database: MemoryDatabase, clock: ManualClock, row: dict[str, Any]
) -> None:
    database.rows["timestamps"][KEY] = {"cid": KEY, **row}

    await Backoff(SERVER, database, clock).check()
