from __future__ import annotations

import pytest

from modelden._js.page_locks import PageLocks
from tests.contracts.presence import CASES, Case
from tests.simulators.surroundings import MemoryPresence


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_simulator_keeps_the_contract(case: Case) -> None:
    await case(PageLocks(), MemoryPresence())
