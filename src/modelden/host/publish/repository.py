"""A Hugging Face model repository on disk: a plain folder, or a snapshot in huggingface_hub's cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelden.errors import InputError
from modelden.host.errors import HostError, PublishError, machine_errors
from modelden.hub.catalog.file_roles import HOUSEKEEPING, role_of
from modelden.hub.catalog.names import ModelFile


@dataclass(frozen=True, slots=True)
class Repository:
    """The files of a repository.

    Attributes:
        folder: Where they are.
        files: Those that users need, by path in the repository.
        left_out: The others, with the reason.
    """

    folder: Path
    files: dict[str, Path]
    left_out: dict[str, str]


def read_repository(folder: Path, model: str, revision: str) -> Repository:
    """Look at a repository. Nothing is read but names.

    Args:
        folder: The repository; or a model's folder in huggingface_hub's cache (``models--org--name``), of which the
            snapshot of ``revision`` is taken, or the only one.
        model: The name under which clients will ask for it.
        revision: The revision under which clients will ask for it.

    Raises:
        HostError: There is no such folder, or no such snapshot.
        PublishError: A name that clients refuse, a link that leads out of the folder, a special file.
        MachineError: The folder cannot be read.
    """
    if not folder.is_dir():
        raise HostError(f"{folder} is not a folder: expected a model repository.")
    folder = _snapshot(folder, revision)
    inside = _boundary(folder)
    files: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    faults: list[str] = []
    with machine_errors(f"Cannot read {folder}"):
        for path, source in _walk(folder):
            reason = role_of(path).never
            if reason is not None:
                left_out[path] = reason
                continue
            fault = _fault(source, inside) or _name_fault(model, revision, path)
            if fault:
                faults.append(fault)
            files[path] = source
    if faults:
        raise PublishError(f"{folder} has files that cannot be published.", faults)
    return Repository(folder, files, left_out)


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every file with its path in the repository; linked folders count as files, so that they are looked at."""
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if role_of(f"{path}/x").never != HOUSEKEEPING:
                yield from _walk(Path(entry.path), f"{path}/")
        else:
            yield path, Path(entry.path)


def _fault(source: Path, inside: Path) -> str | None:
    """What is wrong with the file itself."""
    target = Path(os.path.realpath(source))
    if not target.is_relative_to(inside):
        return f"{source.name} is a link to {target}, outside of {inside}: copy the file there instead."
    if not target.exists():
        return f"{source.name} is a link to {target}, which is not there."
    if not target.is_file():
        return f"{source.name} is neither a file nor a folder."
    return None


def _name_fault(model: str, revision: str, path: str) -> str | None:
    try:
        ModelFile(model, revision, path)
    except InputError as error:
        return str(error)
    if ".." in path:
        return f"Invalid file name {path!r}: it has '..', which servers on the way may take for the folder above."
    return None


def _boundary(folder: Path) -> Path:
    """What links may not leave: the folder, or, for a snapshot of a cache, the model's part of the cache."""
    real = Path(os.path.realpath(folder))
    if real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--"):
        return real.parent.parent
    return real


def _snapshot(folder: Path, revision: str) -> Path:
    """The snapshot of a model's folder in huggingface_hub's cache; any other folder as it is.

    Raises:
        HostError: The cache has no such snapshot, or several to choose from.
    """
    snapshots = folder / "snapshots"
    if not (folder.name.startswith("models--") and snapshots.is_dir()):
        return folder
    ref = folder / "refs" / revision
    name = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    there = sorted(path.name for path in snapshots.iterdir())
    if name in there:
        return snapshots / name
    if len(there) == 1:
        return snapshots / there[0]
    raise HostError(f"{folder} has the snapshots {', '.join(there) or '(none)'}: name the folder of one of them.")
