"""What earlier visits loaded with success, so that a failed update can go back to it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord, Plan
from modelden.errors import InputError
from modelden.ports import Clock, Database, Delete, Put, Row

LONGEST = 90 * 24 * 60 * 60 * 1000
"""Milliseconds after which an engine that nobody asked for is forgotten."""


class History:
    """Known engines of one trust source (`Configuration.trust_source`)."""

    def __init__(self, database: Database, source: str, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._source = source
        self._clock = clock

    async def get(self, request: PipelineOptions) -> Plan | None:
        """Return what the same request was last answered with."""
        row = await self._database.get("engines", self._id(request))
        return None if row is None else Plan.from_row(row["plan"])

    async def put(self, request: PipelineOptions, plan: Plan) -> None:
        """Note that a request was answered with success.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        row: Row = {
            "id": self._id(request),
            "source": self._source,
            "request": request.to_dict(),
            "plan": plan.to_row(),
            "time": self._clock.now(),
        }
        await self._database.commit([Put("engines", row)])

    async def all(self) -> Sequence[EngineRecord]:
        """Return all known engines; those of long ago are forgotten, and what this version cannot read."""
        known, old = [], []
        for row in await self._database.get_all("engines"):
            engine = None if self._clock.now() - row["time"] > LONGEST else _read(row)
            if engine is None:
                old.append(row["id"])
            elif row["source"] == self._source:
                known.append(engine)
        if old:
            await self._database.commit([Delete("engines", key) for key in old])
        return known

    def _id(self, request: PipelineOptions) -> str:
        return json.dumps([self._source, request.asks_for()], sort_keys=True)


def _read(row: Row) -> EngineRecord | None:
    try:
        return EngineRecord(PipelineOptions.of(row["request"], own_features=True), Plan.from_row(row["plan"]))
    except InputError:
        return None
