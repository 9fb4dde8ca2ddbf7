"""Ring webkit: the built wheel on Pyodide in WebKitGTK, which has Safari's engine. A few journeys, chosen to matter.

    def test_a_fact(profile: Profile, site: Site) -> None:
        with profile.page() as page:
            page.visit(site.config, feature_id="tiny")

`profile` is a browser profile that keeps its storage from page to page; `private_page` a page of a private session.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_pyodide.server import spawn_web_server

from tests.pyodide.browser_page import Page
from tests.pyodide.conftest import own_site, site, tiny_tree
from tests.pyodide.servers import ROOT
from tests.webkit.runner import WebKitRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["own_site", "site", "tiny_tree"]


@pytest.fixture(scope="session", autouse=True)
def display() -> Iterator[None]:
    """A virtual screen, because WebKitGTK has no headless mode."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:  # noqa: S603  our own command
        os.close(writer)
        with os.fdopen(reader) as numbers, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISPLAY", f":{numbers.readline().strip()}")
            yield
        server.terminate()


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, int, Path]]:
    """The server of pages with Pyodide."""
    with spawn_web_server(ROOT / "build/pyodide") as (_, port, log):
        yield "localhost", port, log


@dataclass(frozen=True)
class Profile:
    """A folder with the storage of one user, and the server whose pages they visit."""

    folder: Path
    server: tuple[str, int, Path]

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Start a browser with a page in it, and close it."""
        runner = WebKitRunner(self.folder, self.server)
        try:
            yield Page(runner)
        finally:
            runner.quit()


@pytest.fixture
def profile(tmp_path: Path, server: tuple[str, int, Path]) -> Profile:
    """A new profile."""
    return Profile(tmp_path / "profile", server)


@pytest.fixture
def private_page(server: tuple[str, int, Path]) -> Iterator[Page]:
    """A page in a private session, which WebKit lets store everything but Blobs."""
    runner = WebKitRunner(None, server)
    try:
        yield Page(runner)
    finally:
        runner.quit()
