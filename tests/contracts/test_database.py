from __future__ import annotations

import pytest

from modelden.errors import StorageUnavailable
from modelden.memory import SessionDatabases
from modelden.ports import Database, Schema
from tests.contracts.database import CASES, Case, a_database_of_a_later_version_is_left_alone
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_simulator_keeps_the_contract(case: Case) -> None:
    await case(MemoryDatabases(), MemoryBlob)


IN_MEMORY = [case for case in CASES if case is not a_database_of_a_later_version_is_left_alone]
"""Memory begins with each page: nothing in it is of a later version."""


class Refusing:
    """A browser that gives no database."""

    async def open(self, schema: Schema) -> Database:
        raise StorageUnavailable(f"{schema.name} is refused")


@pytest.mark.parametrize("case", IN_MEMORY, ids=lambda case: case.__name__)
@pytest.mark.filterwarnings("ignore::modelden.memory.StorageWarning")
async def test_a_page_without_storage_keeps_the_contract(case: Case) -> None:
    await case(SessionDatabases(Refusing(), required=False), MemoryBlob)
