"""Pages for tests: one browser for the session, and a page with a new origin for each test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Self

from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.browser.page_site import find_pyodide
from modelden.host.browser.pyodide_page import BOOT_TIMEOUT, PyodidePage, page_server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


class DenPage(PyodidePage):
    """A page with Python in it.

    Attributes:
        page: Playwright's page, for everything else.
        complaints: Uncaught errors of the page's JavaScript.
    """

    def configure(self, values: Mapping[str, Any]) -> None:
        """Call `modelden.configure` in the page."""
        self.python("import modelden; modelden.configure(**values); None", values=dict(values))

    def python(self, source: str, **values: Any) -> Any:
        """Run Python in the page, with top-level await. Globals persist between calls.

        Args:
            source: The code; it may be indented.
            **values: Plain data, set as globals.

        Returns:
            The value of the last line as plain data; arrays become lists.

        Raises:
            BrowserError: The code raised an exception; the message has Python's traceback.
        """
        script = files("modelden.host.browser").joinpath("page_eval.py").read_text(encoding="utf-8")
        return self.evaluate(f"{script}\nawait evaluate(argument, globals())\n", json.dumps([dedent(source), values]))


DenPage.__module__ = "modelden.host.testing"


class HeadlessBrowser:
    """A headless browser with a server for its pages. Used with ``with``.

    Raises:
        HostError: No Pyodide distribution was found.
    """

    def __init__(self, name: str, pyodide: Path | None = None) -> None:
        self._name = name
        self._pyodide = find_pyodide(pyodide)
        self._closing = ExitStack()
        self._started: tuple[BrowserContext, str] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            url = starting.enter_context(page_server(self._pyodide))
            folder = starting.enter_context(TemporaryDirectory(prefix="modelden-profile-"))
            driver = starting.enter_context(playwright())
            context = open_profile(driver, self._name, Path(folder))
            starting.callback(context.close)
            context.set_default_timeout(BOOT_TIMEOUT * 1000)
            self._started = context, url
            self._closing = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @contextmanager
    def page(self) -> Iterator[DenPage]:
        """Open a page on a new origin, for which nothing is stored.

        Raises:
            BrowserError: Pyodide does not start.
        """
        if self._started is None:
            raise RuntimeError("HeadlessBrowser is used with `with`")
        context, url = self._started
        page = DenPage(context.new_page())
        try:
            # Browsers resolve every name below localhost to this machine.
            page.page.goto(url.replace("://", f"://den-{uuid.uuid4().hex[:12]}.") + "/")
            page.boot()
            yield page
        finally:
            page.page.close()
