"""The browser keeps the contracts that the simulators of ring 1 keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelden.host.serve.server import RunningServer
from tests.contracts import crypto, database, fetcher, locks, presence
from tests.simulators.fetch_app import fetch_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pyodide.browser_page import Page

CONTRACTS = {"crypto": crypto, "database": database, "fetcher": fetcher, "locks": locks, "presence": presence}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with RunningServer(fetch_app()) as server:
        yield server.url


@pytest.mark.parametrize(
    ("subject", "case"),
    [(subject, case.__name__) for subject, contract in CONTRACTS.items() for case in contract.CASES],
)
def test_the_browser_keeps_the_contract(page: Page, base: str, subject: str, case: str) -> None:
    page.add_module(f"contracts/{subject}.py", Path(str(CONTRACTS[subject].__file__)).read_text(encoding="utf-8"))

    page.call("keep_contract", subject=subject, case=case, base=base)
