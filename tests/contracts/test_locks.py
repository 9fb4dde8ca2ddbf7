from __future__ import annotations

import pytest

from modelden._js.page_locks import PageLocks
from tests.contracts.locks import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_locks_of_a_page_keep_the_contract(case: Case) -> None:
    await case(PageLocks())
