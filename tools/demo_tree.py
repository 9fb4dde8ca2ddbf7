"""Lay out the tree that `modelden serve` publishes for the demo: hub, settings, attachments.

    python tools/demo_tree.py --model DIR --runtimes DIR --out DIR

The records have the fields of Firefox's production collections; ids are derived from what a record
is about, so that a later build updates records and does not add others.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from folders import files_in, mirror

MODEL = "Xenova/all-MiniLM-L6-v2"
REVISION = "v0.1.0"

#: The runtime that Mozilla serves in production.
RUNTIME_MAJOR = "5"

#: What tools/bundle.mjs writes about the runtimes that its bundles belong to.
BUNDLED_RUNTIMES = Path("src/modelden/_js/assets/runtimes.json")

#: Where a Kinto server keeps the attachments of a collection of the bucket `main`.
RUNTIME_LOCATION = "main-workspace/ml-onnx-runtime/{name}"

#: Kinto's name for the version of a collection's schema: a time in milliseconds.
SCHEMA = 1_700_000_000_000

#: Ids are UUIDs in production; these are derived from the record's subject in this namespace.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "modelden/demo")


def record(subject: str, now: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record as Remote Settings publishes it."""
    return {
        **fields,
        "id": str(uuid.uuid5(NAMESPACE, subject)),
        "schema": SCHEMA,
        "last_modified": now,
    }


def inference_options(now: int) -> dict[str, Any]:
    """The options of the demo's feature: one repository for model, tokenizer and processor."""
    return record(
        "options/simple-text-embedder",
        now,
        {
            "featureId": "simple-text-embedder",
            "taskName": "feature-extraction",
            "modelId": MODEL,
            "modelRevision": REVISION,
            "tokenizerId": MODEL,
            "tokenizerRevision": REVISION,
            "processorId": MODEL,
            "processorRevision": REVISION,
            "dtype": "q8",
            "numThreads": 1,
            "backend": "onnx",
        },
    )


def onnx_runtime(file: Path, now: int) -> dict[str, Any]:
    """The runtime with its attachment."""
    data = file.read_bytes()
    return record(
        f"runtime/{file.name}",
        now,
        {
            "name": file.name,
            "version": f"{RUNTIME_MAJOR}.0",
            "revision": "main",
            "license": "MIT",
            "attachment": {
                "location": RUNTIME_LOCATION.format(name=file.name),
                "hash": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "filename": file.name,
                "mimetype": "application/wasm",
            },
        },
    )


def allowed(now: int) -> dict[str, Any]:
    """What a page may fetch models from: the local server."""
    return record(
        "allow/localhost",
        now,
        {
            "filter": "ALLOW",
            "urlPrefix": "http://localhost",
            "description": "the local server",
        },
    )


def write_settings(folder: Path, runtime: Path) -> None:
    """Write the three collections of the bucket `main`, published now."""
    now = time.time_ns() // 1_000_000
    collections = {
        "ml-inference-options": inference_options(now),
        "ml-onnx-runtime": onnx_runtime(runtime, now),
        "ml-model-allow-deny-list": allowed(now),
    }
    folder.mkdir(parents=True)
    for name, only_record in collections.items():
        content = json.dumps({"timestamp": now, "records": [only_record]}, indent=2)
        (folder / f"{name}.json").write_text(content + "\n", encoding="utf-8")


def runtime_of_the_wheel(folder: Path) -> Path:
    """The file that the wheel's engine worker was bundled for, out of onnxruntime-web's folder.

    Raises:
        SystemExit: It is another build, and would not fail in a browser: it would hang.
    """
    bundled = json.loads(BUNDLED_RUNTIMES.read_text(encoding="utf-8"))[RUNTIME_MAJOR]
    file = folder / str(bundled["name"])
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != bundled["sha256"]:
        sys.exit(f"{file} has SHA-256 {found}, but the bundle needs {bundled['sha256']}")
    return file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="the model repository")
    parser.add_argument("--runtimes", type=Path, required=True, help="onnxruntime-web's files")
    parser.add_argument("--out", type=Path, required=True, help="the tree")
    options = parser.parse_args(arguments)
    runtime = runtime_of_the_wheel(options.runtimes)
    options.out.mkdir(parents=True, exist_ok=True)
    mirror(files_in(options.model), options.out / "hub" / MODEL / REVISION)
    location = RUNTIME_LOCATION.format(name=runtime.name)
    mirror({location: runtime}, options.out / "attachments")
    with tempfile.TemporaryDirectory(dir=options.out.parent) as scratch:
        settings = Path(scratch) / "main"
        write_settings(settings, runtime)
        mirror(files_in(settings), options.out / "settings" / "main")
    return 0


if __name__ == "__main__":
    sys.exit(main())
