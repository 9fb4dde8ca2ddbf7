"""The wheel's scripts on a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from modelden.host.publish.tree import Tree
from modelden.host.serve.page_scripts import boot_lines
from modelden.host.serve.server import Application, RunningServer

if TYPE_CHECKING:
    from pathlib import Path


def test_each_module_that_a_page_imports_is_preloaded(site: Path) -> None:
    (site / "pyodide").mkdir(exist_ok=True)
    (site / "pyodide/pyodide.mjs").write_text("")

    lines = "\n".join(boot_lines(site))

    for path in ("/modelden/boot.js", "/pyodide/pyodide.mjs", "/pyodide/pyodide.asm.mjs"):
        assert f'<link rel="modulepreload" href="{path}">' in lines
    assert 'boot({ pyodide: "/pyodide/" })' in lines


def test_a_site_without_pyodide_names_it(tmp_path: Path) -> None:
    lines = "\n".join(boot_lines(tmp_path))

    assert "pyodide.mjs" not in lines
    assert 'boot({ pyodide: "https://' in lines


def test_a_sites_own_scripts_come_before_those_of_the_wheel(tree: Path, site: Path) -> None:
    (site / "modelden").mkdir()
    (site / "modelden/boot.js").write_text("export const own = true;")

    with RunningServer(Application(Tree(tree), site)) as server:
        assert httpx.get(f"{server.url}/modelden/boot.js").text == "export const own = true;"
