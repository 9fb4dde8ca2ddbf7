"""The boot script: Python from a snapshot, and as ever where that fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.boot_site import BootPage, BootSite, served, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.pyodide.servers import Site

STRICT = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; "
    "img-src data:"
}


@pytest.fixture
def context(runtime: str, playwright_browsers: dict[str, Browser]) -> Iterator[BrowserContext]:
    """A profile of the test's own, in another language and time zone than those of the snapshot."""
    opened = playwright_browsers[runtime].new_context(locale="de-CH", timezone_id="America/St_Johns")
    yield opened
    opened.close()


@pytest.fixture
def boot_site(tmp_path: Path) -> Iterator[BootSite]:
    with served(BootSite(tmp_path)) as site:
        yield site


def test_python_starts_from_the_snapshot_and_runs_a_model(
    context: BrowserContext, boot_site: BootSite, site: Site
) -> None:
    page = BootPage(context, boot_site.url)

    page.boot(modelden=site.config)

    assert page.is_from_snapshot()
    assert not boot_site.requested(".whl")
    vectors = page.run(
        "import modelden\n"
        "engine = await modelden.create_engine(feature_id='tiny')\n"
        "result = await engine.run('This is a test.', pooling='mean', normalize=True)\n"
        "await engine.close()\n"
        "str(len(result.tolist()))"
    )
    assert vectors == "1"
    assert "GET /v1/" in site.requests()
    assert page.complaints == []


def test_a_restored_python_is_a_whole_one(context: BrowserContext, boot_site: BootSite) -> None:
    page = BootPage(context, boot_site.url)
    page.boot(pyodide="/pyodide/", packages=["pygments", "modelden"], env={"NAME": "value"})

    assert page.is_from_snapshot()
    facts = page.run(
        "import asyncio, csv, decimal, importlib.metadata, inspect, json, os, js, modelden, pygments, pyodide_js\n"
        "from pyodide.ffi import can_run_sync, create_once_callable, run_sync\n"
        "await asyncio.sleep(0.01)\n"
        "called = asyncio.get_event_loop().create_future()\n"
        "js.setTimeout(create_once_callable(lambda: called.set_result('called')), 1)\n"
        "try:\n    js.JSON.parse('{')\nexcept Exception as error:\n    name = type(error).__name__\n"
        "json.dumps([os.environ['NAME'], importlib.metadata.version('modelden'), await called,\n"
        "    name, 'async def create_engine' in inspect.getsource(modelden.create_engine),\n"
        "    sorted(pyodide_js.loadedPackages.to_py()), can_run_sync() and run_sync(asyncio.sleep(0, 'waited'))])"
    )
    has_jspi = page.tab.evaluate("() => 'Suspending' in WebAssembly")
    assert json.loads(facts) == [
        *("value", "0.1.0", "called", "JsException", True),
        ["modelden", "pygments"],
        "waited" if has_jspi else False,
    ]
    assert not boot_site.requested("modelden-0.1.0-py3-none-any.whl")
    assert page.complaints == []


FACTS = """
import js, json, logging, os, time
now = time.localtime()
json.dumps({
    "user agent": js.navigator.userAgent, "title": js.document.title, "path": js.location.pathname,
    "LANG": os.environ["LANG"], "HOME": os.environ["HOME"], "folder": os.getcwd(), "arguments": __import__("sys").argv,
    "offset": now.tm_gmtoff, "zone": [time.timezone, time.altzone, time.daylight, list(time.tzname)],
    "executable": __import__("sys").executable, "randomized": __import__("sys").flags.hash_randomization,
    "log began in this page": logging._startTime / 1e6 >= js.performance.timeOrigin - 1,
    "clock": abs(time.time() - js.Date.now() / 1000) < 60,
    "monotonic": time.monotonic() * 1000 < js.performance.now() + 1,
})
"""


def test_a_restored_python_has_the_values_of_its_own_page(context: BrowserContext, boot_site: BootSite) -> None:
    restored, started = BootPage(context, boot_site.url), BootPage(context, boot_site.url)
    restored.boot()
    boot_site.edit_entry(build="another")
    started.boot()

    assert restored.is_from_snapshot()
    assert not started.is_from_snapshot()
    assert json.loads(restored.run(FACTS)) == json.loads(started.run(FACTS))


