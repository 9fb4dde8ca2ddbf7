"""Ring interop: a real Remote Settings server (Kinto), asked by pages in both browsers.

    def test_a_fact(kinto: Kinto, name: str, settings: SettingsPage) -> None:
        kinto.publish(name, {"id": "a"})
        assert [record["id"] for record in settings.works("get", name=name)] == ["a"]

`name` is a collection of the test's own; `settings` a page that knows nothing yet. How pages are driven:
``tests/pyodide/conftest.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.interop.kinto_server import Kinto
from tests.pyodide.browser_page import Page
from tests.pyodide.conftest import (
    page,
    playwright_browsers,
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
    runners,
    selenium,
    web_server_main,
)
from tests.pyodide.settings_page import SettingsPage

__all__ = [
    "page",
    "playwright_browsers",
    "pytest_collection_modifyitems",
    "pytest_xdist_make_scheduler",
    "runners",
    "selenium",
    "web_server_main",
]

_numbers = count()


@pytest.fixture(scope="session")
def _kinto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinto]:
    with Kinto(tmp_path_factory.mktemp("kinto")) as kinto:
        yield kinto


@pytest.fixture
def kinto(_kinto: Kinto) -> Kinto:
    """The server, with nothing going wrong."""
    _kinto.switch()
    _kinto.requests()
    return _kinto


@pytest.fixture
def name(kinto: Kinto) -> str:
    """A new, empty collection."""
    name = f"collection-{next(_numbers)}"
    kinto.create(name)
    return name


@pytest.fixture
def settings(page: Page, kinto: Kinto) -> SettingsPage:
    """A page whose server this is."""
    return SettingsPage(page, kinto.config)
