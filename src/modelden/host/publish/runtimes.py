"""Publish the WASM runtimes that belong to the JavaScript in this wheel."""

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
from modelden.host.publish.release import RUNTIMES, record, sha256_of

LOCATION = "main-workspace/ml-onnx-runtime/{sha256}/{name}"
"""Where a runtime's bytes are, below ``attachments``: other bytes, another URL, for caches keep them long."""

_INSTALLED = (
    Path("node_modules/onnxruntime-web/dist"),
    Path("node_modules/transformers-6/node_modules/onnxruntime-web/dist"),
)
"""Where this repository has them; builds that differ have files of the same name."""


def bundles() -> tuple[Bundle, ...]:
    """The runtimes that the JavaScript in this wheel can drive."""
    return read_bundles(files("modelden").joinpath("_js/assets/runtimes.json").read_text(encoding="utf-8"))


def bundles_of(major: int) -> tuple[Bundle, ...]:
    """Those of a major version, one for each of its WASM files.

    Raises:
        HostError: This wheel has no JavaScript for it.
    """
    known = bundles()
    found = tuple(bundle for bundle in known if bundle.major == major)
    if not found:
        have = ", ".join(map(str, sorted({bundle.major for bundle in known})))
        raise HostError(f"This modelden has no JavaScript for runtime {major}, it has {have}: update it.")
    return found


def publish_runtime(publisher: Publisher, found: Iterable[tuple[Bundle, Path]]) -> list[str]:
    """Put `runtime_files` into the tree, visible after `Publisher.commit`; the names of those that were not there.

    Raises:
        PublishError: One is another file than the one that the JavaScript was built with: a page would hang.
        MachineError: One cannot be read or copied.
    """
    return [bundle.name for bundle, file in found if _publish(publisher, bundle, file)]


def _publish(publisher: Publisher, bundle: Bundle, file: Path) -> bool:
    """Put one WASM file into the tree; False if it is there already.

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
def runtime_files(major: int, source: Path | None) -> Iterator[list[tuple[Bundle, Path]]]:
    """The files of a major version: from ``source`` (one of them, or a folder that has all), from here, or from npm.

    Raises:
        HostError: This wheel has no JavaScript for it, or ``source`` does not have them.
        MachineError: They were to be had from npm, and npm failed.
    """
    wanted = bundles_of(major)
    if source is not None:
        yield _given(wanted, source)
        return
    installed = [(bundle, file) for bundle in wanted if (file := _installed(bundle)) is not None]
    if len(installed) == len(wanted):
        yield installed
        return
    with tempfile.TemporaryDirectory(prefix="modelden-") as scratch:
        yield _from_npm(wanted, Path(scratch))


def _given(wanted: Sequence[Bundle], source: Path) -> list[tuple[Bundle, Path]]:
    if source.is_dir():
        for bundle in wanted:
            if not (source / bundle.name).is_file():
                raise HostError(f"{source} has no {bundle.name}.")
        return [(bundle, source / bundle.name) for bundle in wanted]
    if not source.is_file():
        raise HostError(f"There is no file {source}.")
    with machine_errors(f"Cannot read {source}"):
        digest = sha256_of(source)
    # One that is none of them is refused when it is published.
    return [(next((bundle for bundle in wanted if bundle.sha256 == digest), wanted[0]), source)]


def _installed(bundle: Bundle) -> Path | None:
    files = (folder / bundle.name for folder in _INSTALLED)
    return next((file for file in files if file.is_file() and sha256_of(file) == bundle.sha256), None)


def _from_npm(wanted: Sequence[Bundle], folder: Path) -> list[tuple[Bundle, Path]]:
    package = f"onnxruntime-web@{wanted[0].onnxruntime}"
    npm = shutil.which("npm")
    names = " and ".join(bundle.name for bundle in wanted)
    hint = f"Give the folder that has {names}: --from PATH (the npm package {package} has it, dist)."
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
            for bundle in wanted:
                opened.extract(f"package/dist/{bundle.name}", folder, filter="data")
    except KeyError as error:
        raise MachineError(f"The npm package {package} does not have all of dist: {error.args[0]}. {hint}") from error
    return [(bundle, folder / "package/dist" / bundle.name) for bundle in wanted]
