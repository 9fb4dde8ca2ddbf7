"""The history: engines that earlier visits loaded with success, for a failed update to go back to."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from modelden.core.age import age
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord, Plan
from modelden.errors import InputError, StorageError
from modelden.ports import Clock, Database, Delete, Put, Row

logger = logging.getLogger(__name__)

MAX_AGE_MS = 90 * 24 * 60 * 60 * 1000
"""Milliseconds after which an engine that nobody loads is removed."""


class History:
    """The history of one trust source (`Configuration.trust_source`), in the store ``engines``.

    A row that cannot be read counts as none: another build of modelden may have stored it.
    """

    def __init__(self, database: Database, source: str, clock: Clock) -> None:
        self._database = database
        self._source = source
        self._clock = clock

    async def get(self, request: PipelineOptions) -> Plan | None:
        """Return the plan by which the same request was last loaded.

        Raises:
            StorageError: If the browser's storage fails.
        """
        row = await self._database.get("engines", self._key(request))
        try:
            return None if row is None else Plan.from_row(row.get("plan"))
        except InputError as error:
            logger.debug("A row of the history is left out: %s", error)
            return None

    async def put(self, request: PipelineOptions, plan: Plan) -> None:
        """Store that a request was loaded with success.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        row: Row = {
            "id": self._key(request),
            "source": self._source,
            "request": request.to_dict(),
            "plan": plan.to_row(),
            "time": self._clock.now(),
        }
        await self._database.commit([Put("engines", row)])

    async def records(self) -> Sequence[EngineRecord]:
        """Return all engines of the trust source. Old rows, and those that cannot be read, are removed.

        Raises:
            StorageError: If the browser's storage cannot be read.
        """
        records, obsolete = [], []
        for row in await self._database.get_all("engines"):
            record = self._parse(row)
            if record is None:
                obsolete.append(row["id"])
            elif row["source"] == self._source:
                records.append(record)
        if obsolete:
            await self._remove(obsolete)
        return records

    async def _remove(self, keys: Sequence[str]) -> None:
        try:
            await self._database.commit([Delete("engines", key) for key in keys])
        except StorageError as error:
            logger.warning("Old rows of the history stay stored: %s", error)

    def _parse(self, row: Row) -> EngineRecord | None:
        match row:
            case {"source": str(), "time": int(time), "request": dict(request), "plan": plan}:
                if age(self._clock.now(), time) > MAX_AGE_MS:
                    return None
                try:
                    return EngineRecord(PipelineOptions.of(request, own_features=True), Plan.from_row(plan))
                except InputError:
                    return None
        return None

    def _key(self, request: PipelineOptions) -> str:
        return json.dumps([self._source, request.asks_for()], sort_keys=True)
