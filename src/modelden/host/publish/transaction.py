"""Atomic changes of several files in a folder: all of them happen, or none.

New files are written to a scratch folder on the same disk, with a list of their targets. Renaming that folder to
``commit`` commits the change. The files are then moved to their targets, in order, by renames. A process killed before
the commit leaves a scratch folder, which the next process deletes. A process killed after the commit leaves the list,
which the next process completes.

A reader between two of the moves sees only some of the new files. So write files in the order of their references:
first the files that nothing refers to yet, then those that refer to them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modelden.host.errors import TreeBusy, TreeError, machine_errors

STATE = ".modelden"
"""Subfolder with the lock, scratch folders and the list. It has no secrets, so a static host may serve it."""

_COMMIT = "commit"
_SCRATCH = "scratch-"
_CHANGES_FILE = "list.json"
_CHUNK_SIZE = 1024 * 1024


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock ``folder`` against other writers, and recover the change of a killed process.

    Raises:
        TreeBusy: Another process holds the lock.
        MachineError: The folder cannot be written.
    """
    state = folder / STATE
    with machine_errors(f"Cannot write {folder}"):
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TreeBusy(f"Another modelden is changing {folder} right now. Try again when it has ended.") from error
        with machine_errors(f"Cannot finish what an earlier command began in {folder}"):
            _recover(folder)
        yield


def is_interrupted(folder: Path) -> bool:
    """Report a committed change whose process was killed before it had moved all files."""
    return (folder / STATE / _COMMIT).exists()


class Transaction:
    """New files and removals for a folder that is locked by `exclusive`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state = folder / STATE
        self._scratch: Path | None = None
        self._moves: list[str] = []
        self._removals: list[str] = []

    def write(self, path: str, data: bytes) -> None:
        """Add a file with these bytes at ``path``, relative to the folder.

        Raises:
            OSError: It cannot be written.
        """
        with self._new_file(path) as file:
            file.write(data)
            _fsync(file)

    def copy(self, path: str, source: Path) -> tuple[int, str]:
        """Add a copy of ``source`` at ``path``; returns size and SHA-256 of the copied bytes.

        Raises:
            OSError: It cannot be read or written.
        """
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as reader, self._new_file(path) as file:
            while chunk := reader.read(_CHUNK_SIZE):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            _fsync(file)
        return size, digest.hexdigest()

    def remove(self, path: str) -> None:
        """Delete ``path``, after all new files are in place."""
        self._removals.append(path)

    def commit(self) -> None:
        """Commit the change and move the files.

        Raises:
            MachineError: Before the commit nothing has changed; after it, the next command completes the change.
        """
        if not self._moves and not self._removals:
            return
        with machine_errors(f"Cannot write {self._folder}"):
            text = json.dumps({"moves": self._moves, "removals": self._removals})
            scratch = self._scratch_folder()
            with (scratch / _CHANGES_FILE).open("wb") as file:
                file.write(text.encode())
                _fsync(file)
            scratch.rename(self._state / _COMMIT)
            self._scratch = None
            _recover(self._folder)

    def rollback(self) -> None:
        """Delete the new files, if they are not committed."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    @contextmanager
    def _new_file(self, path: str) -> Iterator[BinaryIO]:
        target = self._scratch_folder() / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            yield file
        if path not in self._moves:
            self._moves.append(path)

    def _scratch_folder(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self._state))
        return self._scratch


def _recover(folder: Path) -> None:
    """Move the listed files and delete scratch folders. A killed recovery can be repeated."""
    state = folder / STATE
    commit = state / _COMMIT
    if commit.exists():
        moves, removals = _read_changes(commit / _CHANGES_FILE)
        for path in moves:
            source = commit / "files" / path
            if source.exists():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                source.replace(folder / path)
        for path in removals:
            _remove(folder, path)
        # Renamed, the folder is scratch: a killed deletion leaves no list behind.
        commit.rename(state / f"{_SCRATCH}done")
    for scratch in state.glob(f"{_SCRATCH}*"):
        shutil.rmtree(scratch)


def _read_changes(path: Path) -> tuple[list[str], list[str]]:
    try:
        content = json.loads(path.read_bytes())
        return content["moves"], content["removals"]
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        raise TreeError(f"{path} is damaged: restore it, or delete {path.parent} and publish again.") from error


def _remove(folder: Path, path: str) -> None:
    target = folder / path
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    for parent in target.parents:
        if parent == folder or any(parent.iterdir() if parent.exists() else ()):
            break
        if parent.exists():
            parent.rmdir()


def _fsync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
