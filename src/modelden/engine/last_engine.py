"""The engine that was loaded last: as much of it as tells which worker to start.

What a page needs before its first worker runs is kept small: `engine.history` reads the same rows in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelden.ports import Schema, Store

if TYPE_CHECKING:
    from modelden.ports import Database
    from modelden.settings.changeset import Record


MODELDEN = Schema(name="modelden", version=1, stores={"engines": Store("id"), "loads": Store("id")})
"""``engines`` is for `engine.history` and `engine.latest`, ``loads`` for `engine.guard`."""


class LastEngine(NamedTuple):
    """What the request that was answered last was answered with.

    Attributes:
        runtime: The record of the WASM file.
        threads: How many were decided; 0 for all cores.
    """

    runtime: Record
    threads: int


async def latest(database: Database, source: str) -> LastEngine | None:
    """Return the engine that was loaded last by settings from this trust source (`Configuration.trust_source`)."""
    rows = [row for row in await database.get_all("engines") if row["source"] == source]
    row = max(rows, key=lambda row: int(row["time"]), default=None)
    return None if row is None else LastEngine(row["plan"]["runtime"], row["plan"]["options"].get("numThreads") or 0)
