"""The starts of `docs/hosts.md` as files: pages, workers and notebooks, word for word.

A block of the document is a file if its first line names one: ``<!-- page.html -->``, ``// worker.mjs`` or
``# search.py``.
A block with a manifest is that of an extension, and one with PEP 723's metadata is a notebook of marimo.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs/hosts.md"

MARIMO = "notebook.py"

_BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"(?:<!--|//|#) ([\w-]+\.\w+)(?: -->)?\n")
_CELL = re.compile(r"^\n?# %%\n", re.MULTILINE)
_MANIFEST = '"manifest_version"'
_PEP_723 = "# /// script\n"


def host_pages() -> Mapping[str, str]:
    """Return the text of each file, by its name."""
    pages = {}
    for block in _BLOCK.findall(DOCUMENT.read_text("utf-8")):
        if name := _NAME.match(block):
            pages[name[1]] = block[name.end() :]
        elif _MANIFEST in block:
            pages["manifest.json"] = block
        elif block.startswith(_PEP_723):
            pages[MARIMO] = block
    return pages


def notebook(source: str) -> str:
    """Return a Jupyter notebook for the Pyodide kernel, with a cell for each part between lines ``# %%``."""
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": cell.strip("\n"),
        }
        for number, cell in enumerate(_CELL.split(source))
    ]
    kernel = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
    metadata = {"kernelspec": kernel}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)
