"""The Python examples of README and docs, read from the documents, for the rings that run them.

An example without ``await`` and without the page's ``js`` runs on CPython, by itself (`tests/unit/test_examples.py`).
The others run in a page (`tests/pyodide/test_examples.py`), those of one document in their order: each example sees the
names of those before it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A block of Python.

    Attributes:
        document: Path of the document.
        line: Line of its first statement.
        source: The Python.
    """

    document: str
    line: int
    source: str

    @property
    def needs_host(self) -> bool:
        """It is a file of a host, which ring hosts runs: PEP 723's metadata declare what it needs."""
        return self.source.startswith("# /// script")

    @property
    def needs_page(self) -> bool:
        """It waits, or uses the page."""
        return not self.needs_host and ("await " in self.source or "from js " in self.source)

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def examples() -> list[Example]:
    """Return all examples, by document, in their order."""
    documents = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    return [
        Example(path.relative_to(ROOT).as_posix(), text[: match.start(1)].count("\n") + 1, match[1])
        for path in documents
        for text in [path.read_text("utf-8")]
        for match in _BLOCK.finditer(text)
    ]


def page_examples() -> dict[str, list[Example]]:
    """Return the examples that need a page, by document."""
    found: dict[str, list[Example]] = {}
    for example in examples():
        if example.needs_page:
            found.setdefault(example.document, []).append(example)
    return found


def compile_example(example: Example) -> object:
    """Return the code of an example, which may have ``await`` outside of functions.

    Raises:
        SyntaxError: If it is not Python.
    """
    return compile(example.source, str(example), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
