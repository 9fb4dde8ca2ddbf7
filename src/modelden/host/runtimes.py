"""Publish the WASM runtime that belongs to the JavaScript in this wheel."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from modelden.engine.runtime import Bundle
from modelden.host.errors import HostError, MachineError, PublishError, machine_errors
from modelden.host.publisher import Publisher
from modelden.host.release import RUNTIMES, record, sha256_of

LOCATION = "main-workspace/ml-onnx-runtime/{sha256}/{name}"
"""Where a runtime's bytes are, below ``attachments``: other bytes, another URL, for caches keep them long."""

_INSTALLED = (
    Path("node_modules/onnxruntime-web/dist"),
    Path("node_modules/transformers-6/node_modules/onnxruntime-web/dist"),
)
"""Where this repository has them; builds that differ have files of the same name."""


def bundles() -> dict[int, Bundle]:
    """The runtimes that the JavaScript in this wheel can drive, by major version."""
    text = files("modelden").joinpath("_js/assets/runtimes.json").read_text(encoding="utf-8")
    return {int(major): Bundle.of(major, entry) for major, entry in json.loads(text).items()}


def bundle_of(major: int) -> Bundle:
    """The runtime of a major version.

    Raises:
        HostError: This wheel has no JavaScript for it.
    """
    known = bundles()
    if major not in known:
        have = ", ".join(map(str, sorted(known)))
        raise HostError(f"This modelden has no JavaScript for runtime {major}, it has {have}: update it.")
    return known[major]


def publish_runtime(publisher: Publisher, bundle: Bundle, file: Path) -> bool:
    """Put a runtime into the tree, visible after `Publisher.commit`; False if it is there already.

    Raises:
        PublishError: It is another file than the one that the JavaScript was built with: a page would hang.
        MachineError: It cannot be read or copied.
    """
    with machine_errors(f"Cannot copy {file}"):
        digest = sha256_of(file)
        if digest != bundle.sha256:
            fault = f"It has SHA-256 {digest}, onnxruntime-web {bundle.onnxruntime} has {bundle.sha256}."
            raise PublishError(f"{file} is not the runtime that belongs to this modelden.", [fault])
        location = LOCATION.format(sha256=digest[:16], name=bundle.name)
        if not (publisher.tree.attachments / location).exists():
            publisher.files.copy(f"attachments/{location}", file)
        attachment = {
            "location": location,
            "hash": digest,
            "size": file.stat().st_size,
            "filename": bundle.name,
            "mimetype": "application/wasm",
        }
    fields = {
        "name": bundle.name,
        "version": f"{bundle.major}.0",
        "revision": bundle.onnxruntime,
        "license": "MIT",
        "attachment": attachment,
    }
    return publisher.put(RUNTIMES, record(f"runtime/{bundle.name}/{bundle.major}", fields))


@contextmanager
def runtime_file(bundle: Bundle, source: Path | None) -> Iterator[Path]:
    """The runtime's file: from ``source`` (it, or a folder that has it), from here, or from npm.

    Raises:
        HostError: ``source`` does not have it.
        MachineError: It was to be had from npm, and npm failed.
    """
    if source is not None:
        file = source / bundle.name if source.is_dir() else source
        if not file.is_file():
            raise HostError(f"{source} has no {bundle.name}.")
        yield file
    elif (installed := _installed(bundle)) is not None:
        yield installed
    else:
        with tempfile.TemporaryDirectory(prefix="modelden-") as scratch:
            yield _from_npm(bundle, Path(scratch))


def _installed(bundle: Bundle) -> Path | None:
    files = (folder / bundle.name for folder in _INSTALLED)
    return next((file for file in files if file.is_file() and sha256_of(file) == bundle.sha256), None)


def _from_npm(bundle: Bundle, folder: Path) -> Path:
    package = f"onnxruntime-web@{bundle.onnxruntime}"
    npm = shutil.which("npm")
    hint = f"Give the file: --from PATH/{bundle.name} (it is in the npm package {package}, folder dist)."
    if npm is None:
        raise MachineError(f"npm is not on the PATH to fetch {package}. {hint}")
    done = subprocess.run(  # noqa: S603  arguments of our own
        [npm, "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
    )
    archive = next(folder.glob("*.tgz"), None)
    if done.returncode or archive is None:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        raise MachineError(f"npm could not fetch {package}: {last}. {hint}")
    try:
        with tarfile.open(archive) as opened:
            opened.extract(f"package/dist/{bundle.name}", folder, filter="data")
    except KeyError as error:
        raise MachineError(f"The npm package {package} has no dist/{bundle.name}. {hint}") from error
    return folder / "package/dist" / bundle.name
