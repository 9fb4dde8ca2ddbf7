"""A Hugging Face model repository on disk: a plain folder, or a snapshot in huggingface_hub's cache."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from modelden.errors import InputError
from modelden.host.errors import HostError, PublishError, machine_errors
from modelden.host.publish.file_names import collisions, name_fault
from modelden.hub.catalog.file_roles import HOUSEKEEPING, role_of
from modelden.hub.catalog.names import check_names

EXCLUDED = "excluded by --exclude"


@dataclass(frozen=True, slots=True)
class Repository:
    """The files of a repository.

    Attributes:
        folder: The folder.
        files: The files that users need, by path in the repository.
        left_out: The other files, with the reason.
    """

    folder: Path
    files: dict[str, Path]
    left_out: dict[str, str]


def read_repository(
    folder: Path, model: str, revision: str, exclude: Sequence[str] = (), *, is_raw: bool = False
) -> Repository:
    """List the files of a repository. Reads names only.

    Args:
        folder: The repository; or a model's folder in huggingface_hub's cache (``models--org--name``), with the
            snapshot of ``revision`` or with a single one.
        model: Name to publish it under.
        revision: Revision to publish it under.
        exclude: Patterns of paths to leave out: ``*`` matches any characters, ``/`` too.
        is_raw: True for a raw ONNX model, which may name any file as its external data: only housekeeping stays out.

    Raises:
        HostError: The folder or the snapshot is missing.
        PublishError: A name that clients or other machines refuse, names that are one file there, a link that leaves
            the folder, a special file.
        MachineError: The folder cannot be read.
    """
    if not folder.is_dir():
        raise HostError(f"{folder} is not a folder: expected a model repository.")
    folder = _snapshot(folder, revision)
    boundary = _boundary(folder)
    files: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    faults: list[str] = []
    with machine_errors(f"Cannot read {folder}"):
        for path, source in _walk(folder):
            never = role_of(path).never
            reason = EXCLUDED if any(fnmatchcase(path, pattern) for pattern in exclude) else never
            if is_raw and reason not in (None, EXCLUDED, HOUSEKEEPING):
                reason = None
            if reason is not None:
                left_out[path] = reason
                continue
            fault = _file_fault(source, boundary) or _name_fault(model, revision, path)
            if fault:
                faults.append(fault)
            files[path] = source
    faults += collisions(files)
    if faults:
        raise PublishError(f"{folder} has files that cannot be published. --exclude leaves files out.", faults)
    return Repository(folder, files, left_out)


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Yield every file with its path in the repository. Linked folders count as files, so that they are checked."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if role_of(f"{path}/x").never != HOUSEKEEPING:
                yield from _walk(Path(entry.path), f"{path}/")
        else:
            yield path, Path(entry.path)


def _file_fault(source: Path, boundary: Path) -> str | None:
    """Check the file itself."""
    target = Path(os.path.realpath(source))
    if not target.is_relative_to(boundary):
        return f"{source.name} is a link to {target}, outside of {boundary}: copy the file there instead."
    if not target.exists():
        return f"{source.name} is a link to {target}, which is not there."
    if not target.is_file():
        return f"{source.name} is neither a file nor a folder."
    return None


def _name_fault(model: str, revision: str, path: str) -> str | None:
    try:
        check_names(model, revision, path)
    except InputError as error:
        return str(error)
    if ".." in path:
        return f"Invalid file name {path!r}: it has '..', which servers on the way may take for the folder above."
    return name_fault(path)


def _boundary(folder: Path) -> Path:
    """The folder that links may not leave. For a snapshot in a cache it is the model's folder of the cache."""
    resolved = Path(os.path.realpath(folder))
    if resolved.parent.name == "snapshots" and resolved.parent.parent.name.startswith("models--"):
        return resolved.parent.parent
    return resolved


def _snapshot(folder: Path, revision: str) -> Path:
    """Find the snapshot in a model's folder of huggingface_hub's cache; any other folder is returned unchanged.

    Raises:
        HostError: The cache has no such snapshot, or several candidates.
    """
    snapshots = folder / "snapshots"
    if not (folder.name.startswith("models--") and snapshots.is_dir()):
        return folder
    ref = folder / "refs" / revision
    name = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    names = sorted(path.name for path in snapshots.iterdir())
    if name in names:
        return snapshots / name
    if len(names) == 1:
        return snapshots / names[0]
    raise HostError(f"{folder} has the snapshots {', '.join(names) or '(none)'}: name the folder of one of them.")
