from __future__ import annotations

import pytest

from modelden.host.keys.crypto import HostCrypto
from tests.contracts.crypto import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_host_keeps_the_contract(case: Case) -> None:
    await case(HostCrypto())
