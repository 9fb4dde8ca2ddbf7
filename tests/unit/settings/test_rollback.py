"""Timestamps of signed collections: what goes back is refused, and what was wrong once heals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from modelden.host.keys.certificates import SigningChain, issue, leaf_plan
from modelden.host.keys.signer import Signer
from modelden.settings.records import SigningPeriod
from modelden.settings.rollback import DAY, OlderState, add_poll
from tests.replay import replay_chain
from tests.unit.conftest import TIMESTAMP

if TYPE_CHECKING:
    from modelden.core.events import Event
    from modelden.host.serve.server import Application
    from modelden.settings.client import SettingsClient
    from tests.simulators.profile import Profile

OPTIONS = "ml-inference-options"
HOUR = 60 * 60 * 1000
NEWER = TIMESTAMP + 40 * DAY
YEAR_9000 = 221_845_392_000_000


@cache
def signer(*, days_old: int) -> Signer:
    """A signer whose certificate began some days ago."""
    good, now = replay_chain(), datetime.now(UTC)
    leaf = issue(replace(leaf_plan(now), not_before=now - timedelta(days=days_old)), good.intermediate)
    return Signer(SigningChain(leaf, good.intermediate, good.root))


class Server:
    """A server whose state went back, and a client that has the newer one."""

    def __init__(self, profile: Profile, application: Application) -> None:
        self.profile = profile
        self.collection = application.collections["main", OPTIONS]
        self.events: list[Event] = []
        profile.events.on("update", self.events.append)

    def publish(self, identifier: str, timestamp: int, *, days_old: int) -> None:
        self.collection.replace([{"id": identifier, "last_modified": timestamp}], timestamp=timestamp)
        self.collection.sign(signer(days_old=days_old))

    async def client(self) -> SettingsClient:
        return (await self.profile.visit().settings()).client

    async def poll(self, *, days: float = 1) -> list[str]:
        """Read the settings in a new visit, after some days."""
        self.profile.clock.advance(hours=days * 24)
        return await self.read()

    async def read(self) -> list[str]:
        return [record["id"] for record in await (await self.client()).get(OPTIONS)]

    def rollbacks(self) -> list[dict[str, Any]]:
        return [dict(event.detail) for event in self.events if event.name == "rollback"]


@pytest.fixture
async def server(profile: Profile, application: Application) -> Server:
    made = Server(profile, application)
    made.publish("newer", NEWER, days_old=9)
    assert await made.read() == ["newer"]
    made.publish("older", TIMESTAMP, days_old=5)
    return made


async def test_an_older_state_of_a_later_certificate_is_taken_after_polls_over_days(server: Server) -> None:
    assert await server.poll() == ["newer"]
    assert await server.poll() == ["newer"]
    assert server.rollbacks() == []

    assert await server.poll() == ["older"]

    (event,) = server.rollbacks()
    assert (event["collection"], event["current"], event["available"]) == (f"main/{OPTIONS}", NEWER, TIMESTAMP)
    assert await (await server.client()).get(OPTIONS, verify_signature=True)
    server.collection.publish({"id": "next"})
    assert await server.poll() == ["next", "older"]


async def test_reloads_are_no_polls_over_days(server: Server) -> None:
    await server.poll()
    for _ in range(9):
        assert await server.poll(days=1 / 24) == ["newer"]


@pytest.mark.parametrize("days_old", [9, 12])
async def test_an_older_state_of_the_same_or_an_earlier_certificate_is_never_taken(
    server: Server, days_old: int
) -> None:
    server.publish("older", TIMESTAMP, days_old=days_old)
    for _ in range(12):
        assert await server.poll() == ["newer"]
    assert server.rollbacks() == []


async def test_an_older_state_that_is_not_signed_is_never_taken(server: Server) -> None:
    server.collection.replace([{"id": "forged"}], timestamp=TIMESTAMP, sign=False)
    for _ in range(6):
        assert await server.poll() == ["newer"]


async def test_a_confirmation_between_the_polls_makes_them_count_anew(server: Server) -> None:
    for _ in range(2):
        await server.poll()
    server.publish("newer", NEWER, days_old=9)
    assert await server.poll() == ["newer"]
    server.publish("older", TIMESTAMP, days_old=5)

    for _ in range(2):
        assert await server.poll() == ["newer"]
    assert await server.poll() == ["older"]


async def test_a_stored_state_of_the_far_future_is_replaced_at_once(server: Server) -> None:
    """An earlier version stored it."""
    database = await server.profile.database("remote-settings")
    database.rows["timestamps"][f"main/{OPTIONS}"]["value"] = YEAR_9000

    assert await server.poll() == ["older"]
    assert len(server.rollbacks()) == 1


async def test_a_state_that_a_clock_ahead_has_stored_is_replaced_after_days(server: Server) -> None:
    server.profile.clock.advance(hours=24 * 60)
    server.publish("future", server.profile.clock.now(), days_old=9)
    assert await server.read() == ["future"]
    server.profile.clock.advance(hours=-24 * 60)
    server.publish("older", TIMESTAMP, days_old=9)

    assert [await server.poll() for _ in range(3)] == [["future"], ["future"], ["older"]]
    assert len(server.rollbacks()) == 1


async def test_a_stored_state_whose_old_certificates_are_gone_heals_too(
    server: Server, application: Application
) -> None:
    for collection in application.collections:
        collection.sign(server.collection.signer)
    application.collections.signer = server.collection.signer

    assert [await server.poll() for _ in range(3)][-1] == ["older"]


async def test_a_state_of_tomorrow_is_believed_by_a_slow_clock(server: Server) -> None:
    server.publish("new", server.profile.clock.now() + 23 * HOUR, days_old=5)

    assert await (await server.client()).sync(OPTIONS)
    assert await server.read() == ["new"]


async def test_a_stored_collection_that_names_another_one_is_fetched_anew(server: Server) -> None:
    database = await server.profile.database("remote-settings")
    row = {"_cid": f"main/{OPTIONS}", "id": "modelden-identity", "bucket": "main", "collection": "other"}
    database.rows["records"][f"main/{OPTIONS}", "modelden-identity"] = row

    assert await server.read() == ["older"]


@pytest.mark.parametrize(
    ("timestamp", "now", "expected"),
    [
        (0, 0, None),
        (DAY, 0, None),
        (DAY + 1, 0, "lies in the future"),
        (100 * DAY, 100 * DAY, None),
        (100 * DAY + 1, 100 * DAY, "is after the end of its signer's certificate"),
        (2**53, 100 * DAY, "lies in the future"),
    ],
)
def test_a_timestamp_is_neither_of_the_future_nor_after_the_certificate(
    timestamp: int, now: int, expected: str | None
) -> None:
    fault = SigningPeriod(0, 100 * DAY).timestamp_fault(timestamp, now)

    assert fault is expected if expected is None else expected in (fault or "")


def test_polls_count_by_the_clock() -> None:
    first = add_poll(None, 10 * DAY)
    assert first == OlderState(10 * DAY, 10 * DAY, 1)
    assert add_poll(first, 10 * DAY + HOUR - 1) is first
    assert add_poll(first, 11 * DAY) == OlderState(10 * DAY, 11 * DAY, 2)
    assert add_poll(first, 9 * DAY) == OlderState(9 * DAY, 9 * DAY, 1)
    assert not OlderState(0, DAY, 5).may_be_taken
    assert not OlderState(0, 5 * DAY, 2).may_be_taken
    assert OlderState(0, 2 * DAY, 3).may_be_taken
