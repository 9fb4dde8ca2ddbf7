"""pytest fixtures for other projects, registered as soon as ``modelden[host]`` is installed.

- ``model_server``: Remote Settings and a hub at a free port, for this test alone (`ModelServer`). Tests publish records
  and models into it, read its request log and switch faults on.
- ``den_page``: a page with Pyodide and modelden in a real browser, configured for ``model_server`` (`DenPage`). Each
  test gets a new origin, so nothing is stored at first.

``--den-browser chromium`` or ``firefox`` (repeat it for both) selects the browser. ``--den-pyodide DIR`` and
``--den-runtime PATH`` locate Pyodide and the WASM runtime, if they are not in ``node_modules``.

Sample usage::

    def test_a_text_becomes_a_vector(model_server, den_page):
        model_server.add_model("acme/minilm", "v1.0.0", "models/minilm", task="feature-extraction")
        shape = den_page.python('''
            import modelden
            engine = await modelden.create_engine(task_name="feature-extraction")
            (await engine.run("a cat", pooling="mean")).shape
        ''')
        assert shape == [1, 384]

Without fixtures, `Application`, `RunningServer`, `Tree` and `Fault` serve a tree.

pytest loads this module at every start, so heavy modules are imported on first use.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from modelden.host.browser.page_fixtures import DenPage, HeadlessBrowser
    from modelden.host.errors import BrowserError
    from modelden.host.keys.certificates import SigningChain
    from modelden.host.publish.tree import Tree
    from modelden.host.serve.faults import Fault
    from modelden.host.serve.model_server import ModelServer
    from modelden.host.serve.server import Application, RunningServer

__all__ = ["Application", "BrowserError", "DenPage", "Fault", "ModelServer", "RunningServer", "Tree"]

_MODULES = {
    "Application": "modelden.host.serve.server",
    "BrowserError": "modelden.host.errors",
    "DenPage": "modelden.host.browser.page_fixtures",
    "Fault": "modelden.host.serve.faults",
    "ModelServer": "modelden.host.serve.model_server",
    "RunningServer": "modelden.host.serve.server",
    "Tree": "modelden.host.publish.tree",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    group = parser.getgroup("modelden")
    group.addoption(
        "--den-browser", action="append", choices=["chromium", "firefox"], help="where den_page opens; may be repeated"
    )
    group.addoption("--den-pyodide", type=Path, metavar="DIR", help="the Pyodide distribution of den_page")
    group.addoption("--den-runtime", type=Path, metavar="PATH", help="the WASM runtime that model_server publishes")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with a page once per browser."""
    if "den_browser_name" in metafunc.fixturenames:
        names = metafunc.config.getoption("--den-browser") or ["chromium"]
        metafunc.parametrize("den_browser_name", list(dict.fromkeys(names)), scope="session")


@pytest.fixture(scope="session")
def den_chain() -> SigningChain:
    """The keys of the session's servers."""
    from modelden.host.keys.certificates import new_chain

    return new_chain()


@pytest.fixture(scope="session")
def den_tree(request: pytest.FixtureRequest, den_chain: SigningChain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The initial tree of each server: the runtime and no model."""
    from modelden.host.serve.model_server import ModelServer

    folder = tmp_path_factory.mktemp("den") / "tree"
    with ModelServer(folder, den_chain) as server:
        server.add_runtime(request.config.getoption("--den-runtime"))
    return folder


@pytest.fixture
def model_server(den_tree: Path, den_chain: SigningChain) -> Iterator[ModelServer]:
    """Remote Settings and a hub, with the runtime and no model."""
    from modelden.host.serve.model_server import ModelServer

    with _temporary_folder() as folder:
        shutil.copytree(den_tree, folder / "tree")
        with ModelServer(folder / "tree", den_chain) as server:
            yield server


@pytest.fixture(scope="session")
def den_browser(den_browser_name: str, request: pytest.FixtureRequest) -> Iterator[HeadlessBrowser]:
    """The browser, open for the session."""
    from modelden.host.browser.page_fixtures import HeadlessBrowser

    with HeadlessBrowser(den_browser_name, request.config.getoption("--den-pyodide")) as browser:
        yield browser


@pytest.fixture
def den_page(den_browser: HeadlessBrowser, model_server: ModelServer) -> Iterator[DenPage]:
    """A page with Pyodide and modelden, configured for ``model_server``."""
    with den_browser.page() as page:
        page.configure(model_server.configure)
        yield page


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="modelden-") as name:
        yield Path(name)
