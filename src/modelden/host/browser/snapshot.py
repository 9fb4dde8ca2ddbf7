"""A memory snapshot of Pyodide with modelden imported: one file for each pair of Pyodide and wheel, made in a browser.

Pages that start from it (``web/boot``) compile and import nothing. Pyodide calls its snapshots experimental, and its
options for them are private: a page that cannot use the file starts Pyodide as ever.

The file is compressed by gzip. Inside are the length of a header (4 bytes, little-endian), the header (JSON) and bytes:
first the parts of the snapshot that are not zero, then the files of the wheel.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from modelden.host.browser.browsers import BROWSERS, open_profile, playwright
from modelden.host.browser.page_site import find_wheel
from modelden.host.browser.stdlib import LIBRARY
from modelden.host.errors import BrowserError, HostError, machine_errors
from modelden.host.serve.server import RunningServer
from modelden.host.serve.site_app import site_app

LOCK = "pyodide-lock.json"
"""Pyodide's list of packages. The entry of modelden names its snapshot: other wheels have other entries."""

SUFFIX = ".snapshot"

_BLOCK = 1024
"""Bytes of the parts that are looked at for anything but zeros."""

_INSTALLED = {"INSTALLER": b"pyodide.loadPackage", "PYODIDE_SOURCE": b"pyodide"}
"""Files that Pyodide adds to a package's metadata when it installs a wheel, and looks for when it starts."""

_PAGE = '<!doctype html><link rel="icon" href="data:,">'

_SCRIPT = """async ([files, modules]) => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const fsInit = async (FS, { sitePackages }) => {
    for (const [name, text] of Object.entries(files)) {
      const path = `${sitePackages}/${name}`;
      FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
      FS.writeFile(path, decode(text));
    }
  };
  const pyodide = await loadPyodide({ indexURL: "/pyodide/", _makeSnapshot: true, fsInit, env: { LANG: "C.UTF-8" } });
  if (!pyodide.makeMemorySnapshot) throw new Error(`Pyodide ${pyodide.version} makes no memory snapshots`);
  const call = `__import__("modelden.memory_snapshot", fromlist=["import_modules"]).import_modules(*${modules})`;
  pyodide.runPython(call);
  // Pyodide refuses to keep this object of JavaScript; each page has its own.
  for (const name of Object.keys(pyodide.loadedPackages)) delete pyodide.loadedPackages[name];
  const memory = new Blob([pyodide.makeMemorySnapshot()]);
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(memory);
  });
  return [url.slice(url.indexOf(",") + 1), Boolean(pyodide._module.jspiSupported)];
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSnapshot:
    """The outcome of `write_snapshot`.

    Attributes:
        path: The written file.
        size: Its bytes.
        unpacked_size: Bytes of its content.
        memory_size: Bytes of memory that Python starts with.
    """

    path: Path
    size: int
    unpacked_size: int
    memory_size: int


def write_snapshot(folder: Path, *, modules: Sequence[str] = ()) -> WrittenSnapshot:
    """Make a snapshot of the Pyodide and the modelden of a folder, and name it in the folder's lock file.

    Without a wheel of modelden in the folder, the running one is packed and added.

    Args:
        folder: A Pyodide distribution.
        modules: Further modules to import, of Python's standard library.

    Raises:
        HostError: The folder is no Pyodide distribution, or this Pyodide makes no snapshot.
        BrowserError: No browser could be started.
        MachineError: The folder cannot be written.
    """
    folder = folder.resolve()
    for name in ("pyodide.mjs", LIBRARY, LOCK):
        if not (folder / name).is_file():
            raise HostError(f"{folder} is not a Pyodide distribution: it has no {name}.")
    with TemporaryDirectory(prefix="modelden-") as scratch, machine_errors(f"Cannot write to {folder}"):
        wheel = find_wheel(folder, Path(scratch))
        files = _files_of(wheel)
        memory, has_jspi = _make(folder, files, modules)
        content = pack(memory, files)
        key = hashlib.sha256(content).hexdigest()
        path = folder / f"modelden-{key[:16]}{SUFFIX}"
        for earlier in folder.glob(f"modelden-*{SUFFIX}"):
            earlier.unlink()
        packed = gzip.compress(content, mtime=0)
        path.write_bytes(packed)
        if wheel.parent != folder:
            shutil.copyfile(wheel, folder / wheel.name)
        entry = {
            "file_name": path.name,
            "sha256": key,
            "file_sha256": hashlib.sha256(packed).hexdigest(),
            "memory_size": len(memory),
            "jspi": has_jspi,
            "build": files["modelden/_js/assets/build.txt"].decode(),
        }
        _name_in_lock(folder / LOCK, wheel, entry)
    return WrittenSnapshot(path=path, size=path.stat().st_size, unpacked_size=len(content), memory_size=len(memory))


def pack(memory: bytes, files: Mapping[str, bytes]) -> bytes:
    """Join the parts of a snapshot that are not zero with the files of a wheel. `web/boot/archive.ts` reads it."""
    zeros = bytes(_BLOCK)
    ranges: list[list[int]] = []
    for start in range(0, len(memory), _BLOCK):
        part = memory[start : start + _BLOCK]
        if part == zeros[: len(part)]:
            continue
        if ranges and sum(ranges[-1]) == start:
            ranges[-1][1] += len(part)
        else:
            ranges.append([start, len(part)])
    header = {
        "memory_size": len(memory),
        "ranges": ranges,
        "files": [[name, len(data)] for name, data in files.items()],
    }
    text = json.dumps(header).encode()
    parts = [memory[start : start + length] for start, length in ranges]
    return b"".join([len(text).to_bytes(4, "little"), text, *parts, *files.values()])


def _files_of(wheel: Path) -> dict[str, bytes]:
    """Return the files that installing a wheel writes to site-packages, by path."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in sorted(archive.namelist()) if not name.endswith("/")}
    metadata = next(name.partition("/")[0] for name in files if name.endswith(".dist-info/METADATA"))
    return files | {f"{metadata}/{name}": data for name, data in _INSTALLED.items()}


