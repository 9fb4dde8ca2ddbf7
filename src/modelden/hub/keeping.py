"""What becomes of a file that has come: there is room and it is stored, or memory will do, or that is an error."""

from __future__ import annotations

import warnings
from dataclasses import replace

from modelden.errors import QuotaExceeded, StorageError
from modelden.hub.body import Received
from modelden.hub.cache import ModelCache, Use
from modelden.hub.origin import Kept, Origin, header_record
from modelden.hub.partials import FileKey, Partials
from modelden.hub.room import Room
from modelden.hub.rules import Rules
from modelden.memory import StorageWarning


class Keeper:
    """Keeps the files of one page.

    Attributes:
        wrote: Something was stored.
    """

    def __init__(self, cache: ModelCache, partials: Partials, room: Room, rules: Rules) -> None:
        """Nothing is kept in memory.

        Args:
            cache: Where whole files are.
            partials: Where their beginnings are.
            room: Asked before.
            rules: Whether memory will do where there is none.
        """
        self._cache = cache
        self._partials = partials
        self._room = room
        self._rules = rules
        self._memory: dict[FileKey, Kept] = {}
        self.wrote = False

    def in_memory(self, key: FileKey) -> Kept | None:
        """Return a file that could not be stored."""
        return self._memory.get(key)

    async def may_store(self, key: FileKey, size: int) -> bool:
        """Reserve room for what is still to come of a file; False: there is none, and memory will do.

        Raises:
            QuotaExceeded: If there is none, and memory will not do.
        """
        try:
            if size:
                await self._room.reserve(key, size)
        except QuotaExceeded as error:
            self._refuse_or_warn(error)
            return False
        return True

    def release(self, key: FileKey) -> None:
        """Give back what `may_store` reserved."""
        self._room.release(key)

    async def keep(self, key: FileKey, use: Use, received: Received, origin: Origin) -> Kept:
        """Keep a whole file that was checked.

        Raises:
            StorageError: If it cannot be stored, and memory will not do.
        """
        kept = Kept(received.blob, received.sha256, origin.integrity, header_record(origin.headers, received.size, 0))
        if received.refusal is not None:
            self._refuse_or_warn(received.refusal)
        try:
            if received.stored and not self._room.is_reserved(key):
                await self._room.reserve(key, received.size)  # the hub had not told the size
            if received.stored:
                fields = await self._cache.put(key, use, received, origin)
                self.wrote = True
                return replace(kept, fields=fields)
        except StorageError as error:
            await self._partials.drop(key)
            self._refuse_or_warn(error)
        self._memory[key] = kept
        return kept

    def _refuse_or_warn(self, error: StorageError) -> None:
        if not self._rules.memory_when_full:
            raise error
        warnings.warn(StorageWarning(error), stacklevel=2)
