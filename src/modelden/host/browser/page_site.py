"""A page with Pyodide and modelden in it, and nothing else: what `modelden run` and the pytest fixtures open."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Mount, Route

import modelden
from modelden.host.errors import HostError
from modelden.host.serve.site_app import site_app

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

PLACES = ("build/pyodide", "node_modules/pyodide")
"""Where a Pyodide distribution is looked for: this project's build, and the npm package."""

NEEDED = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")

_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>modelden</title>
<link rel="icon" href="data:,">
<script type="module">
  const folder = new URL("/pyodide/", location).href;
  globalThis.booted = (async () => {
    const { loadPyodide } = await import(folder + "pyodide.mjs");
    const pyodide = await loadPyodide({ indexURL: folder });
    await pyodide.loadPackage("/wheel/WHEEL", { messageCallback: () => {} });
    globalThis.pyodide = pyodide;
  })();
  // whoever opened the page asks for the outcome
  globalThis.booted.catch(() => {});
</script>
"""


def find_pyodide(folder: Path | None) -> Path:
    """The Pyodide distribution: ``folder``, what MODELDEN_PYODIDE names, or one of `PLACES`.

    Raises:
        HostError: There is none.
    """
    named = folder or (Path(os.environ["MODELDEN_PYODIDE"]) if "MODELDEN_PYODIDE" in os.environ else None)
    for place in [named] if named else map(Path, PLACES):
        missing = [name for name in NEEDED if not (place / name).is_file()]
        if not missing:
            return place
        if named:
            raise HostError(f"{place} is not a Pyodide distribution: it has no {missing[0]}.")
    raise HostError("No Pyodide is here: `npm install pyodide@314` and run again, or name its folder with --pyodide.")


def find_wheel(pyodide: Path, folder: Path) -> Path:
    """The wheel of modelden beside Pyodide, or the modelden that runs here, packed into ``folder``."""
    there = sorted(pyodide.glob("modelden-*.whl"))
    return there[-1] if there else pack_wheel(folder)


def pack_wheel(folder: Path) -> Path:
    """Pack the modelden that runs here as the wheel that users install."""
    package, version = Path(modelden.__file__).parent, modelden.__version__
    wheel = folder / f"modelden-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, f"modelden/{path.relative_to(package).as_posix()}")
        info = f"modelden-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: modelden\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def page_app(pyodide: Path, scratch: TemporaryDirectory[str]) -> ASGIApp:
    """The page at ``/``, Pyodide at ``/pyodide``.

    Args:
        pyodide: The distribution.
        scratch: For a wheel, if one has to be packed; lives as long as the application.
    """
    wheel = find_wheel(pyodide, Path(scratch.name))
    text = _PAGE.replace("WHEEL", wheel.name)

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse(text)

    async def packed(_request: Request) -> FileResponse:
        return FileResponse(wheel, media_type="application/zip")

    return Starlette(
        routes=[
            Route("/", page),
            Route(f"/wheel/{wheel.name}", packed),
            Mount("/pyodide", site_app(pyodide)),
        ]
    )
