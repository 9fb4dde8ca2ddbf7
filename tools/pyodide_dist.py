"""Assemble a Pyodide distribution that needs no CDN.

    python tools/pyodide_dist.py --npm DIR --stdlib FILE --wheels FILE [FILE …] --out DIR

The npm package `pyodide` has the interpreter and a lock file whose packages lie on a CDN. This
takes the interpreter with a standard library of bytecode, puts pure wheels beside it, and writes a lock file that knows
only those, so `loadPackage("modelden")` asks the origin of the page and nobody else.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pyodide_lock import PyodideLockSpec
from pyodide_lock.utils import add_wheels_to_spec

from folders import files_in, mirror

#: What `loadPyodide` reads from its `indexURL` besides the library, and the module that has `loadPyodide` itself.
INTERPRETER = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")

STDLIB = "python_stdlib.zip"

LOCK = "pyodide-lock.json"


def assemble(npm: Path, stdlib: Path, wheels: Sequence[Path], folder: Path) -> None:
    """Put interpreter, standard library, wheels and their lock file into an empty folder.

    Raises:
        RuntimeError: A wheel needs a package that is not among them.
    """
    files = {name: npm / name for name in INTERPRETER}
    mirror(files | {STDLIB: stdlib} | {wheel.name: wheel for wheel in wheels}, folder)
    spec = PyodideLockSpec.from_json(npm / LOCK)
    spec.packages = {}
    spec = add_wheels_to_spec(spec, [folder / wheel.name for wheel in wheels], base_path=folder)
    spec.check_wheel_filenames()
    spec.to_json(folder / LOCK, indent=2)


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
