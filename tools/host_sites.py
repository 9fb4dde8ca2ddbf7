"""Build the sites that ring hosts visits, from the starts of docs/hosts.md.

    python tools/host_sites.py --environment DIR --npm DIR --stdlib FILE --wheel FILE --page-wheels DIR --out DIR

JupyterLite and marimo build their sites as their users do, with their own commands. The Pyodide of each has the wheels
that it would take from PyPI and a CDN, in its lock file: PyPI's wheels have other hashes than those of Pyodide's lock.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from folders import files_in, mirror
from host_pages import MARIMO, host_pages, notebook
from pyodide_dist import STDLIB, assemble

OLDER = ("pyodide-0.27", "pyodide-0.29")
"""Packages of npm with the older versions that modelden supports."""

OF_MARIMO = "pyodide-314.0"
"""The version that marimo insists on."""

KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"

APPS = ("lab", "notebooks", "repl")


def jupyterlite(environment: Path, wheel: Path, site: Path) -> None:
    """Build a site of JupyterLite with the notebook and the wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "notebooks").mkdir()
        (folder / "notebooks/search.ipynb").write_text(notebook(host_pages()["search.ipynb"]), "utf-8")
        settings = {KERNEL: {"pyodideUrl": "/pyodide/pyodide.mjs", "disablePyPIFallback": True}}
        (folder / "jupyter-lite.json").write_text(
            json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": {"litePluginSettings": settings}}),
            "utf-8",
        )
        apps = [option for app in APPS for option in ("--apps", app)]
        options = ["--contents", "notebooks", "--output-dir", str(site), "--piplite-wheels", str(wheel), *apps]
        run(environment / "bin/jupyter-lite", "build", *options, "--no-sourcemaps", "--no-libarchive", folder=folder)


def marimo(environment: Path, site: Path) -> None:
    """Export the notebook of marimo, and point it to the site's Pyodide."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / MARIMO).write_text(host_pages()[MARIMO], "utf-8")
        options = [MARIMO, "--output", str(site), "--mode", "run", "--show-code", "--no-sandbox"]
        run(environment / "bin/marimo", "export", "html-wasm", *options, folder=folder)
    page = site / "index.html"
    attributes = f'data-pyodide-index-url="/{OF_MARIMO}/" data-pyodide-lockfile-url="/{OF_MARIMO}/pyodide-lock.json"'
    html = page.read_text("utf-8").replace("<marimo-wasm", f"<marimo-wasm {attributes}")
    if attributes not in html:
        raise RuntimeError(f"{page} has no element marimo-wasm")
    page.write_text(html, "utf-8")


def pure_yaml(environment: Path, folder: Path) -> Path:
    """Write a wheel of PyYAML's Python, which marimo imports.

    PyPI has no wheel of it for pages, and its compiled part is optional.
    """
    [package] = environment.glob("lib/python*/site-packages/yaml")
    [metadata] = package.parent.glob("pyyaml-*.dist-info/METADATA")
    information = metadata.parent.name
    wheel = folder / f"{information.removesuffix('.dist-info')}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(package.glob("*.py")):
            archive.write(file, f"yaml/{file.name}")
        archive.write(metadata, f"{information}/METADATA")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/top_level.txt", "yaml\n")
    return wheel


def run(command: Path, *options: str, folder: Path) -> None:
    """Run a host's command; its output is shown if it fails."""
    command = command.absolute()
    path = os.pathsep.join([str(command.parent), os.environ.get("PATH", os.defpath)])
    result = subprocess.run(
        [str(command), *options],
        cwd=folder,
        env={**os.environ, "PATH": path},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode:
        sys.stderr.write(result.stdout)
        raise RuntimeError(f"{command.name} ended with exit code {result.returncode}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--environment", type=Path, required=True, help="the Python environment of the hosts")
    parser.add_argument(
        "--npm", type=Path, required=True, help="node_modules with pyodide, its older versions, and PyScript"
    )
    parser.add_argument("--stdlib", type=Path, required=True, help="what `modelden stdlib` wrote")
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel of modelden")
    parser.add_argument(
        "--page-wheels", type=Path, required=True, help="folder of the wheels that hosts load in a page"
    )
    parser.add_argument("--out", type=Path, required=True, help="the sites")
    options = parser.parse_args(arguments)
    out = options.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    wheels = sorted(options.page_wheels.glob("*.whl"))
    assemble(options.npm / "pyodide", options.stdlib, [*wheels, options.wheel], out / "pyodide", complete=False)
    npm = options.npm / OF_MARIMO
    with tempfile.TemporaryDirectory() as scratch:
        yaml = pure_yaml(options.environment, Path(scratch))
        assemble(npm, npm / STDLIB, [*wheels, yaml, options.wheel], out / OF_MARIMO, complete=False)
    for name in OLDER:
        npm = options.npm / name
        assemble(npm, npm / STDLIB, [options.wheel, *(options.page_wheels / name).glob("*.whl")], out / name)
    mirror(files_in(options.npm / "@pyscript/core/dist"), out / "pyscript")
    jupyterlite(options.environment, options.wheel.absolute(), out / "jupyterlite")
    marimo(options.environment, out / "marimo")
    return 0


if __name__ == "__main__":
    sys.exit(main())
