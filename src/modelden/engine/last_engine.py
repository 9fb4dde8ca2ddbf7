"""The last engine: the runtime and the threads of the newest row of the history, to start its worker ahead. Pure.

A page imports little before its first worker runs: `engine.history` reads the same rows in full.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.core.age import age

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class LastEngine(NamedTuple):
    """The engine that was loaded last.

    Attributes:
        sha256: SHA-256 of the runtime's WASM file, in lower-case hexadecimal.
        size: Its size in bytes.
        threads: The number of threads that was decided; 0 for all cores.
    """

    sha256: str
    size: int
    threads: int


def find_last_engine(rows: Iterable[Mapping[str, Any]], source: str, now: int) -> LastEngine | None:
    """Return the engine that was loaded last by settings from this trust source (`Configuration.trust_source`).

    Args:
        rows: The rows of the store ``engines``.
        source: The trust source.
        now: The time, in milliseconds since the epoch.
    """
    newest, youngest = None, math.inf
    for row in rows:
        if row.get("source") == source and isinstance(time := row.get("time"), int) and age(now, time) < youngest:
            newest, youngest = row, age(now, time)
    return None if newest is None else _parse(newest)


def _parse(row: Mapping[str, Any]) -> LastEngine | None:
    """Read a row; None for one of another form, which another build of modelden may have stored."""
    match row:
        case {"plan": {"runtime": {"attachment": {"hash": str(sha256), "size": int(size)}}, "options": dict(options)}}:
            threads = options.get("numThreads") or 0
            return LastEngine(sha256, size, threads) if isinstance(threads, int) else None
    return None
