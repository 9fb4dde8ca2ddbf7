"""A page in which models run through modelden, and through onnxruntime-web alone in a worker of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hosting.model_pack import read_value
from tests.pyodide.runners import Runner, page_with_pyodide
from tests.pyodide.servers import RUNTIME_6, Site, StaticServer, offer_runtime_6, write_tiny_tree

HERE = Path(__file__).parent

type Outcome = list[list[Any]] | str
"""The outputs of each run of a model, or the text of an error."""

_ALONE = """
    const [source, message] = %s;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    const answer = () => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
    });
    await answer();
    worker.postMessage(message);
    const text = await answer();
    worker.terminate();
    return text;
"""


@dataclass(frozen=True)
class ModelPage:
    """A page, and the servers of its models.

    Attributes:
        runner: The page.
        config: modelden's configuration.
        pack_url: URL of what `write_pack` wrote.
        library_url: URL of onnxruntime-web's files.
    """

    runner: Runner
    config: dict[str, Any]
    pack_url: str
    library_url: str

    def modelden(self, names: Sequence[str] | None = None) -> dict[str, Outcome]:
        """Run the models of these names, or all, through modelden."""
        return _outcomes(self.call("run", self.config, self.pack_url, names))

    def alone(self, names: Sequence[str] | None = None) -> dict[str, Outcome]:
        """Run them through onnxruntime-web alone."""
        source = (HERE / "onnxruntime_alone.js").read_text("utf-8").replace("LIBRARY", self.library_url)
        message = {"url": self.pack_url, "names": names}
        return _outcomes(self.runner.run_js(_ALONE % json.dumps([source, message])))

    def call(self, function: str, *arguments: Any) -> str:
        """Call a function of ``in_page_models.py``, whose result is JSON text."""
        return str(
            self.runner.run_async(
                f"import json, in_page_models\n"
                f"json.dumps(await in_page_models.{function}(*json.loads({json.dumps(arguments)!r})))"
            )
        )


@contextmanager
def model_page(browser: str, pack: Path) -> Iterator[ModelPage]:
    """Open a page in a new browser.

    Args:
        browser: ``chrome`` or ``firefox``.
        pack: The folder that `write_pack` wrote. It gets the tree of the settings, too.
    """
    source = (HERE / "in_page_models.py").read_text("utf-8")
    with (
        Site(write_tiny_tree(pack / "tree")) as site,
        StaticServer(pack) as packs,
        StaticServer(RUNTIME_6.parent) as library,
        page_with_pyodide(browser) as runner,
    ):
        offer_runtime_6(site)
        runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/in_page_models.py', {json.dumps(source)})")
        runner.load_package("modelden")
        yield ModelPage(runner, site.config, packs.url, library.url)


def _outcomes(text: str) -> dict[str, Outcome]:
    return {
        name: outcome if isinstance(outcome, str) else [[read_value(value) for value in run] for run in outcome]
        for name, outcome in json.loads(text).items()
    }
