"""The contract of `ports.Databases`. Runs against the simulator on CPython and against IndexedDB in a page.

Each of `CASES` is ``async def case(databases, make_blob)``; it returns, or raises AssertionError.

- ``databases``: a `ports.Databases`.
- ``make_blob``: turns bytes into a `ports.Blob` of the same side. In a page::

      def make_blob(data):
          return JsBlob(js.Blob.new(to_js([to_js(data)])))

Cases have a database of their own each, named after the case, so they can share a page; they expect it not to exist.
Only the standard library and modelden are imported: ship this file's text to the page and execute it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from modelden.errors import StorageError, StorageUnavailable
from modelden.ports import (
    Blob,
    Database,
    Databases,
    Delete,
    Key,
    Migration,
    Put,
    Row,
    RowsByStore,
    Schema,
    Store,
    Unchanged,
)

MakeBlob = Callable[[bytes], Blob]
Case = Callable[[Databases, MakeBlob], Awaitable[None]]

STORES = {
    "notes": Store("id"),
    "files": Store(("model", "file"), {"byModel": "model", "byModelAndTask": ("model", "task")}),
}


async def what_is_put_comes_back(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "what_is_put_comes_back")
    row: Row = {
        "id": "a",
        "nothing": None,
        "yes": True,
        "no": False,
        "zero": 0,
        "milliseconds": 1_700_000_000_123,
        "negative": -7,
        "fraction": 0.1,
        "text": "é€😀\u0000\u2028",
        "list": [1, None, ["x", {}], {"y": [True]}],
        "object": {"": "empty name", "nested": {"null": None}},
        "empty": {},
    }
    await database.commit([Put("notes", row)])

    found = await database.get("notes", "a")
    assert found == row, found
    assert found is not None
    assert found["nothing"] is None
    assert found["list"][1] is None
    assert found["object"]["nested"]["null"] is None
    assert found["yes"] is True
    assert type(found["milliseconds"]) is int


async def a_missing_row_is_none(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_missing_row_is_none")

    assert await database.get("notes", "a") is None
    assert await database.get("files", ("m", "f")) is None
    assert await database.get_all("notes") == []
    assert await database.get_all("files", index="byModel", key="m") == []


async def many_rows_come_in_the_order_that_was_asked_for(databases: Databases, make_blob: MakeBlob) -> None:
    database = await _open(databases, "many_rows_come_in_the_order_that_was_asked_for")
    await database.commit(
        [
            Put("notes", {"id": "a", "null": None}),
            Put("notes", {"id": "b"}, {("blob",): make_blob(b"bytes")}),
            Put("files", _file("m", "f")),
        ]
    )

    keys: list[tuple[str, Key]] = [("files", ("m", "f")), ("notes", "c"), ("notes", "b"), ("notes", "a")]
    first, missing, with_blob, last = await database.get_many(keys)
    assert (first, missing, last) == (_file("m", "f"), None, {"id": "a", "null": None})
    assert with_blob is not None
    assert await with_blob["blob"].read() == b"bytes"
    assert await database.get_many([]) == []


async def a_second_put_replaces_the_row(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_second_put_replaces_the_row")
    await database.commit([Put("notes", {"id": "a", "old": 1})])
    await database.commit([Put("notes", {"id": "a", "new": 2})])

    assert await database.get_all("notes") == [{"id": "a", "new": 2}]


async def changes_of_one_commit_apply_in_their_order(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "changes_of_one_commit_apply_in_their_order")
    await database.commit(
        [
            Put("notes", {"id": "a", "n": 1}),
            Put("notes", {"id": "a", "n": 2}),
            Put("notes", {"id": "b"}),
            Delete("notes", "b"),
            Delete("notes", "c"),
            Put("notes", {"id": "c"}),
        ]
    )

    assert await database.get_all("notes") == [{"id": "a", "n": 2}, {"id": "c"}]


async def a_row_is_deleted_by_its_key(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_row_is_deleted_by_its_key")
    await database.commit([Put("files", _file("m", "f")), Put("files", _file("m", "g")), Put("notes", {"id": "m"})])
    await database.commit([Delete("files", ("m", "f")), Delete("files", ("nobody", "f"))])

    assert await database.get_all("files") == [_file("m", "g")]
    assert await database.get("notes", "m") == {"id": "m"}


async def rows_come_in_the_order_of_their_keys(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "rows_come_in_the_order_of_their_keys")
    names = ["b", "", "a", "B", "a/b", "ab", "10", "9", "é", "\ufb01", "😀"]
    await database.commit([Put("notes", {"id": name}) for name in names])
    await database.commit([Put("files", _file(*key)) for key in [("b", "a"), ("a", "b"), ("a", "a"), ("ab", "a")]])

    # IndexedDB compares UTF-16 code units: the emoji's surrogates come before U+FB01.
    expected = ["", "10", "9", "B", "a", "a/b", "ab", "b", "é", "😀", "\ufb01"]
    assert [row["id"] for row in await database.get_all("notes")] == expected
    keys = [(row["model"], row["file"]) for row in await database.get_all("files")]
    assert keys == [("a", "a"), ("a", "b"), ("ab", "a"), ("b", "a")], keys


async def an_index_gives_the_rows_under_its_key(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "an_index_gives_the_rows_under_its_key")
    rows = [_file("m", "b", task="t"), _file("m", "a", task="u"), _file("n", "a", task="t")]
    await database.commit([Put("files", row) for row in rows])

    assert await database.get_all("files", index="byModel", key="m") == [rows[1], rows[0]]
    assert await database.get_all("files", index="byModelAndTask", key=("m", "t")) == [rows[0]]
    assert await database.get_all("files", index="byModelAndTask", key=("n", "u")) == []


async def a_row_without_the_member_is_in_no_index_of_it(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_row_without_the_member_is_in_no_index_of_it")
    await database.commit([Put("files", _file("m", "f"))])

    assert await database.get_all("files", index="byModelAndTask", key=("m", "t")) == []
    assert await database.get_all("files", index="byModel", key="m") == [_file("m", "f")]


async def a_commit_that_fails_leaves_nothing(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_commit_that_fails_leaves_nothing")
    await database.commit([Put("notes", {"id": "kept", "n": 1})])
    # A row without its key cannot be stored; it comes last, when the others are on their way.
    changes: list[Put | Delete] = [
        Put("notes", {"id": "kept", "n": 2}),
        Put("files", _file("m", "f")),
        Delete("notes", "kept"),
        Put("notes", {"no": "key"}),
    ]
    try:
        await database.commit(changes)
    except StorageError:
        pass
    else:
        raise AssertionError("a row without a key was stored")

    assert await database.get_all("notes") == [{"id": "kept", "n": 1}]
    assert await database.get_all("files") == []
    await database.commit([Put("notes", {"id": "kept", "n": 3})])
    assert await database.get("notes", "kept") == {"id": "kept", "n": 3}


async def an_empty_commit_does_nothing(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "an_empty_commit_does_nothing")
    await database.commit([])

    assert await database.get_all("notes") == []


async def commits_side_by_side_all_apply(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "commits_side_by_side_all_apply")
    await asyncio.gather(*(database.commit([Put("notes", {"id": str(n)})]) for n in range(10)))

    assert [row["id"] for row in await database.get_all("notes")] == [str(n) for n in range(10)]


async def a_condition_that_holds_lets_all_changes_through(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_condition_that_holds_lets_all_changes_through")
    row: Row = {"id": "a", "n": None, "list": [{}, 1]}

    assert await database.commit([Put("notes", row), Put("files", _file("m", "f"))], Unchanged("notes", "a", None))
    assert await database.commit([Delete("files", ("m", "f")), Put("notes", {"id": "b"})], Unchanged("notes", "a", row))
    assert await database.get_all("notes") == [row, {"id": "b"}]
    assert await database.get_all("files") == []


async def a_condition_that_does_not_hold_stops_all_changes(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_condition_that_does_not_hold_stops_all_changes")
    row: Row = {"id": "a", "n": 1}
    await database.commit([Put("notes", row)])
    changes: list[Put | Delete] = [Put("notes", {"id": "b"}), Delete("notes", "a"), Put("files", _file("m", "f"))]
    for condition in (
        Unchanged("notes", "a", None),
        Unchanged("notes", "a", {"id": "a", "n": 2}),
        Unchanged("notes", "b", {"id": "b"}),
        Unchanged("files", ("m", "g"), _file("m", "g")),
    ):
        assert not await database.commit(changes, condition), condition

    assert await database.get_all("notes") == [row]
    assert await database.get_all("files") == []


async def of_commits_on_one_condition_the_first_applies(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    name = "of_commits_on_one_condition_the_first_applies"
    tabs = [await _open(databases, name) for _ in range(5)]
    absent = Unchanged("notes", "a", None)
    commits = (tab.commit([Put("notes", {"id": "a", "tab": n})], absent) for n, tab in enumerate(tabs))
    applied = await asyncio.gather(*commits)

    assert applied.count(True) == 1, applied
    assert await tabs[0].get_all("notes") == [{"id": "a", "tab": applied.index(True)}]


async def a_conditional_commit_that_fails_leaves_nothing(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_conditional_commit_that_fails_leaves_nothing")
    try:
        await database.commit([Put("notes", {"id": "a"}), Put("notes", {"no": "key"})], Unchanged("notes", "a", None))
    except StorageError:
        pass
    else:
        raise AssertionError("a row without a key was stored")

    assert await database.get_all("notes") == []


async def a_blob_is_kept_with_its_row(databases: Databases, make_blob: MakeBlob) -> None:
    database = await _open(databases, "a_blob_is_kept_with_its_row")
    data = bytes(range(256)) * 300
    flat = Put("notes", {"id": "flat"}, {("data",): make_blob(data)})
    deep = Put("notes", {"id": "deep", "a": {"b": {"c": 1}}}, {("a", "b", "blob"): make_blob(b"x")})
    empty = Put("notes", {"id": "empty"}, {("data",): make_blob(b"")})
    await database.commit([flat, deep, empty])

    found = await _row(database, "flat")
    assert found["data"].size == len(data)
    assert await found["data"].read() == data
    found = await _row(database, "deep")
    assert found["a"]["b"]["c"] == 1
    assert await found["a"]["b"]["blob"].read() == b"x"
    found = await _row(database, "empty")
    assert (found["data"].size, await found["data"].read()) == (0, b"")
    assert [set(row) for row in await database.get_all("notes")] == [{"id", "a"}, {"id", "data"}, {"id", "data"}]


async def a_blob_that_was_read_can_be_put_again(databases: Databases, make_blob: MakeBlob) -> None:
    database = await _open(databases, "a_blob_that_was_read_can_be_put_again")
    await database.commit([Put("notes", {"id": "a"}, {("data",): make_blob(b"bytes")})])
    blob = (await _row(database, "a"))["data"]
    await database.commit([Put("notes", {"id": "b"}, {("data",): blob}), Delete("notes", "a")])

    assert await (await _row(database, "b"))["data"].read() == b"bytes"
    assert await blob.read() == b"bytes"


async def a_row_that_was_read_is_the_callers_own(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    database = await _open(databases, "a_row_that_was_read_is_the_callers_own")
    written: Row = {"id": "a", "list": [1], "object": {"n": 1}}
    await database.commit([Put("notes", written)])
    written["list"].append(2)
    read = await _row(database, "a")
    read["object"]["n"] = 2
    read["new"] = True

    assert await database.get("notes", "a") == {"id": "a", "list": [1], "object": {"n": 1}}


async def rows_of_an_earlier_version_are_moved(databases: Databases, make_blob: MakeBlob) -> None:
    name = "contract rows_of_an_earlier_version_are_moved"
    old = await databases.open(Schema(name, 2, {**STORES, "bytes": Store("id")}))
    await old.commit([Put("files", _file(model, "f")) for model in ("n", "m")])
    await old.commit([Put("bytes", {"id": "a"}, {("blob",): make_blob(b"bytes")})])

    def add_root(rows: RowsByStore) -> RowsByStore:
        return {"files": [{**row, "root": f"https://{row['model']}/", "empty": {}} for row in rows["files"]]}

    def rename(rows: RowsByStore) -> RowsByStore:
        return {"files": [{**row, "file": "g"} for row in rows["files"]]}

    stores = {
        **STORES,
        "files": Store(("model", "file", "root"), {"byRoot": "root"}),
        "bytes": Store("id"),
        "new": Store("id"),
    }
    migrations = [Migration(3, ["files"], add_root), Migration(4, ["files"], rename)]
    new = await databases.open(Schema(name, 4, stores, migrations=migrations))
    rows: list[Row] = [{"model": m, "file": "g", "root": f"https://{m}/", "empty": {}} for m in ("m", "n")]
    assert await new.get_all("files") == rows, await new.get_all("files")
    assert await new.get("files", ("m", "g", "https://m/")) == rows[0]
    assert await new.get_all("files", index="byRoot", key="https://n/") == [rows[1]]
    assert await (await new.get_all("bytes"))[0]["blob"].read() == b"bytes"
    assert await new.get_all("new") == []
    # They are moved once.
    again = await databases.open(Schema(name, 5, stores, migrations=migrations))
    assert await again.get_all("files") == rows


async def a_migration_that_fails_leaves_the_database_as_it_was(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    case = "a_migration_that_fails_leaves_the_database_as_it_was"
    await (await _open(databases, case)).commit([Put("files", _file("m", "f")), Put("notes", {"id": "a"})])

    def fail(rows: RowsByStore) -> RowsByStore:
        raise ValueError(f"no use for {len(rows['files'])} row")

    def lose_keys(rows: RowsByStore) -> RowsByStore:
        return {"files": [{"model": row["model"]} for row in rows["files"]]}

    for move in (fail, lose_keys):
        try:
            await databases.open(Schema(f"contract {case}", 2, STORES, migrations=[Migration(2, ["files"], move)]))
        except StorageUnavailable as error:
            reason = str(error)
        else:
            raise AssertionError("the migration did not fail")
        assert "could not be brought to version 2" in reason, reason
        assert move is lose_keys or "no use for 1 row" in reason, reason
    database = await _open(databases, case)
    assert await database.get_all("files") == [_file("m", "f")]
    assert await database.get_all("notes") == [{"id": "a"}]


async def a_database_that_is_opened_again_has_its_rows(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    name = "a_database_that_is_opened_again_has_its_rows"
    first = await _open(databases, name)
    await first.commit([Put("notes", {"id": "a"})])
    second = await _open(databases, name)

    assert await second.get_all("notes") == [{"id": "a"}]
    await second.commit([Put("notes", {"id": "b"})])
    assert await first.get_all("notes") == [{"id": "a"}, {"id": "b"}]


async def databases_are_apart(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    one = await _open(databases, "databases_are_apart")
    other = await _open(databases, "databases_are_apart, the other")
    await one.commit([Put("notes", {"id": "a"})])

    assert await other.get_all("notes") == []


async def a_database_of_a_later_version_is_left_alone(databases: Databases, make_blob: MakeBlob) -> None:
    del make_blob
    name = "contract a_database_of_a_later_version_is_left_alone"
    later = await databases.open(Schema(name, 2, STORES))
    await later.commit([Put("notes", {"id": "a"})])
    refused = ""
    try:
        await databases.open(Schema(name, 1, STORES))
    except StorageError as error:
        refused = str(error)
    assert "later version" in refused, refused
    assert await later.get("notes", "a") == {"id": "a"}


VERSIONS: list[Case] = [
    rows_of_an_earlier_version_are_moved,
    a_migration_that_fails_leaves_the_database_as_it_was,
    a_database_of_a_later_version_is_left_alone,
]
"""Cases of databases that another version made."""

CASES: list[Case] = [
    what_is_put_comes_back,
    a_missing_row_is_none,
    a_second_put_replaces_the_row,
    changes_of_one_commit_apply_in_their_order,
    a_row_is_deleted_by_its_key,
    rows_come_in_the_order_of_their_keys,
    an_index_gives_the_rows_under_its_key,
    a_row_without_the_member_is_in_no_index_of_it,
    a_commit_that_fails_leaves_nothing,
    an_empty_commit_does_nothing,
    commits_side_by_side_all_apply,
    a_condition_that_holds_lets_all_changes_through,
    a_condition_that_does_not_hold_stops_all_changes,
    of_commits_on_one_condition_the_first_applies,
    a_conditional_commit_that_fails_leaves_nothing,
    a_blob_is_kept_with_its_row,
    a_blob_that_was_read_can_be_put_again,
    a_row_that_was_read_is_the_callers_own,
    a_database_that_is_opened_again_has_its_rows,
    databases_are_apart,
    *VERSIONS,
]


async def _open(databases: Databases, case: str) -> Database:
    return await databases.open(Schema(f"contract {case}", 1, STORES))


async def _row(database: Database, key: str) -> Row:
    row = await database.get("notes", key)
    assert row is not None, key
    return row


def _file(model: str, file: str, **more: Any) -> Row:
    return {"model": model, "file": file, **more}
