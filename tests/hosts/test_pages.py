"""Pages and workers with Pyodide alone, of each version that modelden supports."""

from __future__ import annotations

import pytest

from tests.hosts.conftest import Hosts, Visitor
from tests.hosts.journeys import cold_and_warm

VERSIONS = ("pyodide-0.27", "pyodide-0.29", "pyodide")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_page_downloads_a_model_once(version: str, chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, f"/start/{version}/page.html", picture=f"page-{version}")

    assert chromium.complaints == []


def test_a_module_worker_downloads_a_model_once(chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, "/start/pyodide/worker.html", picture="worker")

    assert chromium.complaints == []


def test_a_classic_worker_downloads_a_model_once(chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, "/start/pyodide-0.27/classic.html", picture="classic")

    assert chromium.complaints == []
