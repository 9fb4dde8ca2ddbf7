"""The site of an empty page with Pyodide and modelden, for `modelden run` and the pytest fixtures."""

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

PYODIDE_FOLDERS = ("build/pyodide", "node_modules/pyodide")
"""Folders to search for a Pyodide distribution: this project's build, and the npm package."""

PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")

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
  // The opener of the page awaits the outcome.
  globalThis.booted.catch(() => {});
</script>
"""


def find_pyodide(folder: Path | None) -> Path:
    """Find a Pyodide distribution: ``folder``, the folder in MODELDEN_PYODIDE, or one of `PYODIDE_FOLDERS`.

    Raises:
        HostError: No distribution was found.
    """
    named = folder or (Path(os.environ["MODELDEN_PYODIDE"]) if "MODELDEN_PYODIDE" in os.environ else None)
    for candidate in [named] if named else map(Path, PYODIDE_FOLDERS):
        missing = [name for name in PYODIDE_FILES if not (candidate / name).is_file()]
        if not missing:
            return candidate
        if named:
            raise HostError(f"{candidate} is not a Pyodide distribution: it has no {missing[0]}.")
    raise HostError("No Pyodide is here: `npm install pyodide@314` and run again, or name its folder with --pyodide.")


def find_wheel(pyodide: Path, folder: Path) -> Path:
    """Find the wheel of modelden beside Pyodide, or pack the running modelden into ``folder``."""
    wheels = sorted(pyodide.glob("modelden-*.whl"))
    return wheels[-1] if wheels else pack_wheel(folder)


def pack_wheel(folder: Path) -> Path:
    """Pack the running modelden as the wheel that users install."""
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
    """Create the ASGI application with the page at ``/`` and Pyodide at ``/pyodide``.

    Args:
        pyodide: The distribution.
        scratch: Folder for a packed wheel; it has to exist as long as the application.
    """
    wheel = find_wheel(pyodide, Path(scratch.name))
    text = _PAGE.replace("WHEEL", wheel.name)

    async def page(_request: Request) -> HTMLResponse:
        return HTMLResponse(text)

    async def wheel_file(_request: Request) -> FileResponse:
        return FileResponse(wheel, media_type="application/zip")

    return Starlette(
        routes=[
            Route("/", page),
            Route(f"/wheel/{wheel.name}", wheel_file),
            Mount("/pyodide", site_app(pyodide)),
        ]
    )
