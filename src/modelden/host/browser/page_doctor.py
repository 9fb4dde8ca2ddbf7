"""`modelden.doctor` in a page of a real browser: in an empty one, or in a page at any URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.browser.page_site import find_wheel, page_app
from modelden.host.browser.pyodide_page import BOOT_TIMEOUT, PyodidePage
from modelden.host.errors import BrowserError
from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.server import RunningServer

_SOURCE = """
import json, modelden
modelden.configure(**json.loads(argument))
diagnosis = await modelden.doctor()
json.dumps([[each.subject, each.verdict, each.text, each.advice] for each in diagnosis.findings])
"""


def diagnose(url: str | None, browser: str, pyodide: Path, configure: Mapping[str, Any]) -> list[dict[str, str]]:
    """Run `modelden.doctor` in a page, with the page's own Python if it is in ``globalThis.pyodide``.

    Args:
        url: The page; None for an empty one.
        browser: ``chromium`` or ``firefox``.
        pyodide: Distribution for a page without Python.
        configure: Arguments of `modelden.configure`.

    Returns:
        The fields of each `modelden.Finding`.

    Raises:
        BrowserError: The browser does not start, the page cannot be opened, or it cannot run Python.
    """
    with ExitStack() as closing:
        from playwright.sync_api import Error

        folder = closing.enter_context(TemporaryDirectory(prefix="modelden-"))
        scratch = TemporaryDirectory(prefix="wheel-", dir=folder)
        server = closing.enter_context(RunningServer(AnyOrigin(page_app(pyodide, scratch), ())))
        wheel = find_wheel(pyodide, Path(scratch.name)).name
        driver = closing.enter_context(playwright())
        context = open_profile(
            driver, browser, Path(closing.enter_context(TemporaryDirectory(prefix="modelden-profile-")))
        )
        closing.callback(context.close)
        context.set_default_timeout(BOOT_TIMEOUT * 1000)
        page = context.new_page()
        address = url or f"{server.url}/"
        try:
            page.goto(address)
        except Error as error:
            raise BrowserError(f"{browser} cannot open the page {address}: {error.message}") from error
        opened = PyodidePage(page)
        opened.install(f"{server.url}/", wheel)
        findings = opened.evaluate(_SOURCE, json.dumps(dict(configure)))
    return [dict(zip(("subject", "verdict", "text", "advice"), finding, strict=True)) for finding in findings]
