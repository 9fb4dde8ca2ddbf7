"""Assemble a Pyodide distribution that needs no CDN.

    python tools/pyodide_dist.py --npm DIR --stdlib FILE --wheels FILE [FILE …] --out DIR

The npm package `pyodide` has the interpreter and a lock file whose packages lie on a CDN. This
takes the interpreter with a standard library of bytecode, puts pure wheels beside it, and writes a lock file that knows
only those, so `loadPackage("modelden")` asks the origin of the page and nobody else.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pyodide_lock import PyodideLockSpec
from pyodide_lock.utils import add_wheels_to_spec

from folders import files_in, mirror

#: What `loadPyodide` reads from its `indexURL` besides the library, and the scripts that have `loadPyodide` itself.
#: Pyodide before 314 has `pyodide.asm.js`.
INTERPRETER = ("pyodide.mjs", "pyodide.js", "pyodide.asm.mjs", "pyodide.asm.js", "pyodide.asm.wasm")

STDLIB = "python_stdlib.zip"

LOCK = "pyodide-lock.json"


def assemble(npm: Path, stdlib: Path, wheels: Sequence[Path], folder: Path, *, complete: bool = True) -> None:
    """Put interpreter, standard library, wheels and their lock file into an empty folder.

    Args:
        npm: The npm package `pyodide`, of any version.
        stdlib: The standard library.
        wheels: The wheels.
        folder: The distribution.
        complete: Refuse wheels that need a package which is not among them. Else the lock leaves the package out.

    Raises:
        RuntimeError: A wheel needs a package that is not among them.
    """
    files = {name: npm / name for name in INTERPRETER if (npm / name).is_file()}
    mirror(files | {STDLIB: stdlib} | {wheel.name: wheel for wheel in wheels}, folder)
    spec = PyodideLockSpec.from_json(npm / LOCK)
    spec.packages = {}
    paths = [folder / wheel.name for wheel in wheels]
    # PEP 783's tag of wheels with code: pyodide-lock compares theirs with the older one.
    spec.info.platform = f"pyemscripten_{spec.info.abi_version}"
    spec = add_wheels_to_spec(spec, paths, base_path=folder, ignore_missing_dependencies=not complete)
    if not complete:
        for package in spec.packages.values():
            package.depends = [name for name in package.depends if name in spec.packages]
    spec.check_wheel_filenames()
    # Facts that pyodide-lock leaves out, such as the version, which Pyodide 0.27 wants.
    lock = spec.to_dict() | {"info": json.loads((npm / LOCK).read_text("utf-8"))["info"]}
    (folder / LOCK).write_text(json.dumps(lock, indent=2), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--npm", type=Path, required=True, help="the npm package `pyodide`")
    parser.add_argument("--stdlib", type=Path, required=True, help="what `modelden stdlib` wrote")
    parser.add_argument("--wheels", type=Path, required=True, nargs="+", help="pure wheels")
    parser.add_argument("--out", type=Path, required=True, help="the distribution")
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent) as scratch:
        folder = Path(scratch)
        assemble(options.npm, options.stdlib, options.wheels, folder)
        mirror(files_in(folder), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
