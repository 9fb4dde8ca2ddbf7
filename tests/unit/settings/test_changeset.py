from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.errors import InvalidResponse
from modelden.host.publish.collections import Collection as Published
from modelden.settings.changeset import (
    BATCH,
    Changeset,
    Collection,
    Record,
    changeset_in_steps,
    diff,
    merge,
    merge_in_steps,
    parse_changeset,
)
from tests.unit.step_turns import count_turns

URL = "https://settings.example/changeset"

GOOD: dict[str, Any] = {"timestamp": 7, "changes": [{"id": "a", "x": None}], "metadata": {"id": "c"}}


def test_a_changeset_is_read() -> None:
    assert parse_changeset(json.dumps(GOOD), URL) == Changeset(7, ({"id": "a", "x": None},), {"id": "c"})


def test_metadata_may_be_missing() -> None:
    assert parse_changeset('{"timestamp": 0, "changes": []}', URL) == Changeset(0, (), {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a changeset in JSON"),
        ("<!doctype html><title>503", "a changeset in JSON, got '<!doctype html>"),
        ('{"timestamp": 7, "changes": [', "a changeset in JSON"),
        ("[" * 100_000, "a changeset in JSON"),
        ('{"timestamp": ' + "9" * 5000 + ', "changes": []}', "a changeset in JSON"),
        ("[]", "a changeset .a JSON object"),
        ("null", "a changeset .a JSON object"),
        (json.dumps(GOOD | {"timestamp": "7"}), "an integer timestamp, got '7'"),
        (json.dumps(GOOD | {"timestamp": 7.5}), "an integer timestamp, got 7.5"),
        (json.dumps(GOOD | {"timestamp": True}), "an integer timestamp, got True"),
        (json.dumps(GOOD | {"timestamp": -1}), "an integer timestamp, got -1"),
        (json.dumps(GOOD | {"changes": {}}), "a list of changes"),
        (json.dumps(GOOD | {"changes": ["a"]}), "a list of changes, each with a string id"),
        (json.dumps(GOOD | {"changes": [{"x": 1}]}), "a list of changes, each with a string id"),
        (json.dumps(GOOD | {"changes": [{"id": 1}]}), "a list of changes, each with a string id"),
        (json.dumps(GOOD | {"changes": [{"id": "a"}, {"id": "a"}]}), "each record once, got duplicate ids"),
        (json.dumps(GOOD | {"metadata": []}), "an object as metadata"),
        (json.dumps(GOOD | {"metadata": None}), "an object as metadata"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_changeset_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidResponse, match=words) as caught:
        parse_changeset(text, URL)
    assert caught.value.url == URL


KNOWN = Collection(5, {"a": {"id": "a", "n": 1}, "b": {"id": "b"}}, {"id": "old"})


def test_a_merge_adds_replaces_and_removes() -> None:
    changeset = Changeset(
        9,
        ({"id": "a", "n": 2}, {"id": "c"}, {"id": "b", "deleted": True}, {"id": "never", "deleted": True}),
        {"id": "new"},
    )

    assert merge(KNOWN, changeset) == Collection(9, {"a": {"id": "a", "n": 2}, "c": {"id": "c"}}, {"id": "new"})
    assert set(KNOWN.records) == {"a", "b"}


def test_a_field_that_only_looks_like_a_tombstone_is_a_field() -> None:
    record = {"id": "a", "deleted": False}

    assert merge(None, Changeset(1, (record,), {})).records == {"a": record}


def test_a_full_changeset_leaves_nothing_of_what_was_known() -> None:
    assert merge(KNOWN, Changeset(9, ({"id": "c"},), {}, full=True)).records == {"c": {"id": "c"}}


def test_an_empty_changeset_renews_timestamp_and_metadata() -> None:
    assert merge(KNOWN, Changeset(6, (), {"id": "new"})) == Collection(6, KNOWN.records, {"id": "new"})


@pytest.mark.parametrize(
    ("changes", "ignored"),
    [
        (({"id": "a", "last_modified": 6},), False),
        (({"id": "a", "last_modified": 6}, {"id": "b", "last_modified": 5}), True),
        (({"id": "a", "deleted": True},), False),
        (({"id": "a", "last_modified": "1"},), False),
        ((), False),
    ],
)
def test_a_server_that_ignores_since_is_noticed(changes: tuple[dict[str, Any], ...], *, ignored: bool) -> None:
    assert Changeset(7, changes, {}).reaches_before(5) == ignored


def test_a_diff_says_what_was_created_updated_and_deleted() -> None:
    before: dict[str, Record] = {"kept": {"id": "kept"}, "old": {"id": "old", "n": 1}, "gone": {"id": "gone"}}
    after: dict[str, Record] = {"kept": {"id": "kept"}, "old": {"id": "old", "n": 2}, "new": {"id": "new"}}
    event = diff("main/c", before, after)

    assert event.collection == "main/c"
    assert event.current == tuple(after.values())
    assert event.created == ({"id": "new"},)
    assert event.updated == (({"id": "old", "n": 1}, {"id": "old", "n": 2}),)
    assert event.deleted == ({"id": "gone"},)
    assert event
    assert not diff("main/c", before, before)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 5 * BATCH + 7])
