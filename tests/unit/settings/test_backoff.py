from __future__ import annotations

from typing import Any

import pytest

from modelden.errors import ServerBusy, StorageUnavailable
from modelden.ports import Key, Row
from modelden.settings.backoff import MAX_FIRST_SECONDS, MAX_SECONDS, MAX_UNVERIFIED_SECONDS, Backoff
from modelden.settings.schema import REMOTE_SETTINGS
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase

SERVER = "https://settings.example/v1"
URL = f"{SERVER}/buckets/main/collections/any/changeset"
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
        await backoff.check(URL)
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
        (200, {"backoff": "9" * 12}, MAX_FIRST_SECONDS),
        (503, {"retry-after": "9" * 12}, MAX_FIRST_SECONDS),
        (200, {"backoff": "9" * 10_000}, MAX_FIRST_SECONDS),
    ],
)
async def test_a_pause_is_what_the_headers_ask_for(
    database: MemoryDatabase, clock: ManualClock, status: int, headers: dict[str, str], seconds: int
) -> None:
    await Backoff(SERVER, database, clock).learn(URL, status, headers)

    assert await remaining_of(Backoff(SERVER, database, clock)) == seconds


async def test_a_pause_that_cannot_be_stored_holds_for_this_page(
    database: MemoryDatabase, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    backoff = Backoff(SERVER, database, clock)
    database.full = True
    await backoff.learn(URL, 200, {"backoff": "600"})
    clock.advance(hours=1 / 12)

    assert await remaining_of(backoff) == 300
    assert await remaining_of(Backoff(SERVER, database, clock)) == 0
    assert "cannot be stored" in caplog.text


async def test_a_pause_that_cannot_be_read_stops_no_request(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await Backoff(SERVER, UnreadableDatabase(REMOTE_SETTINGS), clock).check(URL)

    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("row", [{}, {"value": None}, {"value": "soon"}, {"value": {"until": 1}}])
async def test_a_row_of_another_version_stops_no_request(
    database: MemoryDatabase, clock: ManualClock, row: dict[str, Any]
) -> None:
    database.rows["timestamps"][KEY] = {"cid": KEY, **row}

    await Backoff(SERVER, database, clock).check(URL)


async def stored() -> bool:
    return True


WEEK = {"backoff": "604800"}


async def test_an_hour_is_believed_by_a_client_that_has_something_stored(
    database: MemoryDatabase, clock: ManualClock
) -> None:
    await Backoff(SERVER, database, clock, stored).learn(URL, 200, WEEK)

    assert await remaining_of(Backoff(SERVER, database, clock, stored)) == MAX_UNVERIFIED_SECONDS


@pytest.mark.parametrize("seconds", [7200, MAX_SECONDS])
async def test_more_is_believed_after_the_answer_verified(
    database: MemoryDatabase, clock: ManualClock, seconds: int
) -> None:
    backoff = Backoff(SERVER, database, clock, stored)
    await backoff.learn(URL, 200, {"backoff": str(seconds)})
    await backoff.confirm(URL)

    assert await remaining_of(Backoff(SERVER, database, clock, stored)) == seconds
    clock.advance(hours=seconds / 3600)
    assert await remaining_of(Backoff(SERVER, database, clock, stored)) == 0


async def test_what_another_answer_asked_for_is_not_confirmed(database: MemoryDatabase, clock: ManualClock) -> None:
    backoff = Backoff(SERVER, database, clock, stored)
    await backoff.learn(f"{SERVER}/", 200, WEEK)
    await backoff.confirm(URL)

    assert await remaining_of(Backoff(SERVER, database, clock, stored)) == MAX_UNVERIFIED_SECONDS


async def test_a_pause_of_an_earlier_version_is_believed_no_longer(
    database: MemoryDatabase, clock: ManualClock
) -> None:
    database.rows["timestamps"][KEY] = {"cid": KEY, "value": clock.now() + 6 * 24 * 3_600_000}

    assert await remaining_of(Backoff(SERVER, database, clock, stored)) == 0


async def test_a_pause_ends_earlier_for_a_client_that_has_lost_what_it_stored(
    database: MemoryDatabase, clock: ManualClock
) -> None:
    await Backoff(SERVER, database, clock, stored).learn(URL, 200, WEEK)

    assert await remaining_of(Backoff(SERVER, database, clock)) == 0
