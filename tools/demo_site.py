"""Assemble the site that `modelden serve --site` serves: the demo page, Pyodide and modelden's scripts beside it.

python tools/demo_site.py --page DIR --pyodide DIR --assets DIR --out DIR
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from folders import files_in, mirror


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--page", type=Path, required=True, help="the files of the page")
    parser.add_argument("--pyodide", type=Path, required=True, help="the Pyodide distribution")
    parser.add_argument("--assets", type=Path, required=True, help="modelden's scripts")
    parser.add_argument("--out", type=Path, required=True, help="the site")
    options = parser.parse_args(arguments)
    distribution = files_in(options.pyodide)
    pyodide = {f"pyodide/{name}": path for name, path in distribution.items()}
    scripts = {name: path for name, path in files_in(options.assets).items() if name.endswith((".js", ".mjs"))}
    assets = {f"modelden/{name}": path for name, path in scripts.items()}
    mirror(files_in(options.page) | pyodide | assets, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