def test_random_numbers_differ_from_page_to_page(context: BrowserContext, boot_site: BootSite) -> None:
    code = "import random, secrets, tempfile, uuid\n"
    code += "' '.join(map(str, (random.random(), secrets.token_hex(8), uuid.uuid4(), tempfile.mktemp())))"
    found = []
    for _ in range(2):
        page = BootPage(context, boot_site.url)
        page.boot()
        assert page.is_from_snapshot()
        found.append(page.run(code).split())

    assert not set(found[0]) & set(found[1])


def flip_byte(site: BootSite) -> None:
    data = bytearray(site.snapshot.read_bytes())
    data[len(data) // 2] ^= 1
    site.write(site.snapshot.name, bytes(data))


def flip_byte_of_content(site: BootSite) -> None:
    """A host sends the content itself, by Content-Encoding, and nothing but the hash tells."""
    data = bytearray(unpacked(site.snapshot))
    data[len(data) // 2] ^= 1
    site.write(site.snapshot.name, bytes(data))


def name_another_build_of_pyodide(site: BootSite) -> None:
    """Bytes 16 to 47 of the memory are Pyodide's BUILD_ID; the hash is right."""
    data = bytearray(unpacked(site.snapshot))
    start = 4 + int.from_bytes(data[:4], "little")
    data[start + 20] ^= 1
    site.rewrite_snapshot(bytes(data))


DAMAGES: dict[str, Callable[[BootSite], Any]] = {
    "truncated": lambda site: site.write(site.snapshot.name, site.snapshot.read_bytes()[:-1000]),
    "empty": lambda site: site.write(site.snapshot.name, b""),
    "byte": flip_byte,
    "content": flip_byte_of_content,
    "pyodide": name_another_build_of_pyodide,
    "build": lambda site: site.edit_entry(build="another"),
    "jspi": lambda site: site.edit_entry(jspi=False),
    "size": lambda site: site.edit_entry(memory_size=2**29),
    "entry": lambda site: site.edit_entry(memory_size="much", sha256=None),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_a_usable_snapshot_python_starts_silently_as_ever(
    context: BrowserContext, boot_site: BootSite, damage: str
) -> None:
    DAMAGES[damage](boot_site)
    page = BootPage(context, boot_site.url)

    page.boot(modelden={"preset": "stage"})

    assert not page.is_from_snapshot()
    assert "allizom" in page.run("from modelden.default_context import page; page.config.settings_server")
    assert page.complaints == []


def test_a_page_with_a_strict_policy_and_two_tabs_at_once(context: BrowserContext, tmp_path: Path) -> None:
    with served(BootSite(tmp_path), STRICT) as site:
        pages = [BootPage(context, site.url) for _ in range(2)]
        for page in pages:
            page.tab.evaluate(
                "() => { globalThis.booting = boot({}).then((python) => { globalThis.python = python; }); }"
            )
        for page in pages:
            page.tab.evaluate("() => booting")
            assert page.is_from_snapshot()
            assert page.complaints == []


def test_a_module_worker_starts_from_the_snapshot(context: BrowserContext, boot_site: BootSite) -> None:
    page = BootPage(context, boot_site.url)

    name = page.tab.evaluate(
        """([options, code]) => new Promise((resolve, reject) => {
            const worker = new Worker("/worker.js", { type: "module" });
            worker.onmessage = ({ data }) => resolve(data);
            worker.onerror = ({ message }) => reject(new Error(message));
            worker.postMessage([options, code]);
        })""",
        [{"pyodide": "/pyodide"}, "import js, sys; f'{\"modelden.hub.files\" in sys.modules} {js.constructor.name}'"],
    )

    assert name == "True DedicatedWorkerGlobalScope"
    assert not boot_site.requested(".whl")


def test_a_wrong_configuration_is_pythons_error(context: BrowserContext, boot_site: BootSite) -> None:
    page = BootPage(context, boot_site.url)

    message = page.tab.evaluate("() => boot({ modelden: { no_such_field: 1 } }).catch((error) => error.message)")

    assert "configure() has no no_such_field" in message
