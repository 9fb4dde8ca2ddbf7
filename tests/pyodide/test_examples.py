"""The examples of README and docs run in a page, against a server with a tiny model of the examples' names."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.examples import Example, page_examples
from tests.pyodide.servers import ROOT, WEIGHTS, write_model
from tests.tiny_models import files
from tests.tiny_models.raw import raw_models

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

EXAMPLES = page_examples()

_MODEL_BYTES = f"""
import base64
model_bytes = base64.b64decode({base64.b64encode(raw_models()["x-to-y"]).decode()!r})
"""

_STORED_MODEL = """
import modelden
for file in ("config.json", "onnx/model.onnx"):
    await modelden.hub_download("org/name", file, revision="v1.0")
"""

_FILE_FIELD = """
from js import DataTransfer, File, document
from pyodide.ffi import to_js
transfer = DataTransfer.new()
transfer.items.add(File.new(to_js([archive.blob.js_blob]), archive.name))
field = document.createElement("input")
field.type = "file"
field.files = transfer.files
document.body.append(field)
"""

_FILES = """
config, weights = [
    await (await modelden.hub_download("org/name", name, revision="v1.0")).read()
    for name in ("config.json", "onnx/model.onnx")
]
"""

PREPARATIONS = {
    "InferenceSession.create(model_bytes)": _MODEL_BYTES,
    "export_model(": _STORED_MODEL,
    'querySelector("input[type=file]")': _FILE_FIELD,
    '"config.json": config': _FILES,
}
"""Python that a reader has run before an example, by a text of the example."""


def prepared(example: Example) -> list[list[str]]:
    """An example for the test's hub, after its preparations, each with a name."""
    before = [[f"before {example}", source] for text, source in PREPARATIONS.items() if text in example.source]
    return [*before, [str(example), example.source.replace("model-hub.mozilla.org", "localhost")]]


def test_each_preparation_is_for_an_example() -> None:
    sources = [example.source for examples in EXAMPLES.values() for example in examples]

    assert [text for text in PREPARATIONS if not any(text in source for source in sources)] == []


@pytest.mark.parametrize("document", EXAMPLES)
def test_the_examples_of_a_document_run(page: Page, own_site: Site, document: str) -> None:
    for revision in ("v1.0", "main"):
        write_model(own_site.folder, "org/name", revision=revision)
        folder = own_site.folder / "hub/org/name" / revision
        (folder / "onnx/model.onnx").write_bytes((folder / WEIGHTS).read_bytes())
    for path, content in files("text-generation").items():
        file = own_site.folder / "hub/org/chat/v1.0" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    page.add_module("in_page_examples.py", (ROOT / "tests/pyodide/in_page_examples.py").read_text("utf-8"))
    sources = [source for example in EXAMPLES[document] for source in prepared(example)]

    assert page.call("run", module="in_page_examples", config=own_site.config, sources=sources) == len(sources)
