"""README and docs: all of their Python compiles, and what needs no page runs."""

from __future__ import annotations

import re

import pytest

from modelden import default_context
from tests.examples import ROOT, Example, compile_example, examples

EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_python(example: Example) -> None:
    compile_example(example)


@pytest.mark.parametrize(
    "example", [example for example in EXAMPLES if not (example.needs_page or example.needs_host)], ids=str
)
def test_an_example_without_a_page_runs(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config", "context", "last_worker"):
        monkeypatch.setattr(default_context.page, name, None)

    exec(example.source, {})  # noqa: S102  our own documents


def test_every_block_of_python_is_found() -> None:
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    fences = sum(
        len(re.findall(r"^ *(?:```|~~~) *py(?!script)", path.read_text("utf-8"), re.MULTILINE)) for path in documents
    )

    assert len(EXAMPLES) == fences > 0
