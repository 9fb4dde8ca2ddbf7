"""The WASM runtimes that match the JavaScript in this wheel: where they are found and how they are published."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from modelden.engine.runtime_selection import Bundle, read_bundles
from modelden.host.errors import HostError, MachineError, PublishError, machine_errors
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import RUNTIMES
from modelden.host.publish.release import build_record, sha256_of

LOCATION = "main-workspace/ml-onnx-runtime/{sha256}/{name}"
"""Location of a runtime below ``attachments``. It has the hash, because caches keep attachments for a long time."""

_INSTALL_FOLDERS = (
    Path("node_modules/onnxruntime-web/dist"),
    Path("node_modules/transformers-6/node_modules/onnxruntime-web/dist"),
)
"""Folders of this repository with runtimes. Different builds have files of the same name."""


def bundles() -> tuple[Bundle, ...]:
    """List the runtimes that match the JavaScript in this wheel."""
    return read_bundles(files("modelden").joinpath("_js/assets/runtimes.json").read_text(encoding="utf-8"))


def bundles_of(major: int) -> tuple[Bundle, ...]:
    """List the runtimes of a major version, one for each WASM file.

    Raises:
        HostError: This wheel has no JavaScript for it.
    """
    all_bundles = bundles()
    matching = tuple(bundle for bundle in all_bundles if bundle.major == major)
    if not matching:
        available = ", ".join(map(str, sorted({bundle.major for bundle in all_bundles})))
        raise HostError(f"This modelden has no JavaScript for runtime {major}, it has {available}: update it.")
    return matching


def publish_runtime(publisher: Publisher, pairs: Iterable[tuple[Bundle, Path]]) -> list[str]:
    """Add `runtime_files` to the tree, visible after `Publisher.commit`. Returns the names of the new ones.

    Raises:
        PublishError: A file is not the one that the JavaScript was built with. A page would hang.
        MachineError: A file cannot be read or copied.
    """
    return [bundle.name for bundle, file in pairs if _publish(publisher, bundle, file)]


def _publish(publisher: Publisher, bundle: Bundle, file: Path) -> bool:
    """Add one WASM file to the tree; False if the tree has it already."""
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
    return publisher.put(RUNTIMES, build_record(f"runtime/{bundle.name}/{bundle.major}", fields))


@contextmanager
def runtime_files(major: int, source: Path | None) -> Iterator[list[tuple[Bundle, Path]]]:
    """Find the files of a major version: in ``source`` (a file, or a folder with all), in this repository, or on npm.

    Raises:
        HostError: This wheel has no JavaScript for it, or ``source`` lacks a file.
        MachineError: npm is needed and failed.
    """
    required = bundles_of(major)
    if source is not None:
        yield _from_source(required, source)
        return
    installed = [(bundle, file) for bundle in required if (file := _find_installed(bundle)) is not None]
    if len(installed) == len(required):
        yield installed
        return
    with tempfile.TemporaryDirectory(prefix="modelden-") as folder:
        yield _from_npm(required, Path(folder))


def _from_source(required: Sequence[Bundle], source: Path) -> list[tuple[Bundle, Path]]:
    if source.is_dir():
        for bundle in required:
            if not (source / bundle.name).is_file():
                raise HostError(f"{source} has no {bundle.name}.")
        return [(bundle, source / bundle.name) for bundle in required]
    if not source.is_file():
        raise HostError(f"There is no file {source}.")
    with machine_errors(f"Cannot read {source}"):
        digest = sha256_of(source)
    # An unknown file is refused when it is published.
    return [(next((bundle for bundle in required if bundle.sha256 == digest), required[0]), source)]


def _find_installed(bundle: Bundle) -> Path | None:
    files = (folder / bundle.name for folder in _INSTALL_FOLDERS)
    return next((file for file in files if file.is_file() and sha256_of(file) == bundle.sha256), None)


def _from_npm(required: Sequence[Bundle], folder: Path) -> list[tuple[Bundle, Path]]:
    package = f"onnxruntime-web@{required[0].onnxruntime}"
    npm = shutil.which("npm")
    names = " and ".join(bundle.name for bundle in required)
    hint = f"Give the folder that has {names}: --from PATH (the npm package {package} has it, dist)."
    if npm is None:
        raise MachineError(f"npm is not on the PATH to fetch {package}. {hint}")
    process = subprocess.run(  # noqa: S603  arguments of our own
        [npm, "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
    )
    archive = next(folder.glob("*.tgz"), None)
    if process.returncode or archive is None:
        last_line = (process.stderr.strip().splitlines() or ["no words"])[-1]
        raise MachineError(f"npm could not fetch {package}: {last_line}. {hint}")
    try:
        with tarfile.open(archive) as tar:
            for bundle in required:
                tar.extract(f"package/dist/{bundle.name}", folder, filter="data")
    except KeyError as error:
        raise MachineError(f"The npm package {package} does not have all of dist: {error.args[0]}. {hint}") from error
    return [(bundle, folder / "package/dist" / bundle.name) for bundle in required]
