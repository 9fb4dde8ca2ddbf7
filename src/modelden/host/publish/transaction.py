"""Change several files of a folder as one: all of it, or nothing.

New files are written to a scratch folder on the same disk, with a list of what goes where. Renaming that folder to
``commit`` is the moment at which the change has happened; the files are then moved to their places, in their order,
by renames. A process killed before that moment leaves scratch, which the next one throws away; killed after it, it
leaves a list, which the next one works off.

A reader between two of the moves sees some of the new files. Whoever makes a change therefore orders it: first what
nobody points to yet, then what points to it.
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
"""The folder, inside the one that changes, with lock, scratch and list. No secrets; a static host may have it."""

_COMMIT = "commit"
_SCRATCH = "scratch-"
_LIST = "list.json"
_PIECE = 1024 * 1024


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one that changes ``folder``, with what a killed process left behind put in order.

    Raises:
        TreeBusy: Another process is changing it.
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
            _finish(folder)
        yield


def is_interrupted(folder: Path) -> bool:
    """Tell whether a change was decided, and its process killed before all files were in their places."""
    return (folder / STATE / _COMMIT).exists()


class Transaction:
    """New files for a folder that is held by `alone`."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written yet."""
        self._folder = folder
        self._state = folder / STATE
        self._scratch: Path | None = None
        self._moves: list[str] = []
        self._removals: list[str] = []

    def write(self, path: str, data: bytes) -> None:
        """Have a file with these bytes at ``path``, relative to the folder.

        Raises:
            OSError: It cannot be written.
        """
        with self._new_file(path) as file:
            file.write(data)
            _to_disk(file)

    def copy(self, path: str, source: Path) -> tuple[int, str]:
        """Have a copy of ``source`` at ``path``; returns size and SHA-256 of the bytes that were copied.

        Raises:
            OSError: It cannot be read or written.
        """
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as reader, self._new_file(path) as file:
            while piece := reader.read(_PIECE):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
            _to_disk(file)
        return size, digest.hexdigest()

    def remove(self, path: str) -> None:
        """Have nothing at ``path`` any more, once all new files are in their places."""
        self._removals.append(path)

    def commit(self) -> None:
        """Let it happen.

        Raises:
            MachineError: Before the decision: then nothing changed. After it, the next command finishes it.
        """
        if not self._moves and not self._removals:
            return
        with machine_errors(f"Cannot write {self._folder}"):
            text = json.dumps({"moves": self._moves, "removals": self._removals})
            scratch = self._scratch_folder()
            with (scratch / _LIST).open("wb") as file:
                file.write(text.encode())
                _to_disk(file)
            scratch.rename(self._state / _COMMIT)
            self._scratch = None
            _finish(self._folder)

    def abandon(self) -> None:
        """Throw the new files away."""
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


def _finish(folder: Path) -> None:
    """Move what is listed, and throw scratch away. Killed on its way, it goes on where it was."""
    state = folder / STATE
    commit = state / _COMMIT
    if commit.exists():
        moves, removals = _read_list(commit / _LIST)
        for path in moves:
            source = commit / "files" / path
            if source.exists():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                source.replace(folder / path)
        for path in removals:
            _remove(folder, path)
        # the list goes first: without it, the folder is scratch
        commit.rename(state / f"{_SCRATCH}done")
    for scratch in state.glob(f"{_SCRATCH}*"):
        shutil.rmtree(scratch)


def _read_list(path: Path) -> tuple[list[str], list[str]]:
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


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
