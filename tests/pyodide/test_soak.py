"""A page used at random: loads, runs, cancels, updates, deletions, cleared data, no network, and tabs that are killed.

``./build.sh test pyodide -k soak --soak 2000`` takes more steps than CI. The seed is printed; ``MODELDEN_SOAK_SEED``
replays it.
"""

from __future__ import annotations

import json
import os
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from modelden.host.testing import Fault
from tests.pyodide.browser_page import HERE, Page
from tests.pyodide.engines_page import publish
from tests.pyodide.servers import KEPT, LARGE_MODEL, REVISION, TASK
from tests.pyodide.tabs import another

if TYPE_CHECKING:
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}
LARGE = {"task_name": TASK, "model_id": LARGE_MODEL, "model_revision": REVISION}
GROWTH = 1.1
"""Memory of Python after all steps, to that after the first quarter of them."""

_START = """async ([config, request]) => {
    pyodide.globals.set("text", JSON.stringify([config, request]));
    pyodide.runPythonAsync("import in_page, json; await in_page.visit(*json.loads(text))").catch(() => {});
}"""


class Soak:
    """Random use of a page."""

    def __init__(self, page: Page, site: Site, random: Random) -> None:
        page.add_module("soak_in_page.py", (HERE / "soak_in_page.py").read_text(encoding="utf-8"))
        page.call("configure", config=site.config)
        self._page = page
        self._site = site
        self._random = random
        self._revisions = 0

    def step(self) -> None:
        """Do one thing."""
        actions = {
            self.load: 6,
            self.run: 8,
            self.cancel_load: 3,
            self.cancel_run: 3,
            self.update: 2,
            self.delete: 1,
            self.clear: 1,
            self.disconnect: 1,
            self.connect: 3,
            self.kill_tab: 1,
        }
        (action,) = self._random.choices(list(actions), list(actions.values()))
        outcome = action()
        sys.stdout.write(f"{action.__name__}: {outcome}\n")

    def load(self) -> Any:
        return self._call("load", request=self._request())

    def run(self) -> Any:
        return self._call("run", number=self._random.randrange(3))

    def cancel_load(self) -> Any:
        return self._call("cancel_load", request=self._request(), iterations=self._random.randrange(200))

    def cancel_run(self) -> Any:
        return self._call("cancel_run", number=self._random.randrange(3), iterations=self._random.randrange(20))

    def update(self) -> Any:
        self._revisions += 1
        publish(self._site, f"v{self._revisions}.1")
        return self._call("update")

    def delete(self) -> Any:
        return self._call("delete", name=self._random.choice([KEPT, f"localhost/{LARGE_MODEL}"]))

    def clear(self) -> Any:
        if self._page.runner.browser == "chrome":
            # As a user who clears the site's data: locks and caches are lost, too.
            session = self._page.tab.context.new_cdp_session(self._page.tab)
            session.send("Storage.clearDataForOrigin", {"origin": self._page.runner.base_url, "storageTypes": "all"})
            session.detach()
        else:
            self._page.wipe()
        return "done"

    def disconnect(self) -> Any:
        self._site.fault(Fault(path="*", close=True))
        return "done"

    def connect(self) -> Any:
        self._site.fault()
        return "done"

    def kill_tab(self) -> Any:
        with another(self._page) as tab:
            tab.evaluate(_START, [self._site.config, self._request()])
            tab.wait_for_timeout(self._random.randrange(1000))
        return "done"

    def end(self) -> None:
        """Close all engines, with a network."""
        self.connect()
        self._page.call("close_all", module="soak_in_page")

    def _request(self) -> dict[str, Any]:
        request = self._random.choice([TINY, TINY, LARGE])
        return {**request, "engine_id": f"engine-{self._random.randrange(3)}"}

    def _call(self, function: str, **arguments: Any) -> Any:
        return self._page.call(function, module="soak_in_page", **arguments)


def locks(page: Page) -> list[str]:
    """The names of locks that somebody holds or waits for."""
    text = page.runner.run_js(
        """
        const { held, pending } = await navigator.locks.query();
        return JSON.stringify([...held, ...pending].map(({ name }) => name));
        """
    )
    return sorted(json.loads(text))


def test_a_page_used_at_random_works_in_the_end(page: Page, own_site: Site, soak_steps: int) -> None:
    seed = int(os.environ.get("MODELDEN_SOAK_SEED", "0")) or Random().randrange(1, 1_000_000)  # noqa: S311  it keeps no secret
    sys.stdout.write(f"MODELDEN_SOAK_SEED={seed}\n")
    page.trace_proxies()
    soak = Soak(page, own_site, Random(seed))  # noqa: S311  it keeps no secret
    page.visit(own_site.config, **TINY)
    page.visit(own_site.config, **LARGE)
    page.until(lambda: "modelden sweep" not in locks(page), "what earlier tests stored is swept")
    before = page.proxies(), page.js_objects(), locks(page)
    for _ in range(soak_steps // 4):
        soak.step()
    early = page.heap()
    for _ in range(soak_steps - soak_steps // 4):
        soak.step()

    soak.end()
    page.visit(own_site.config, **TINY)

    assert page.heap() <= GROWTH * early
    page.until(lambda: page.proxies() <= before[0], f"JavaScript holds {before[0]} of Python's objects again")
    page.until(lambda: page.js_objects() <= before[1], f"Python holds {before[1]} of JavaScript's objects again")
    page.until(lambda: locks(page) == before[2], f"only the locks of an idle page are held: {before[2]}")
    page.is_clean()


@pytest.fixture
def soak_steps(request: pytest.FixtureRequest) -> int:
    """Number of steps."""
    return int(request.config.getoption("--soak"))
