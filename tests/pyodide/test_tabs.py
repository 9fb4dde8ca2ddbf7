"""Five tabs at once, tabs that delete what others use, and workers that are killed again and again."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from modelden.host.serve.server import RunningServer
from tests.faults.hub import PIECE, FaultyHub
from tests.pyodide.browser_page import assert_whole_files
from tests.pyodide.halted import CHUNK, first_byte, kept, kept_at_limit
from tests.pyodide.servers import KEPT, REVISION
from tests.pyodide.tabs import another, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

MODEL = {"model": "org/model", "revision": "v1"}
FILES = ["model.onnx", "decoder.onnx"]
SIZE = 24_000_000
STEP = 4_500_000
"""Bytes that a worker downloads at most before it is killed; the file of 20 kills fits into `FIREFOX_QUOTA`."""

_START = """
    globalThis.victims ??= [];
    const source = `
        import { loadPyodide } from ${JSON.stringify(base + "/pyodide.mjs")};
        const pyodide = await loadPyodide({ indexURL: ${JSON.stringify(base + "/")} });
        await pyodide.loadPackage("modelden");
        pyodide.FS.writeFile("in_page.py", ${JSON.stringify(inPage)});
        pyodide.globals.set("text", ${JSON.stringify(wanted)});
        await pyodide.runPythonAsync("import in_page, json; await in_page.get_file(**json.loads(text))");
    `;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    victims.push(new Worker(url, { type: "module" }));
"""


class Victims:
    """Workers that download a file, to be killed in the order of their start."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def start(self, **wanted: str) -> None:
        """Start one more. Of two that start at once, either may become the first."""
        facts = json.dumps([self._page.runner.base_url, self._page.in_page_source, json.dumps(wanted)])
        self._page.runner.run_js(f"const [base, inPage, wanted] = {facts};{_START}")

    def one_waits_for(self, name: str) -> bool:
        """True if a lock whose name begins so is wanted, and somebody else has it."""
        pending = "(await navigator.locks.query()).pending"
        return bool(
            self._page.runner.run_js(f"return {pending}.some(({{ name }}) => name.startsWith('modelden {name}'))")
        )

    def kill(self) -> None:
        """Kill the first."""
        self._page.runner.run_js("victims.shift().terminate()")

    def kill_all(self) -> None:
        """Kill those that are left."""
        self._page.runner.run_js("for (const victim of globalThis.victims?.splice(0) ?? []) victim.terminate()")


