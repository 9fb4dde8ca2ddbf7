"""Files become one Blob in the background: under the eyes of who reads them, and though whoever does it is killed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from modelden.host.serve.server import RunningServer
from tests.faults.hub import FaultyHub
from tests.onnx_bodies import onnx_body
from tests.pyodide.browser_page import assert_whole_files
from tests.pyodide.tabs import another, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pyodide.browser_page import Page

BODY = onnx_body(32_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
PATH = "/org/model/v1/model.onnx"
WANTED = {"model": "org/model", "revision": "v1", "file": "model.onnx"}

_KILLED = """
    const source = `
        import { loadPyodide } from ${JSON.stringify(base + "/pyodide.mjs")};
        const pyodide = await loadPyodide({ indexURL: ${JSON.stringify(base + "/")} });
        await pyodide.loadPackage("modelden");
        pyodide.FS.writeFile("in_page.py", ${JSON.stringify(inPage)});
        pyodide.globals.set("text", ${JSON.stringify(wanted)});
        await pyodide.runPythonAsync("import in_page, json; await in_page.get_file(**json.loads(text))");
        postMessage("read");
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    await new Promise((resolve) => worker.onmessage = resolve);
    const isRewriting = async () => (await navigator.locks.query()).held.some(({ name }) => name === "modelden rows");
    while (!(await isRewriting()));
    worker.terminate();
"""


@pytest.fixture
def hub() -> FaultyHub:
    return FaultyHub({PATH: BODY, "/org/model/v1/config.json": b"{}"})


@pytest.fixture
def root(hub: FaultyHub) -> Iterator[str]:
    with RunningServer(hub) as server:
        yield server.url


def chunks(page: Page) -> int:
    """The number of chunks in which the file is stored."""
    (number,) = [row["chunks"] for row in page.stored()["modelFiles"]["files"] if row["file"] == WANTED["file"]]
    return int(number)


def become_one(page: Page) -> None:
    page.until(lambda: chunks(page) == 1, "the file is one Blob", seconds=180)
    assert_whole_files(page.stored()["modelFiles"])


def test_a_file_becomes_one_blob_and_who_has_read_the_chunks_keeps_them(
    hasty_page: Page, hub: FaultyHub, root: str
) -> None:
    page = hasty_page
    page.trace_proxies()
    page.call("get_file", root_url=root, **WANTED | {"file": "config.json"})  # what any use needs is in memory now
    before = page.proxies()
    with another(page) as tab:
        call(tab, "hold_file", root_url=root, **WANTED)
        assert chunks(page) > 1
        assert page.call("get_file", root_url=root, **WANTED)["sha256"] == SHA256
        become_one(page)

        assert call(tab, "read_held") == SHA256
    assert page.call("get_file", root_url=root, **WANTED)["sha256"] == SHA256
    assert hub.served(PATH) == len(BODY)
    page.until(lambda: page.proxies() <= before, f"JavaScript holds {before} of Python's objects again")


def test_whoever_is_killed_while_rewriting_leaves_the_file_whole(hasty_page: Page, hub: FaultyHub, root: str) -> None:
    page = hasty_page
    with another(page) as tab:
        call(tab, "hold_file", root_url=root, **WANTED)
    assert chunks(page) > 1
    facts = json.dumps([page.runner.base_url, page.in_page_source, json.dumps({"root_url": root, **WANTED})])
    page.runner.run_js(f"const [base, inPage, wanted] = {facts};{_KILLED}")

    assert_whole_files(page.stored()["modelFiles"])
    assert page.call("get_file", root_url=root, **WANTED)["sha256"] == SHA256
    become_one(page)
    assert page.call("get_file", root_url=root, **WANTED)["sha256"] == SHA256
    assert hub.served(PATH) == len(BODY)
