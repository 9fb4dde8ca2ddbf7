from __future__ import annotations

import pytest

from tests.contracts.database import CASES, Case
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_simulator_keeps_the_contract(case: Case) -> None:
    await case(MemoryDatabases(), MemoryBlob)
