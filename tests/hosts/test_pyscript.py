"""PyScript from npm, in the page and in a worker, without cross-origin isolation."""

from __future__ import annotations

from tests.hosts.conftest import Hosts, Visitor
from tests.hosts.journeys import cold_and_warm


def test_a_page_downloads_a_model_once(chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, "/start/pyodide/pyscript.html", picture="pyscript")


def test_a_worker_downloads_a_model_once(chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, "/start/pyodide/pyscript-worker.html", picture="pyscript-worker")
