"""A check of the built wheels, which refuses those that a page or the command could not use.

    python tools/check_wheel.py DIR

DIR holds exactly three pure wheels of one version: modelden's, which a page loads; that of the command, which adds
files to the same package; and the one that is imported as onnxruntime. No file is in two of them.
"""

import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Contents(NamedTuple):
    """Rules for one wheel."""

    largest_size: int
    """Its size is below this number of bytes."""
    folders: tuple[str, ...]
    """Prefixes of its files' paths. Its own metadata have none of them."""
    required: tuple[str, ...]
    refused: tuple[str, ...] = ()
    """Prefixes that none of its files' paths has."""


WHEELS = {
    # A page downloads it before anything else.
    "modelden": Contents(
        875_000,
        ("modelden/",),
        (
            "modelden/__init__.py",
            "modelden/py.typed",
            "modelden/_js/assets/THIRD_PARTY_LICENSES.txt",
            "modelden/_js/assets/boot.js",
            "modelden/_js/assets/build.txt",
            "modelden/_js/assets/engine-5.js",
            "modelden/_js/assets/engine-6.js",
            "modelden/_js/assets/models.js",
            "modelden/_js/assets/ort-wasm-simd-threaded.asyncify.mjs",
            "modelden/_js/assets/ort-wasm-simd-threaded.jsep.mjs",
            "modelden/_js/assets/ort-wasm-simd-threaded.mjs",
            "modelden/_js/assets/runtimes.json",
            "modelden/_js/assets/trust.js",
            "modelden/_js/assets/vectors.js",
        ),
        ("modelden/host/", "modelden/__main__.py"),
    ),
    "modelden_host": Contents(
        300_000,
        ("modelden/host/", "modelden/__main__.py"),
        (
            "modelden/__main__.py",
            "modelden/host/__init__.py",
            "modelden/host/cli.py",
            "modelden/host/serve/service_worker.js",
            "modelden/host/testing.py",
        ),
    ),
    "modelden_onnxruntime": Contents(10_000, ("onnxruntime/",), ("onnxruntime/__init__.py",)),
}


def problems(folder: Path) -> list[str]:
    """List the faults of the wheels in this folder, in words."""
    wheels = {wheel.name.partition("-")[0]: wheel for wheel in sorted(folder.glob("*.whl"))}
    if sorted(wheels) != sorted(WHEELS) or len(wheels) != len(list(folder.glob("*.whl"))):
        return [f"expected one wheel each of {sorted(WHEELS)} in {folder}, found {sorted(wheels)}"]
    versions = {wheel.name.split("-")[1] for wheel in wheels.values()}
    faults = [f"the wheels have versions {sorted(versions)}"] if len(versions) > 1 else []
    files: Counter[str] = Counter()
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        files.update(names)
        faults += [f"{wheel.name}: {fault}" for fault in _faults(name, wheel, names)]
    return faults + [f"{name} is in more than one wheel" for name, count in files.items() if count > 1]


def _faults(distribution: str, wheel: Path, names: Sequence[str]) -> list[str]:
    rules = WHEELS[distribution]
    faults = []
    if not wheel.name.endswith("-py3-none-any.whl"):
        faults.append("it is not pure (py3-none-any)")
    if (size := wheel.stat().st_size) >= rules.largest_size:
        faults.append(f"it has {size:,} bytes, the limit is {rules.largest_size:,}")
    faults += [f"{name} is not inside" for name in rules.required if name not in names]
    own = (*rules.folders, f"{distribution}-")
    faults += [
        f"{name} does not belong inside"
        for name in names
        if not name.startswith(own) or (rules.refused and name.startswith(rules.refused))
    ]
    return faults


def main() -> int:
    """Run the command line; returns the exit code."""
    faults = problems(Path(sys.argv[1]))
    for problem in faults:
        print(f"tools/check_wheel.py: {problem}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
