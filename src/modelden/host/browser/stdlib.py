"""Pyodide's standard library as bytecode, made by the Pyodide of the folder itself, in Node or in a browser.

Pyodide comes with sources only. Compiling them is half of a page's start, and the browser keeps nothing of it.
pyodide-build's ``py-compile`` uses the Python that it runs on, whose bytecode is of another version.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from modelden.host.browser.browsers import BROWSERS, playwright
from modelden.host.browser.pyodide_page import open_page, page_server
from modelden.host.errors import BrowserError, HostError, machine_errors

LIBRARY = "python_stdlib.zip"
"""The file that `loadPyodide` reads beside itself, unless ``stdLibURL`` names another one."""

NODE_TIMEOUT = 300
"""Seconds for Pyodide in Node: it starts and compiles some 600 modules."""

_NODE = """
import { pathToFileURL } from "node:url";
const [folder, source] = process.argv.slice(-2);
const { loadPyodide } = await import(new URL("pyodide.mjs", pathToFileURL(`${folder}/`)));
const pyodide = await loadPyodide({ indexURL: folder });
process.stdout.write(pyodide.runPython(source));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLibrary:
    """The outcome of `write_bytecode`.

    Attributes:
        path: The written file.
        size: Its bytes.
        source_size: Bytes of the file that it was made from.
    """

    path: Path
    size: int
    source_size: int


def write_bytecode(folder: Path, out: Path | None = None, *, sources: bool = False) -> CompiledLibrary:
    """Compile the standard library of a Pyodide distribution. Equal distributions give equal bytes.

    A library without sources stays as it is.

    Args:
        folder: The distribution.
        out: The file to write; None replaces the distribution's own, so that pages need no change.
        sources: Keep the sources beside the bytecode.

    Raises:
        HostError: The folder is no Pyodide distribution, it does not start, or its library has no sources to keep.
        BrowserError: Node is missing and no browser could do it.
        MachineError: The file cannot be written.
    """
    folder = folder.resolve()
    for name in ("pyodide.mjs", LIBRARY):
        if not (folder / name).is_file():
            raise HostError(f"{folder} is not a Pyodide distribution: it has no {name}.")
    script = files("modelden.host.browser").joinpath("stdlib_script.py").read_text(encoding="utf-8")
    call = f"{script}\n\ncompile_library(sources={sources})\n"
    node = shutil.which("node")
    encoded = _compile_in_node(node, folder, call) if node else _compile_in_browser(folder, call)
    before = (folder / LIBRARY).read_bytes()
    if encoded is None and sources:
        raise HostError(f"{folder / LIBRARY} is bytecode and has no sources to keep: take it from Pyodide again.")
    # Pyodide started with it, so bytecode that is there is of the right version.
    data = before if encoded is None else base64.b64decode(encoded)
    target = out or folder / LIBRARY
    with machine_errors(f"Cannot write {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.part")
        partial.write_bytes(data)
        partial.replace(target)
    return CompiledLibrary(path=target, size=len(data), source_size=len(before))


def _compile_in_node(node: str, folder: Path, call: str) -> str | None:
    command = [node, "--input-type=module", "--eval", _NODE, "--", str(folder), call]
    try:
        process = subprocess.run(  # noqa: S603  the user's own Node
            command, capture_output=True, text=True, encoding="utf-8", timeout=NODE_TIMEOUT, check=True
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"Pyodide in {node} did not end within {NODE_TIMEOUT} s: expected some 10 s.") from None
    except subprocess.CalledProcessError as error:
        raise HostError(f"Pyodide could not run in {node}: {error.stderr.strip()[-2000:]}") from None
    encoded: str | None = json.loads(process.stdout)
    return encoded


def _compile_in_browser(folder: Path, call: str) -> str | None:
    missing: list[str] = []
    for browser in BROWSERS:
        with page_server(folder) as url, TemporaryDirectory(prefix="modelden-") as profile, playwright() as driver:
            try:
                with open_page(driver, browser, Path(profile), url) as page:
                    encoded: str | None = page.evaluate(call, "")
                    return encoded
            except BrowserError as error:
                missing.append(str(error))
    raise BrowserError(f"Pyodide needs Node or a browser to compile its library. {' '.join(missing)}")
