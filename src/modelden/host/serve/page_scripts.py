"""The scripts of this wheel for pages of a site: the boot script, and the workers that it starts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

ASSETS = Path(str(files("modelden"))) / "_js/assets"
"""The folder of the scripts in the installed wheel."""

_PRELOADS = ("modelden/boot.js", "pyodide/pyodide.mjs", "pyodide/pyodide.asm.mjs")
"""Modules of a page with the boot script, which it would otherwise ask for one after the other."""


def boot_lines(site: Path) -> list[str]:
    """Return the lines of HTML that start Python in a page of a site by the boot script.

    Args:
        site: Folder of the site, maybe with a Pyodide distribution in its folder ``pyodide``.
    """
    has_pyodide = (site / "pyodide/pyodide.mjs").is_file()
    paths = [path for path in _PRELOADS if has_pyodide or not path.startswith("pyodide/")]
    options = '{ pyodide: "/pyodide/" }' if has_pyodide else '{ pyodide: "https://…" }'
    return [
        *(f'<link rel="modulepreload" href="/{path}">' for path in paths),
        '<script type="module">',
        '  import { boot } from "/modelden/boot.js";',
        f"  const python = await boot({options});",
        "</script>",
    ]
