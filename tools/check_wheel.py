"""A check of the built wheels, which refuses those that a page could not use.

    python tools/check_wheel.py DIR

DIR holds exactly two wheels: modelden's, which is pure, small, with the worker bundles and the type marker inside, and
without anything that only the repository needs; and the one that is imported as onnxruntime.
"""

import sys
import zipfile
from pathlib import Path

#: A page downloads the wheel before anything else.
LARGEST_SIZE = 1_100_000

REQUIRED = (
    "modelden/__init__.py",
    "modelden/py.typed",
    "modelden/_js/assets/THIRD_PARTY_LICENSES.txt",
    "modelden/_js/assets/boot.js",
    "modelden/_js/assets/build.txt",
    "modelden/_js/assets/engine-5.js",
    "modelden/_js/assets/engine-6.js",
    "modelden/_js/assets/ort-wasm-simd-threaded.asyncify.mjs",
    "modelden/_js/assets/ort-wasm-simd-threaded.jsep.mjs",
    "modelden/_js/assets/ort-wasm-simd-threaded.mjs",
    "modelden/_js/assets/runtimes.json",
    "modelden/_js/assets/trust.js",
)


def problems(folder: Path) -> list[str]:
    """List the faults of the wheels in this folder, in words."""
    wheels = sorted(wheel.name.partition("-")[0] for wheel in folder.glob("*.whl"))
    if wheels != ["modelden", "modelden_onnxruntime"]:
        return [f"expected a wheel of modelden and one of modelden-onnxruntime in {folder}, found {wheels}"]
    [wheel] = folder.glob("modelden-*.whl")
    faults = []
    if not wheel.name.endswith("-py3-none-any.whl"):
        faults.append("it is not pure (py3-none-any)")
    if (size := wheel.stat().st_size) >= LARGEST_SIZE:
        faults.append(f"it has {size:,} bytes, the limit is {LARGEST_SIZE:,}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    faults += [f"{name} is not inside" for name in REQUIRED if name not in names]
    faults += [f"{name} does not belong inside" for name in names if not name.startswith(("modelden/", "modelden-"))]
    return [f"{wheel.name}: {problem}" for problem in faults]


def main() -> int:
    """Run the command line; returns the exit code."""
    faults = problems(Path(sys.argv[1]))
    for problem in faults:
        print(f"tools/check_wheel.py: {problem}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
