"""Lay out the tree that `modelden serve` publishes for the demo: hub, settings, attachments.

    python tools/demo_tree.py --model DIR --runtimes DIR --out DIR

It is published as `modelden publish` does it, with keys of its own inside of the tree: so `modelden serve` signs, and
tests may change what is served.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from modelden.errors import ModelDenError
from modelden.host.keys.key_folder import open_keys
from modelden.host.publish.allow_list import change_list
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.release import Release, publish
from modelden.host.publish.repository import read_repository
from modelden.host.publish.runtimes import publish_runtime, runtime_files
from modelden.host.publish.tree import MARKER

RELEASE = Release(
    model="Xenova/all-MiniLM-L6-v2",
    revision="v0.1.0",
    task="feature-extraction",
    feature="simple-text-embedder",
    dtype="q8",
)

#: The runtime that Mozilla serves in production.
RUNTIME_MAJOR = 5


def write_tree(model: Path, runtimes: Path, out: Path) -> None:
    """Publish the demo's model and runtime. Existing files do not change.

    Raises:
        ModelDenError: One of them is not fit for it.
    """
    out.mkdir(parents=True, exist_ok=True)
    if not (out / MARKER).exists():
        # An old layout without publication: its records would stay beside the new ones.
        for folder in ("settings", "attachments"):
            shutil.rmtree(out / folder, ignore_errors=True)
        (out / "settings").mkdir()
    repository = read_repository(model, RELEASE.model, RELEASE.revision)
    with runtime_files(RUNTIME_MAJOR, runtimes) as pairs, Publisher.open(out, open_keys(out / "keys")) as publisher:
        publish_runtime(publisher, pairs)
        publish(publisher, repository, RELEASE)
        change_list(publisher, "ALLOW", "http://localhost", "the local server")
        publisher.commit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="the model repository")
    parser.add_argument("--runtimes", type=Path, required=True, help="onnxruntime-web's files")
    parser.add_argument("--out", type=Path, required=True, help="the tree")
    options = parser.parse_args(arguments)
    try:
        write_tree(options.model, options.runtimes, options.out)
    except ModelDenError as error:
        print(f"tools/demo_tree.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
