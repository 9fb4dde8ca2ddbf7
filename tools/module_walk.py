"""The modules that a request enters: how far a reader has to walk to follow it.

`python tools/module_walk.py` runs requests against the simulators of the unit tests and prints, for each, the number of
modules of modelden that were entered and the number of times that a call entered another module than the call before.
`tests/unit/test_module_walk.py` has the limits. `--names` prints the modules too.
"""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

import modelden  # noqa: E402  the path is set first
from modelden.engine.options import PipelineOptions  # noqa: E402  the path is set first
from modelden.host.publish.tree import Tree  # noqa: E402  the path is set first
from modelden.host.serve.server import Application  # noqa: E402  the path is set first
from modelden.hub.catalog.allow_list import AllowList  # noqa: E402  the path is set first
from modelden.hub.catalog.names import ModelFile  # noqa: E402  the path is set first
from modelden.hub.store.usage import Consumer  # noqa: E402  the path is set first
from tests.simulators.engines import ScriptedEngines  # noqa: E402  the path is set first
from tests.simulators.fetcher import AsgiFetcher  # noqa: E402  the path is set first
from tests.simulators.profile import Profile  # noqa: E402  the path is set first
from tests.unit import conftest as unit  # noqa: E402  the path is set first

PACKAGE = str(Path(modelden.__file__).parent)
OTHER_SIDES = (f"{PACKAGE}/host/", f"{PACKAGE}/_js/")
"""The server in the same process, and what stands in for the browser, do not count."""

ALLOW_LIST = AllowList.of([{"filter": "ALLOW", "urlPrefix": f"{unit.ORIGIN}/hub/"}])
FILE = ModelFile("org/tiny", "v1.0", "onnx/model_quantized.onnx")
REQUEST = {"task_name": "feature-extraction", "feature_id": "simple-text-embedder"}


async def call[T](function: Callable[..., T], *args: Any, **_options: Any) -> T:
    """Call a function of the server in the next turn. The order in which threads end would differ from run to run."""
    await asyncio.sleep(0)
    return function(*args)


@contextmanager
def walk(title: str) -> Iterator[None]:
    """Count the modules that calls enter, and print the counts."""
    entered: list[str] = []

    def record(frame: FrameType, event: str, _argument: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(PACKAGE) and not path.startswith(OTHER_SIDES):
            entered.append(path)

    sys.setprofile(record)
    try:
        yield
    finally:
        sys.setprofile(None)
    changes = sum(before != after for before, after in pairwise(entered))
    print(f"{title:<24}{len(set(entered)):>4} modules{changes:>6} changes")
    if "--names" in sys.argv:
        print("   ", *sorted(path[len(PACKAGE) + 1 :] for path in set(entered)))


@asynccontextmanager
async def profile() -> AsyncIterator[Profile]:
    """Make a new browser profile and a server for it."""
    with TemporaryDirectory() as folder:
        application = Application(Tree(unit.write_tree(Path(folder))))
        config = unit.configured(application, unit.ORIGIN)
        made = Profile(config, AsgiFetcher(application), unit.BUNDLE, ScriptedEngines(list(unit.FILES)))
        yield made
        await made.close()


async def walk_file() -> None:
    """Download a file of a pinned revision, then read it again."""
    async with profile() as browser:
        page = browser.visit()
        for title in ("file, cold", "file, warm"):
            hub = await page.hub()
            with walk(title):
                await hub.get(FILE, Consumer("feature-extraction", "engine"), ALLOW_LIST, lambda _event: None)


async def walk_engine() -> None:
    """Load an engine, then load it in a new page of the same profile."""
    async with profile() as browser:
        for title in ("create_engine, cold", "create_engine, warm"):
            page = browser.visit()
            with walk(title):
                engine = await page.create_engine(PipelineOptions.of(REQUEST))
            await engine.close()
            page.close()


def import_all() -> None:
    """Import all modules, or late imports would count as calls."""
    for module in pkgutil.walk_packages(modelden.__path__, "modelden."):
        if not module.name.startswith(("modelden._js", "modelden.host", "modelden.__main__")):
            import_module(module.name)


if __name__ == "__main__":
    import_all()
    with patch("anyio.to_thread.run_sync", call):
        asyncio.run(walk_file())
        asyncio.run(walk_engine())
