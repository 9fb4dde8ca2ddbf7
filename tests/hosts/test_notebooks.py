"""JupyterLite and marimo, whose sites their own commands built (`tools/host_sites.py`)."""

from __future__ import annotations

from tests.hosts.conftest import Hosts, Visitor
from tests.hosts.journeys import cold_and_warm

JUPYTERLITE = "/jupyterlite/notebooks/index.html?path=search.ipynb"
OUTPUT = ".jp-OutputArea-output"


def test_jupyterlite_downloads_a_model_once_in_chromium(chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, JUPYTERLITE, picture="jupyterlite-chromium", within=OUTPUT, cells=2)


def test_jupyterlite_downloads_a_model_once_in_firefox(firefox: Visitor, hosts: Hosts) -> None:
    cold_and_warm(firefox, hosts, JUPYTERLITE, picture="jupyterlite-firefox", within=OUTPUT, cells=2)


def test_marimo_downloads_a_model_once(chromium: Visitor, hosts: Hosts) -> None:
    cold_and_warm(chromium, hosts, "/marimo/index.html", picture="marimo", within=".output")
