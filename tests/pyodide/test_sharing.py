"""A model goes out of a real browser as an archive, and comes in again without a request."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from modelden.host.serve.server import RunningServer
from tests.faults.hub import FaultyHub
from tests.onnx_bodies import onnx_body
from tests.pyodide.browser_page import HERE, PageError, assert_whole_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pyodide.browser_page import Page

BODY = onnx_body(24_000_000)
FILES = {"model.onnx": BODY, "config.json": b"{}"}
DIGESTS = {path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()}


@pytest.fixture
def call(everywhere: Page) -> Callable[..., Any]:
    source = (HERE / "in_page_sharing.py").read_text("utf-8")
    everywhere.add_module("in_page_sharing.py", source)
    return partial(everywhere.call, module="in_page_sharing")


def test_a_model_is_carried_without_a_network_and_without_passing_through_python(
    everywhere: Page, call: Callable[..., Any]
) -> None:
    page, hub = everywhere, FaultyHub({f"/org/model/v1/{path}": data for path, data in FILES.items()})
    with RunningServer(hub) as server:
        root = server.url
        archive = call("exported", root_url=root, files=list(FILES))
        asked, heap = len(hub.log), page.heap()
        page.trace_proxies()
        proxies = page.proxies()

        with page.hasty():
            for way in ("file", "path", "loose"):
                kept = call("imported", root_url=root, way=way)
                assert {file["path"]: file["sha256"] for file in kept} == DIGESTS
                assert {file["hub"] for file in kept} == {None}
                assert_whole_files(page.stored()["modelFiles"])
                got = page.call("get_file", root_url=root, model="org/model", revision="v1", file="model.onnx")
                assert (got["error"], got["sha256"], got["integrity"]) == (None, DIGESTS["model.onnx"], "first-seen")
            assert call("written", root_url=root) == ["carried/model.onnx", DIGESTS["model.onnx"]]
            assert page.heap() - heap < len(BODY) * 3 / 4  # it grows by a fifth at a time, for one chunk at most
            page.until(lambda: page.proxies() <= proxies, f"JavaScript holds {proxies} of Python's objects again")

        before = page.stored()
        error = PageError(**call("damaged", root_url=root))
        assert (error.name, error.foreign) == ("IntegrityError", [])
        assert page.stored() == before
        assert len(hub.log) == asked
        assert archive["size"] > len(BODY)
        call("forget", root_url=root)
