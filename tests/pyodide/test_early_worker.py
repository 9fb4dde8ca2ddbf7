"""The boot script on later visits: the worker that starts before Python, and the stored snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pyodide.boot_site import BootPage, BootSite, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.pyodide.servers import Site

RUN = """
import modelden
try:
    engine = await modelden.create_engine(feature_id="tiny")
    result = str(len((await engine.run("This is a test.", pooling="mean", normalize=True)).tolist()))
except modelden.ModelDenError as error:
    result = type(error).__name__
result
"""

DAMAGE = """async () => {
  const cache = await caches.open("modelden-snapshot");
  const [key] = await cache.keys();
  const bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer());
  bytes[bytes.length >> 1] ^= 1;
  await cache.put(key, new Response(bytes));
}"""


@pytest.fixture
def context(runtime: str, playwright_browsers: dict[str, Browser]) -> Iterator[BrowserContext]:
    opened = playwright_browsers[runtime].new_context()
    yield opened
    opened.close()


@pytest.fixture
def boot_site(tmp_path: Path) -> Iterator[BootSite]:
    with served(BootSite(tmp_path)) as site:
        yield site


class Visit(BootPage):
    """A visit whose workers are counted."""

    def __init__(self, context: BrowserContext, site: BootSite, config: dict[str, object]) -> None:
        super().__init__(context, site.url)
        self.started: list[str] = []
        self.tab.on("worker", lambda worker: self.started.append(worker.url))
        self.boot(modelden=config)

    def engines(self) -> list[str]:
        """Return the URLs of all engine workers so far."""
        return [url for url in self.started if "/engine-" in url]

    def wait_for_workers(self, number: int) -> None:
        """Wait until so many workers run: Playwright hears later of the end of one."""
        while len(self.tab.workers) != number:
            self.tab.wait_for_timeout(50)


def test_the_next_visit_has_its_worker_before_python(context: BrowserContext, boot_site: BootSite, site: Site) -> None:
    first = Visit(context, boot_site, site.config)
    assert first.engines() == []
    assert first.run(RUN) == "1"
    first.tab.close()

    second = Visit(context, boot_site, site.config)
    [early] = second.engines()
    assert early.startswith(f"{boot_site.url}/modelden/engine-")
    assert second.run(RUN) == "1"
    assert second.started == [early]  # no other one was started
    assert second.complaints == []
    second.tab.close()

    other = Visit(context, boot_site, {**site.config, "runtime_major": 6})
    assert len(other.engines()) == 1
    assert other.run(RUN) == "NoRuntime"
    other.wait_for_workers(0)
    other.tab.close()

    script = boot_site.modelden / early.rpartition("/")[2].partition("?")[0]
    build = early.rpartition("?")[2]
    script.write_text(script.read_text("utf-8").replace(build, "another"), "utf-8")
    replaced = Visit(context, boot_site, site.config)
    assert replaced.run(RUN) == "1"
    replaced.wait_for_workers(1)
    assert replaced.started[-1].startswith("blob:")  # the wheel's own
    assert replaced.complaints == []


def test_a_snapshot_is_downloaded_once_unless_it_is_damaged(context: BrowserContext, boot_site: BootSite) -> None:
    first = BootPage(context, boot_site.url)
    first.boot()
    first.tab.wait_for_function("async () => (await (await caches.open('modelden-snapshot')).keys()).length === 1")
    assert boot_site.requested(".snapshot")
    boot_site.requests.clear()

    second = BootPage(context, boot_site.url)
    second.boot()
    assert second.is_from_snapshot()
    assert not boot_site.requested(".snapshot")

    second.tab.evaluate(DAMAGE)
    third = BootPage(context, boot_site.url)
    third.boot()
    assert third.is_from_snapshot()
    assert boot_site.requested(".snapshot")
    assert third.complaints == []
