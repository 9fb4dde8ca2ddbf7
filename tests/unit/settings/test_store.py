from __future__ import annotations

from typing import Any

import pytest

from modelden.ports import Row
from modelden.settings.store import AttachmentStore
from tests.simulators.profile import Profile

OPTIONS = "ml-inference-options"
CID = f"main/{OPTIONS}"
RUNTIMES = "ml-onnx-runtime"


async def test_a_confirmation_that_cannot_be_stored_holds_for_this_page(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    client = (await profile.visit().settings()).client
    records = await client.get(OPTIONS)
    await profile.fill("remote-settings")
    profile.clock.advance(hours=25)
    profile.requests()

    assert await client.get(OPTIONS, force_sync=True) == records
    assert (await client.confirmations())[CID] == profile.clock.now()
    assert "cannot be stored" in caplog.text
    profile.requests()
    assert await client.get(OPTIONS) == records
    assert profile.requests() == []
    await (await profile.visit().settings()).client.get(OPTIONS)
    assert profile.requests() != []


@pytest.mark.parametrize("member", ["metadata", "modeldenCheckedAt", "modeldenSignedUntil"])
async def test_rows_of_another_version_are_fetched_anew(profile: Profile, member: str) -> None:
    client = (await profile.visit().settings()).client
    records = await client.get(OPTIONS)
    row = (await profile.database("remote-settings")).rows["collections"][CID]
    del row[member]
    profile.requests()

    assert await client.get(OPTIONS) == records
    assert profile.requests() != []
    assert CID in await client.confirmations()


@pytest.mark.parametrize(
    ("store", "member", "value"),
    [
        ("timestamps", "value", "1700000000000"),
        ("timestamps", "value", -1),
        ("timestamps", "value", 1e300),
        ("timestamps", "value", True),
        ("collections", "metadata", "signed"),
        ("collections", "metadata", []),
        ("collections", "modeldenSignedUntil", "2030-01-01"),
        ("collections", "modeldenSignedSince", None),
        ("collections", "modeldenCheckedAt", "1700000000000"),
        ("collections", "modeldenCheckedAt", 1e300),
        ("collections", "modeldenOlder", ["a", "b", "c"]),
        ("collections", "modeldenOlder", 7),
    ],
    ids=repr,
)
async def test_rows_with_damaged_values_are_fetched_anew(
    profile: Profile, store: str, member: str, value: object
) -> None:
    client = (await profile.visit().settings()).client
    records = await client.get(OPTIONS)
    (await profile.database("remote-settings")).rows[store][CID][member] = value
    profile.requests()

    assert await client.get(OPTIONS) == records
    assert profile.requests() != []
    await client.sync(OPTIONS)
    assert (await client.confirmations())[CID] == profile.clock.now()


@pytest.mark.parametrize("attachment", [None, {}, {"record": {}, "blob": None}, {"record": {"attachment": {}}}])
async def test_an_attachment_row_of_another_version_is_not_used(profile: Profile, attachment: Any) -> None:
    service = await profile.visit().settings()
    (record,) = await service.client.get(RUNTIMES)
    database = await profile.database("remote-settings")
    key = (f"main/{RUNTIMES}", str(record["id"]))
    database.rows["attachments"][key] = {"cid": key[0], "attachmentId": key[1], "attachment": attachment}
    store = AttachmentStore(database)

    assert await store.read(key[0], record) is None
    assert await store.list_files() == []
    await store.delete(record)
    assert (await service.attachments.get(key[0], record)).size == record["attachment"]["size"]


async def test_records_that_are_cleared_while_they_are_read_are_fetched_anew(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await (await profile.visit().settings()).client.get(OPTIONS)
    database = await profile.database("remote-settings")
    read = database.get_all

    async def clear_and_read(store: str, **options: Any) -> list[Row]:
        monkeypatch.setattr(database, "get_all", read)
        database.rows = {name: {} for name in database.rows}
        return await read(store, **options)

    monkeypatch.setattr(database, "get_all", clear_and_read)
    assert await (await profile.visit().settings()).client.get(OPTIONS) == records