def body(name: str, size: int) -> bytes:
    """Bytes that are a file's own, so that none is a copy of another one."""
    random = Random(name)  # noqa: S311  it keeps no secret
    return b"".join(random.randbytes(1_000_000) for _ in range(size // 1_000_000))


@pytest.fixture
def hub() -> FaultyHub:
    return FaultyHub({path(name): body(name, SIZE) for name in FILES})


@pytest.fixture
def root(hub: FaultyHub) -> Iterator[str]:
    with RunningServer(hub) as server:
        yield server.url


def path(file: str) -> str:
    return f"/org/model/v1/{file}"


def is_served(hub: FaultyHub, file: str, size: int) -> bool:
    return hub.served(path(file)) >= size


def test_five_tabs_start_cold_and_each_file_is_served_once(page: Page, hub: FaultyHub, root: str) -> None:
    with ExitStack() as opened:
        tabs = [opened.enter_context(another(page)) for _ in range(4)]
        for file in FILES:
            page.call("begin_file", root_url=root, file=file, **MODEL)
            for tab in tabs:
                call(tab, "begin_file", root_url=root, file=file, **MODEL)
            got = [page.call("end_file"), *(call(tab, "end_file") for tab in tabs)]

            right = hashlib.sha256(hub.files[path(file)]).hexdigest()
            assert [(each["error"], each["sha256"]) for each in got] == [(None, right)] * 5
            assert hub.served(path(file)) == len(hub.files[path(file)])

        # Whoever holds the lock is closed, with three others waiting; another one goes on.
        page.wipe()
        hub.log.clear()
        hub.limit = SIZE // 2
        holder, *others = tabs
        call(holder, "begin_file", root_url=root, file=FILES[0], **MODEL)
        page.until(partial(is_served, hub, FILES[0], 1), "the first tab downloads")
        for tab in others:
            call(tab, "begin_file", root_url=root, file=FILES[0], **MODEL)
        half = kept_at_limit(page, hub, path(FILES[0]))
        holder.close()
        hub.limit = None
        got = [call(tab, "end_file") for tab in others]

        right = hashlib.sha256(hub.files[path(FILES[0])]).hexdigest()
        assert [(each["error"], each["sha256"]) for each in got] == [(None, right)] * 3
        assert first_byte(hub.last(path(FILES[0]))) == half
    assert_whole_files(page.stored()["modelFiles"])


def test_a_model_is_deleted_while_another_tab_downloads_and_runs_it(
    page: Page, hub: FaultyHub, root: str, site: Site
) -> None:
    with another(page) as tab:
        page.call("get_file", root_url=root, file=FILES[0], **MODEL)
        hub.limit = SIZE // 2
        call(tab, "begin_file", root_url=root, file=FILES[1], **MODEL)
        page.until(partial(hub.at_limit, path(FILES[1])), "half is served")
        page.call("delete", model="localhost/org/model", revision="v1")
        stored = page.stored()["modelFiles"]
        assert stored["headers"] == []
        hub.limit = None
        got = call(tab, "end_file")
        assert (got["error"], got["sha256"]) == (None, hashlib.sha256(hub.files[path(FILES[1])]).hexdigest())
        stored = page.stored()["modelFiles"]
        assert_whole_files(stored)
        assert [row["file"] for row in stored["headers"]] == [FILES[1]]

        expected = call(tab, "begin_engine", config=site.config, request={"feature_id": "tiny"})
        page.call("configure", config=site.config)
        page.call("delete", model=KEPT, revision=REVISION)
        assert call(tab, "run_open_engine") == expected
        assert [row["model"] for row in page.stored()["modelFiles"]["headers"]] == ["localhost/org/model"]
        call(tab, "end_engine")


@pytest.fixture
def victims(page: Page) -> Iterator[Victims]:
    """None at first, and none at the end."""
    started = Victims(page)
    yield started
    started.kill_all()


def test_workers_that_are_killed_cost_little(
    page: Page, hub: FaultyHub, root: str, victims: Victims, kills: int
) -> None:
    """Anywhere in the file. The next one waits for its turn already, and takes over where the killed one was."""
    name = FILES[0]
    hub.files[path(name)] = whole = body("killed", 2 * kills * STEP)
    random = Random(kills)  # noqa: S311  the same moments each time
    hub.limit = 0
    victims.start(root_url=root, file=name, **MODEL)
    for goal in sorted(random.randint(PIECE, len(whole) - PIECE) for _ in range(kills)):
        page.until(partial(waits_at, hub, path(name)), "the worker has begun", seconds=180)
        answer = hub.last(path(name))
        hub.limit = hub.served(path(name)) + max(goal - first_byte(answer), PIECE)
        page.until(partial(hub.at_limit, path(name)), f"the worker is at byte {goal}", seconds=180)
        victims.start(root_url=root, file=name, **MODEL)
        page.until(partial(victims.one_waits_for, "download"), "the next worker waits for the lock", seconds=180)
        hub.limit = hub.served(path(name))
        victims.kill()
        page.until(partial(getattr, answer, "left"), "the hub knows that the worker is gone")
    killed_at_the_end(page, hub, root, victims)

    got = page.call("get_file", root_url=root, file=name, **MODEL)
    assert (got["error"], got["sha256"]) == (None, hashlib.sha256(whole).hexdigest())
    assert hub.served(path(name)) <= 1.2 * len(whole) + (kills + 3) * CHUNK
    assert_whole_files(page.stored()["modelFiles"])
    assert kept(page) == 0


def killed_at_the_end(page: Page, hub: FaultyHub, root: str, victims: Victims) -> None:
    """Two workers when all bytes have come and have been hashed, before the commit; one when it may commit."""
    page.runner.run_js(
        "await new Promise((held) => { navigator.locks.request('modelden rows', () => {"
        " held(); return new Promise((release) => { globalThis.letCommit = release; }); }); });"
    )
    hub.limit = None
    for _ in range(2):
        page.until(partial(victims.one_waits_for, "rows"), "a worker is about to commit", seconds=180)
        victims.start(root_url=root, file=FILES[0], **MODEL)
        page.until(partial(victims.one_waits_for, "download"), "the next worker waits for the lock", seconds=180)
        assert page.stored()["modelFiles"]["files"] == []
        victims.kill()
    page.until(partial(victims.one_waits_for, "rows"), "a worker is about to commit", seconds=180)
    page.runner.run_js("letCommit()")
    victims.kill()


def waits_at(hub: FaultyHub, file: str) -> bool:
    """True if an answer has begun and waits for the limit, the client of which is there."""
    answers = [request for request in hub.log if request.path == file and request.method == "GET"]
    return bool(answers) and answers[-1].status in (200, 206) and not answers[-1].left
