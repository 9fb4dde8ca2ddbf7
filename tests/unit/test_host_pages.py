"""The starts of `docs/hosts.md`: all are found, and name the versions that ring hosts runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from host_pages import DOCUMENT, MARIMO, host_pages, notebook

ROOT = Path(__file__).parents[2]
PACKAGES = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
TEXT = DOCUMENT.read_text("utf-8")


def test_each_start_is_a_file() -> None:
    assert set(host_pages()) == {
        "page.html",
        "worker.html",
        "worker.mjs",
        "classic.html",
        "classic.js",
        "pyscript.html",
        "pyscript-worker.html",
        "search.py",
        "extension.html",
        "extension.js",
        "manifest.json",
        "search.ipynb",
        MARIMO,
    }


def test_a_notebook_has_a_cell_for_each_part() -> None:
    cells = json.loads(notebook(host_pages()["search.ipynb"]))["cells"]

    assert [cell["source"].partition("\n")[0] for cell in cells] == [
        "%pip install -q modelden",
        "import modelden",
        "await modelden.ModelHub().list_models()",
    ]


def test_starts_name_versions_of_pyodide_that_are_installed() -> None:
    installed = {PACKAGES[name].rpartition("@")[2] for name in ("pyodide", "pyodide-0.27", "pyodide-0.29")}

    assert set(re.findall(r"/pyodide/v([\d.]+)/", TEXT)) < installed
    assert all(f" {version}" in TEXT for version in installed)


def test_the_document_names_the_versions_of_hosts_that_run() -> None:
    requirements = (ROOT / "requirements/hosts.in").read_text("utf-8")
    versions = re.findall(r"^(?:jupyterlite-core|marimo)==(.+)$", requirements, re.MULTILINE)

    assert len(versions) == 2
    assert all(f"| {version}" in TEXT for version in [*versions, PACKAGES["@pyscript/core"]])