def _make(folder: Path, files: Mapping[str, bytes], modules: Sequence[str]) -> tuple[bytes, bool]:
    """Return the snapshot, and whether Python can be suspended in it.

    Python remembers what its browser can do: how it calls functions, and whether it can be suspended. Node 20 can
    do less than a browser, so a browser makes the snapshot.
    """
    from playwright.sync_api import Error

    routes = [Route("/", lambda _: HTMLResponse(_PAGE)), Mount("/pyodide", site_app(folder))]
    texts = {name: base64.b64encode(data).decode() for name, data in files.items()}
    missing: list[str] = []
    for browser in BROWSERS:
        with (
            RunningServer(Starlette(routes=routes)) as server,
            TemporaryDirectory(prefix="modelden-") as profile,
            playwright() as driver,
        ):
            try:
                context = open_profile(driver, browser, Path(profile))
            except BrowserError as error:
                missing.append(str(error))
                continue
            try:
                page = context.new_page()
                page.goto(f"{server.url}/")
                encoded, has_jspi = page.evaluate(_SCRIPT, [texts, json.dumps(list(modules))])
            except Error as error:
                raise HostError(f"Pyodide could not make a snapshot in {browser}: {error.message[-2000:]}") from None
            finally:
                context.close()
            return base64.b64decode(encoded), has_jspi
    raise BrowserError(f"A snapshot is made in a browser. {' '.join(missing)}")


def _name_in_lock(lock: Path, wheel: Path, snapshot: Mapping[str, Any]) -> None:
    content = json.loads(lock.read_text("utf-8"))
    entry = content["packages"].get("modelden") or {
        "name": "modelden",
        "version": wheel.name.split("-")[1],
        "install_dir": "site",
        "imports": ["modelden"],
        "depends": [],
        "package_type": "package",
        "unvendored_tests": False,
    }
    entry |= {"file_name": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    content["packages"]["modelden"] = entry | {"tool": {**entry.get("tool", {}), "modelden": {"snapshot": snapshot}}}
    partial = lock.with_name(f"{lock.name}.part")
    partial.write_text(json.dumps(content, indent=2), "utf-8")
    partial.replace(lock)
