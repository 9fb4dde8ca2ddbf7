"""A page with Python on the storage of any origin, in a browser's profile. The origin's own server is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from modelden.host.browser.browsers import open_profile, playwright
from modelden.host.browser.page_site import find_wheel, page_app
from modelden.host.browser.pyodide_page import BOOT_TIMEOUT, PORT_FILE, PyodidePage
from modelden.host.errors import BrowserError, HostError
from modelden.host.serve.server import RunningServer

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

_MARKERS = {"chromium": "Local State", "firefox": "prefs.js"}
"""A file of each browser's profiles."""

_FOLDER = "/modelden-models/"
"""Path of the page and its files. Nothing is served there."""

_TITLE = "modelden models"
_PAGE = f'<!doctype html><meta charset="utf-8"><title>{_TITLE}</title><link rel="icon" href="data:,">'


def profile_browser(folder: Path) -> str:
    """Return the browser that a profile is of.

    Raises:
        HostError: The folder is no profile. A browser would make an empty one there.
    """
    for browser, marker in _MARKERS.items():
        if (folder / marker).is_file():
            return browser
    raise HostError(
        f"{folder} is no profile of a browser: expected {_MARKERS['chromium']!r} of Chromium or "
        f"{_MARKERS['firefox']!r} of Firefox in it. `modelden run --profile` makes one."
    )


def profile_origin(folder: Path, url: str | None) -> str:
    """Return the origin of a URL; without one, of the page that `modelden run` opened in this profile.

    Raises:
        HostError: The URL is not one of a page, or none is given and the profile is not of `modelden run`.
    """
    if url is None:
        port = folder / PORT_FILE
        if port.is_file():
            return f"http://localhost:{port.read_text(encoding='utf-8').strip()}"
        raise HostError("Name a page of the site that stored the models: --origin https://models.example.")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise HostError(f"--origin: expected a URL such as https://models.example, got {url!r}.")
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def open_profile_page(folder: Path, origin: str, pyodide: Path) -> Iterator[PyodidePage]:
    """Open a page of an origin, with Pyodide and modelden of this machine.

    Args:
        folder: An existing profile.
        origin: Scheme, host and port. Its server may be gone.
        pyodide: The Pyodide distribution.

    Raises:
        HostError: The folder is no profile.
        BrowserError: The browser does not start, for example because it has the profile open already; or Pyodide does
            not start.
    """
    browser = profile_browser(folder)
    with ExitStack() as closing:
        name = closing.enter_context(TemporaryDirectory(prefix="modelden-"))
        scratch = TemporaryDirectory(prefix="wheel-", dir=name)
        server = closing.enter_context(RunningServer(page_app(pyodide, scratch)))
        files = closing.enter_context(httpx.Client(base_url=server.url))
        context = open_profile(closing.enter_context(playwright()), browser, folder.resolve())
        closing.callback(context.close)
        context.set_default_timeout(BOOT_TIMEOUT * 1000)
        page = context.new_page()
        if browser == "chromium":
            # The site's service worker may respond to every URL below it. Firefox has no command for this.
            context.new_cdp_session(page).send("Network.setBypassServiceWorker", {"bypass": True})
        root = f"{origin}{_FOLDER}"
        page.route(f"{root}**", lambda route: _respond(route, files, route.request.url.removeprefix(root)))
        _open_page(page, browser, root)
        opened = PyodidePage(page)
        opened.install(root, find_wheel(pyodide, Path(scratch.name)).name)
        yield opened


def _respond(route: Route, files: httpx.Client, path: str) -> None:
    """Respond in place of the origin's server. Browsers do not let pages of other machines ask this one."""
    response = files.get(f"/{path}") if path else httpx.Response(200, html=_PAGE)
    content_type = response.headers["content-type"]
    route.fulfill(status=response.status_code, content_type=content_type, body=response.content)


def _open_page(page: Page, browser: str, url: str) -> None:
    from playwright.sync_api import Error

    try:
        page.goto(url)
    except Error as error:
        raise BrowserError(f"{browser} cannot open a page at {url}: {error.message}") from error
    if page.title() != _TITLE:
        raise BrowserError(f"The site's service worker responds to {url}: remove it in {browser}, and run this again.")
