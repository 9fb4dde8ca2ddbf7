"""The element ``<modelden-models>`` in the page of this Python, with its actions."""

from __future__ import annotations

from typing import Any

import js
import pyodide_js
from js import URL, Promise

from modelden._js.worker_scripts import Script
from modelden.errors import InputError, WorkerRefused

_TAG = "modelden-models"
_FILE = "models.js"


async def show_element(js_parent: Any, worker_url: str | None) -> None:
    """Replace the content of an element of the page by the list of models.

    Args:
        js_parent: The element.
        worker_url: URL of the folder with modelden's scripts; None for the wheel's own.

    Raises:
        InputError: In a worker, which has no document.
        WorkerRefused: If the browser refuses the script.
    """
    if not hasattr(js, "document"):
        raise InputError("element: Python runs in a worker, which has no document. Show the list by the page's script.")
    if js.customElements.get(_TAG) is None:
        await _define(worker_url)
    js_list = js.document.createElement(_TAG)
    js_list.actions = js.customElements.get(_TAG).pyodideActions(pyodide_js)
    js_parent.replaceChildren(js_list)


async def _define(worker_url: str | None) -> None:
    source = Script(_FILE, worker_url).beside(_FILE)
    url = source if isinstance(source, str) else str(URL.createObjectURL(source))
    js_script = js.document.createElement("script")
    js_script.type, js_script.src = "module", url
    resolvers = Promise.withResolvers()
    js_script.onload = js_script.onerror = resolvers.resolve
    js.document.head.append(js_script)
    event = await resolvers.promise
    js_script.remove()
    if not isinstance(source, str):
        URL.revokeObjectURL(url)
    if event.type != "load":
        raise WorkerRefused(
            f"The browser did not run the script of the list of models, {url}: the page's content security policy has "
            "no blob: in script-src, or configure(worker_url=...) names a folder without models.js. Allow blob:, or "
            "put the files of this version's `modelden assets DIR` there."
        )
