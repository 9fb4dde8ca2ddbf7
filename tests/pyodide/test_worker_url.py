"""Pages with headers of their own: workers from files where blobs are refused, threads where pages are isolated."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from modelden.host.browser.worker_files import copy_worker_files
from modelden.host.serve.isolation import HEADERS as ISOLATION
from modelden.host.serve.server import RunningServer
from modelden.host.serve.site_app import site_app
from tests.pyodide.browser_page import Page
from tests.pyodide.servers import ROOT, TRANSFORMERS_6, offer_runtime_6

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.pyodide.runners import Runners
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}

ASSETS = ROOT / "src/modelden/_js/assets"

NO_BLOBS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src http:",
}

_BOOT = """
import { loadPyodide } from "./pyodide.mjs";
Object.assign(globalThis, { loadPyodide, logs: [] });
"""
"""What pytest-pyodide has inline in its page, which a content security policy refuses."""


def pages_with(headers: Mapping[str, str], folder: Path, *, threads: bool) -> ASGIApp:
    """Pyodide's distribution, and a folder at ``/modelden``, with these headers on every answer.

    Without ``threads``, a thread of the runtime gets a script that does nothing: it waits for its threads for ever.
    """
    app = Starlette(
        routes=[
            Route("/module_test.html", lambda _: HTMLResponse('<script type="module" src="boot.js"></script>')),
            Route("/boot.js", lambda _: Response(_BOOT, media_type="text/javascript")),
            Mount("/modelden", site_app(folder)),
            Mount("/", site_app(ROOT / "build/pyodide")),
        ]
    )

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        is_thread = not threads and scope["type"] == "http" and _is_thread(scope)
        answer = Response("", media_type="text/javascript") if is_thread else app
        await answer(scope, receive, send_with_headers)

    return with_headers


def _is_thread(scope: Scope) -> bool:
    return scope["path"].endswith(".jsep.mjs") and Headers(scope=scope).get("sec-fetch-dest") == "worker"


@contextmanager
def opened(
    runners: Runners, runtime: str, headers: Mapping[str, str], folder: Path, *, threads: bool = True
) -> Iterator[Page]:
    with RunningServer(pages_with(headers, folder, threads=threads)) as server:
        runner = runners.new(runtime, host="localhost", port=server.port)
        try:
            yield Page(runner)
        finally:
            runner.quit()


def test_workers_from_files_where_blobs_are_refused(
    runtime: str, runners: Runners, page: Page, site: Site, tmp_path: Path
) -> None:
    copy_worker_files(tmp_path)
    served = {**site.config, "worker_url": "modelden"}
    with opened(runners, runtime, NO_BLOBS, tmp_path) as strict:
        error = strict.failed_visit(site.config, **TINY)
        assert error.name == "WorkerRefused"
        assert "worker_url" in error.message

        assert strict.visit(served, **TINY)["vectors"] == page.visit(site.config, **TINY)["vectors"]
        offer_runtime_6(site)
        strict.wipe()
        assert strict.visit(served, **TINY)["info"]["transformers"] == TRANSFORMERS_6


def test_worker_files_that_cannot_be_used(runtime: str, runners: Runners, site: Site, tmp_path: Path) -> None:
    copy_worker_files(tmp_path)
    trust, build = tmp_path / "trust.js", (ASSETS / "build.txt").read_text("ascii")
    good = trust.read_text("utf-8")
    trust.write_text(good.replace(build, "another one"), "utf-8")
    reasons = {
        "modelden": "is of the build another one",
        "nowhere/": "/nowhere/trust.js",
        f"{site.hub.url}/modelden": "of the page's own origin",
    }
    with opened(runners, runtime, {}, tmp_path) as strict:
        for folder, words in reasons.items():
            error = strict.failed_visit({**site.config, "worker_url": folder}, **TINY)
            assert error.name == "WorkerRefused"
            assert words in error.message
            assert "modelden assets" in error.message

        trust.write_text(good, "utf-8")
        (tmp_path / "ort-wasm-simd-threaded.jsep.mjs").unlink()
        error = strict.failed_visit({**site.config, "worker_url": "modelden"}, **TINY)
        assert "it has to lie beside the worker" in error.message
        strict.is_clean()


def test_threads_of_an_isolated_page(runtime: str, runners: Runners, site: Site, tmp_path: Path) -> None:
    copy_worker_files(tmp_path)
    with opened(runners, runtime, {**NO_BLOBS, **ISOLATION}, tmp_path) as isolated:
        cores = isolated.tab.evaluate("navigator.hardwareConcurrency")
        all_cores = (cores, f"there are {cores} cores")
        for number, *expected in ((2, 2, None), (0, *all_cores), (None, *all_cores)):
            served = {**site.config, "worker_url": "modelden"}
            info = isolated.visit(served, **TINY, num_threads=number)["info"]
            assert [info["threads"], info["threadsReason"]] == expected
    with opened(runners, runtime, ISOLATION, tmp_path) as isolated:
        assert isolated.visit(site.config, **TINY, num_threads=2)["info"]["threads"] == 2


def test_threads_that_never_start_are_done_without(runtime: str, runners: Runners, site: Site, tmp_path: Path) -> None:
    copy_worker_files(tmp_path)
    no_store = {"Cache-Control": "no-store"}  # or the thread's script would be the glue that came before
    with opened(runners, runtime, {**ISOLATION, **no_store}, tmp_path, threads=False) as isolated:
        for seconds in (8, 30):  # a busy machine needs more than eight without threads, too
            config = {**site.config, "worker_url": "modelden", "start_timeout": seconds}
            outcome = isolated.call("visit", config=config, request={**TINY, "num_threads": 2}, texts=None)
            if outcome["error"] is None:
                break

    assert outcome["error"] is None
    info = outcome["info"]
    assert info["threads"] == 1
    assert info["threadsReason"] == "with more threads the engine gave no sign of life while it loaded"
