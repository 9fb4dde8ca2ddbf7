"""What is known of models besides their files: what is missing, what is pinned, what has begun."""

from __future__ import annotations

from collections.abc import Iterable

from modelden.hub.partials import FileKey, file_id
from modelden.ports import Clock, Database, Delete, Put


class Notes:
    """The stores ``missing`` and ``pins``, and the names in ``partials``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Nothing is read yet."""
        self._database = database
        self._clock = clock

    async def is_missing(self, key: FileKey) -> bool:
        """Tell whether it is known that the hub does not have a file, and that the model does without it."""
        return await self._database.get("missing", file_id(key)) is not None

    async def remember_missing(self, keys: Iterable[FileKey]) -> None:
        """Remember files that the hub does not have, and without which the model runs."""
        now = self._clock.now()
        rows = [{"id": file_id(key), "model": key[0], "revision": key[1], "at": now} for key in keys]
        await self._database.commit([Put("missing", row) for row in rows])

    async def pins(self) -> set[tuple[str, str]]:
        """Return the models and revisions that are never evicted."""
        return {(row["model"], row["revision"]) for row in await self._database.get_all("pins")}

    async def pin(self, model: str, revision: str, *, keep: bool) -> None:
        """Never evict a model's revision, or let it be evicted again."""
        row = {"model": model, "revision": revision}
        await self._database.commit([Put("pins", row) if keep else Delete("pins", (model, revision))])

    async def begun(self) -> set[tuple[str, str]]:
        """Return the models and revisions of which downloads have begun."""
        return {(row["model"], row["revision"]) for row in await self._database.get_all("partials")}
