from __future__ import annotations

import pytest

from modelden.core.storage_fallback import FallbackDatabases, StorageFallback
from modelden.errors import StorageUnavailable
from modelden.ports import Database, Schema
from tests.contracts.database import CASES, VERSIONS, Case
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabase, MemoryDatabases
from tests.simulators.surroundings import ScriptedPage


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_simulator_keeps_the_contract(case: Case) -> None:
    await case(MemoryDatabases(), MemoryBlob)


IN_MEMORY = [case for case in CASES if case not in VERSIONS]
"""Memory begins with each page: nothing in it is of another version."""


class Refusing:
    """A browser that gives no database."""

    async def open(self, schema: Schema) -> Database:
        raise StorageUnavailable(f"{schema.name} is refused")


@pytest.mark.parametrize("case", IN_MEMORY, ids=lambda case: case.__name__)
@pytest.mark.filterwarnings("ignore::modelden.core.memory_database.StorageWarning")
async def test_a_page_without_storage_keeps_the_contract(case: Case) -> None:
    await case(FallbackDatabases(Refusing(), ScriptedPage(), StorageFallback(), required=False), MemoryBlob)


class Full(MemoryDatabases):
    """A browser that has no room for anything."""

    async def open(self, schema: Schema) -> MemoryDatabase:
        database = await super().open(schema)
        database.full = True
        return database


class Everything:
    """The names of all databases."""

    def __contains__(self, name: object) -> bool:
        return True


@pytest.mark.parametrize("case", IN_MEMORY, ids=lambda case: case.__name__)
@pytest.mark.filterwarnings("ignore::modelden.core.memory_database.StorageWarning")
async def test_a_page_without_room_keeps_the_contract(case: Case) -> None:
    await case(
        FallbackDatabases(
            Full(), ScriptedPage(), StorageFallback(), required=True, small=Everything(), memory_when_full=True
        ),
        MemoryBlob,
    )
