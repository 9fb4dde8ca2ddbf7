"""The last engine: the runtime and the threads of the newest row of the history, to start its worker ahead.

A page imports little before its first worker runs: `engine.history` reads the same rows in full.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from modelden.core.age import age
from modelden.ports import Schema, Store

if TYPE_CHECKING:
    from modelden.ports import Database, Row
    from modelden.settings.changeset import Record


MODELDEN = Schema(name="modelden", version=1, stores={"engines": Store("id"), "loads": Store("id")})
"""The store ``engines`` belongs to `engine.history`, ``loads`` to `engine.memory_guard`."""


class LastEngine(NamedTuple):
    """The engine that was loaded last.

    Attributes:
        runtime: The record of the WASM file.
        threads: The number of threads that was decided; 0 for all cores.
    """

    runtime: Record
    threads: int


async def read_last_engine(database: Database, source: str, now: int) -> LastEngine | None:
    """Return the engine that was loaded last by settings from this trust source (`Configuration.trust_source`).

    Args:
        database: The database `MODELDEN`.
        source: The trust source.
        now: The time, in milliseconds since the epoch.
    """
    newest, youngest = None, math.inf
    for row in await database.get_all("engines"):
        if row.get("source") == source and isinstance(time := row.get("time"), int) and age(now, time) < youngest:
            newest, youngest = row, age(now, time)
    return None if newest is None else _parse(newest)


def _parse(row: Row) -> LastEngine | None:
    """Read a row; None for one of another form, which another build of modelden may have stored."""
    match row:
        case {"plan": {"runtime": dict(runtime), "options": dict(options)}}:
            threads = options.get("numThreads") or 0
            return LastEngine(runtime, threads) if isinstance(threads, int) else None
    return None
