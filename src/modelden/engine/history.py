"""The history: engines that earlier visits loaded with success, for a failed update to go back to."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from modelden.core.age import age
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord, Plan
from modelden.errors import InputError, StorageError
from modelden.hub.catalog.names import canonical_root
from modelden.ports import Clock, Database, Delete, Put, Row

logger = logging.getLogger(__name__)

MAX_AGE_MS = 90 * 24 * 60 * 60 * 1000
"""Milliseconds after which an engine that nobody loads is removed."""


class History:
    """The history of one trust source (`Configuration.trust_source`) and one configured hub, in the store ``engines``.

    An engine of another hub is not what an update goes back to, unless the request itself names its hub.
    A row that cannot be read counts as none: another build of modelden may have stored it.
    """

    def __init__(self, database: Database, source: str, hub_root: str, clock: Clock) -> None:
        """Open the history.

        Args:
            database: Database with the stores of `schema.MODELDEN`.
            source: Trust source of the settings.
            hub_root: Root URL of the configured hub.
            clock: Tells the time.
        """
        self._database = database
        self._source = source
        self._hub_root = canonical_root(hub_root)
        self._clock = clock

    async def get(self, request: PipelineOptions) -> Plan | None:
        """Return the plan by which the same request was last loaded.

        Raises:
            StorageError: If the browser's storage fails.
        """
        try:
            for row in await self._database.get_many([("engines", key) for key in self._keys(request)]):
                if row is not None and self._is_of_hub(row, request, plan := Plan.from_row(row.get("plan"))):
                    return plan
        except InputError as error:
            logger.debug("A row of the history is left out: %s", error)
        return None

    async def put(self, request: PipelineOptions, plan: Plan) -> None:
        """Store that a request was loaded with success.

        Raises:
            QuotaExceeded, StorageUnavailable: Then nothing changed.
        """
        key, hubless_key = self._keys(request)
        row: Row = {
            "id": key,
            "source": self._source,
            "hub": self._hub_root,
            "request": request.to_dict(),
            "plan": plan.to_row(),
            "time": self._clock.now(),
        }
        changes: list[Put | Delete] = [Put("engines", row)]
        if hubless_key != key:
            old = await self._database.get("engines", hubless_key)
            record = self._parse(old) if old else None
            if old and record and self._is_of_hub(old, request, record.plan):
                changes.append(Delete("engines", hubless_key))
        await self._database.commit(changes)

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
            elif row["source"] == self._source and self._is_of_hub(row, record.request, record.plan):
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
                    stored = Plan.from_row(plan)
                    root = stored.options.model_hub_root_url
                    return EngineRecord(PipelineOptions.of(request, own_features=True, hub_root_url=root), stored)
                except InputError:
                    return None
        return None

    def _is_of_hub(self, row: Row, request: PipelineOptions, plan: Plan) -> bool:
        """Tell whether a row belongs to the configured hub, or its request names the hub."""
        if request.model_hub_root_url is not None:
            return True
        hub = row.get("hub")  # rows of earlier builds have none
        return (canonical_root(str(plan.options.model_hub_root_url)) if hub is None else hub) == self._hub_root

    def _keys(self, request: PipelineOptions) -> tuple[str, str]:
        """Return the key of a request; and the one that it would have if it named its hub, as of earlier builds."""
        identity = [self._source, request.asks_for()]
        hubless_key = json.dumps(identity, sort_keys=True)
        if request.model_hub_root_url is not None:
            return hubless_key, hubless_key
        return json.dumps([*identity, self._hub_root], sort_keys=True), hubless_key
