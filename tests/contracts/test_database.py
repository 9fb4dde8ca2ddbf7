from __future__ import annotations

import pytest

from modelden.errors import StorageUnavailable
from modelden.memory import SessionDatabases
from modelden.ports import Database, Schema
from tests.contracts.database import CASES, Case
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_simulator_keeps_the_contract(case: Case) -> None:
    await case(MemoryDatabases(), MemoryBlob)


class Refusing:
    """A browser that gives no database."""

    async def open(self, schema: Schema) -> Database:
        raise StorageUnavailable(f"{schema.name} is refused")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.filterwarnings("ignore::modelden.memory.StorageWarning")
async def test_a_page_without_storage_keeps_the_contract(case: Case) -> None:
    await case(SessionDatabases(Refusing(), required=False), MemoryBlob)
