"""Places in which browsers give a page less than usual, each with Python and modelden in it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.pyodide.console import LOGGING
from tests.pyodide.runners import CHROMIUM_FLAGS, INSECURE_HOST, Browsers, chromium, launch
from tests.pyodide.servers import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Frame
    from playwright.sync_api import Page as Tab

type Json = dict[str, Any]

PATIENCE = 120_000
"""Milliseconds for a page or Pyodide to start: many times what it takes a busy machine."""

_MODULES = {
    "in_page.py": "pyodide/in_page.py",
    "in_page_sessions.py": "pyodide/in_page_sessions.py",
    "onnxruntime_api.py": "contracts/onnxruntime_api.py",
    "onnxruntime_probes.py": "contracts/onnxruntime_probes.py",
    "contracts/locks.py": "contracts/locks.py",
}

_START = """async ([base, files, logging]) => {
    const { loadPyodide } = await import(`${base}/pyodide.mjs`);
    self.pyodide = await loadPyodide({ indexURL: `${base}/` });
    await pyodide.loadPackage("modelden", { messageCallback: () => {} });
    pyodide.runPython(logging);
    for (const [name, text] of Object.entries(files)) {
        const path = `/home/pyodide/${name}`;
        pyodide.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
        pyodide.FS.writeFile(path, text);
    }
}"""

_CALL = """async ([module, name, text]) => {
    pyodide.globals.set("text", text);
    return pyodide.runPythonAsync(`
import inspect, json, ${module}
result = ${module}.${name}(**json.loads(text))
json.dumps(await result if inspect.isawaitable(result) else result)`);
}"""

_ADD_FRAME = """(attributes) => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    Object.assign(frame, attributes, { onload: resolve });
    document.body.append(frame);
})"""

_NO_STORAGE_MANAGER = "delete Navigator.prototype.storage;"
"""As in browsers before 2022, and in WebKit's automation."""


class Python:
    """Python in a page or in a frame."""

    def __init__(self, frame: Frame, base: str) -> None:
        """Start Pyodide there.

        Args:
            frame: A frame; the main one of a page.
            base: URL of Pyodide.
        """
        self.frame = frame
        files = {name: (ROOT / "tests" / path).read_text("utf-8") for name, path in _MODULES.items()}
        frame.evaluate(_START, [base, files, LOGGING])

    def call(self, function: str, /, *, module: str = "in_page", **arguments: Any) -> Any:
        """Call a function of `in_page`, or of another module."""
        return json.loads(self.frame.evaluate(_CALL, [module, function, json.dumps(arguments)]))


def page(context: BrowserContext, base: str) -> Python:
    """A page of the origin."""
    return Python(_tab(context, base).main_frame, base)


def frame_of_another_site(context: BrowserContext, base: str) -> Python:
    """A frame of the origin in a page of another site; both are secure contexts."""
    return _framed(context, base, base.replace("127.0.0.1", "localhost"), src=f"{base}/module_test.html")


def sandboxed_frame(context: BrowserContext, base: str) -> Python:
    """A frame with an origin of its own."""
    return _framed(context, base, base, srcdoc="<title>a frame</title>", sandbox="allow-scripts")


def insecure_page(context: BrowserContext, base: str) -> Python:
    """A page of a host that is not this machine's by its name."""
    return page(context, base.replace("127.0.0.1", INSECURE_HOST))


def page_without_storage_manager(context: BrowserContext, base: str) -> Python:
    """A page without ``navigator.storage``."""
    context.add_init_script(_NO_STORAGE_MANAGER)
    return page(context, base)


def _framed(context: BrowserContext, base: str, top: str, **attributes: str) -> Python:
    tab = _tab(context, top)
    tab.evaluate(_ADD_FRAME, attributes)
    return Python(tab.frames[-1], base)


def _tab(context: BrowserContext, base: str) -> Tab:
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(f"{base}/module_test.html", timeout=PATIENCE)
    return tab


class Surrounding(NamedTuple):
    """One of the places.

    Attributes:
        open: Opens it.
        chrome: Members of ``profile`` in Chromium's file of preferences; none for a context off the record.
        firefox: Preferences of Firefox; none for a context of the browser that all tests share.
        stores: Whether IndexedDB works there, in Chromium and in Firefox.
        missing: Capabilities that are missing there beside those that follow from `stores`.
    """

    open: Callable[[BrowserContext, str], Python]
    chrome: Json
    firefox: Json
    stores: tuple[bool, bool] = (True, True)
    missing: frozenset[str] = frozenset()


SURROUNDINGS = {
    "cross-site frame": Surrounding(frame_of_another_site, {}, {"network.cookie.cookieBehavior": 1}, (False, False)),
    "partitioned frame": Surrounding(frame_of_another_site, {"cookie_controls_mode": 0}, {}),
    "sandboxed frame": Surrounding(sandboxed_frame, {}, {}, (False, False), frozenset({"storage_estimate"})),
    "site data blocked": Surrounding(
        page, {"default_content_setting_values": {"cookies": 2}}, {"network.cookie.cookieBehavior": 2}, (False, False)
    ),
    "private window": Surrounding(page, {}, {"browser.privatebrowsing.autostart": True}),
    "insecure origin": Surrounding(
        insecure_page, {}, {}, missing=frozenset({"web_crypto", "web_locks", "cache", "storage_estimate"})
    ),
    "no storage manager": Surrounding(page_without_storage_manager, {}, {}, missing=frozenset({"storage_estimate"})),
}


@contextmanager
def opened(browsers: Browsers, runtime: str, surrounding: Surrounding, folder: Path) -> Iterator[BrowserContext]:
    """Open a context with the settings of a surrounding, in a browser of its own where these need one.

    Args:
        browsers: The browsers that all tests share.
        runtime: The browser.
        surrounding: The surrounding.
        folder: An empty folder, for a profile.
    """
    playwright = browsers.playwright
    if runtime == "chrome" and surrounding.chrome:
        preferences = folder / "Default/Preferences"
        preferences.parent.mkdir(parents=True)
        preferences.write_text(json.dumps({"profile": surrounding.chrome}), "utf-8")
        with playwright.chromium.launch_persistent_context(
            folder, executable_path=chromium(), args=CHROMIUM_FLAGS
        ) as context:
            yield context
    elif runtime == "firefox" and surrounding.firefox:
        with launch(playwright, runtime, surrounding.firefox) as browser:
            yield browser.new_context()
    else:
        with browsers[runtime].new_context() as context:
            yield context