def test_a_page_has_its_turn_between_records(count: int) -> None:
    """Nothing of an answer is signed when it is read, compared and sorted."""
    records = [{"id": f"{number:x}\uffff" if number % 7 else f"{number:x}\U00010000"} for number in range(count)]
    changeset, read = count_turns(changeset_in_steps(json.dumps({"timestamp": 1, "changes": records}), URL))
    collection, merged = count_turns(merge_in_steps(KNOWN, changeset))

    assert read >= count // BATCH
    assert merged >= 3 * (count // BATCH)
    keys = [*(record["id"] for record in records), *KNOWN.records]
    assert list(collection.records) == sorted(set(keys), key=lambda key: key.encode("utf-16-be"))


@pytest.mark.parametrize("where", [0, 2 * BATCH])
def test_an_odd_record_is_found_wherever_it_is(where: int) -> None:
    records: list[Any] = [{"id": f"{number}"} for number in range(2 * BATCH)]
    for odd, words in ({"id": 7}, "each with a string id"), ({"id": "5"}, "each record once"):
        text = json.dumps({"timestamp": 1, "changes": [*records[:where], odd, *records[where:]]})
        with pytest.raises(InvalidResponse, match=words):
            parse_changeset(text, URL)


# What a publisher may do, and when a client syncs: from scratch, or with what it knows.
STEPS = st.lists(
    st.tuples(st.sampled_from(["publish", "delete", "replace"]), st.lists(st.sampled_from("abcd"), min_size=1))
    | st.just(("sync", ()))
    | st.just(("full sync", ())),
    max_size=15,
)


@given(STEPS)
def test_any_history_synced_at_any_points_ends_in_the_servers_state(history: list[tuple[str, list[str]]]) -> None:
    server = Published("main", "c", timestamp=1, signer=None, now=lambda: 0)
    known: Collection | None = None

    def synced(since: int | None) -> Collection:
        state = server.state
        changeset = Changeset(state.timestamp, tuple(state.changes(since)), {}, full=since is None)
        text = json.dumps({"timestamp": changeset.timestamp, "changes": changeset.changes, "metadata": {}})
        return merge(known, parse_changeset(text, URL) if since is not None else changeset)

    for number, (step, names) in enumerate(history):
        if step == "publish":
            server.publish(*({"id": name, "n": number} for name in dict.fromkeys(names)))
        elif step == "delete":
            server.delete(*(name for name in dict.fromkeys(names) if name in server.state.records))
        elif step == "replace":
            server.replace([{"id": name, "n": number} for name in dict.fromkeys(names)])
        else:
            known = synced(known.timestamp if known and step == "sync" else None)
    known = synced(known.timestamp if known else None)

    assert known.records == server.state.records
    assert known.timestamp == server.state.timestamp
