"""A watcher that reloads a served tree when its files change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from modelden.errors import ModelDenError
from modelden.host.publish.collections import Collections
from modelden.host.publish.transaction import is_interrupted
from modelden.host.publish.tree import Tree

POLL_SECONDS = 0.5
"""Seconds between two polls. A poll of a few dozen files takes a millisecond, and works on every file system."""

_WATCHED = ("settings/*/*.json", "v1/buckets/*/collections/*/changeset", "chains/*.chain", "keys/*.pem")


class Watcher:
    """Reloads the collections of a tree after a change of their files. Used with ``with``."""

    def __init__(self, tree: Tree, collections: Collections, log: Callable[[str], None]) -> None:
        """Read the current state of the files.

        Args:
            tree: The tree.
            collections: The served collections, which are replaced.
            log: Gets a message for each reload.
        """
        self._tree = tree
        self._collections = collections
        self._log = log
        self._last_state = self._read_state()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def poll(self) -> bool:
        """Reload a changed tree; False without a change, and during a commit."""
        state = self._read_state()
        if state == self._last_state or is_interrupted(self._tree.folder):
            return False
        self._last_state = state
        try:
            self._collections.replace_all(self._tree.collections())
        except ModelDenError as error:
            # Half-edited records: the previous state is served until they are valid.
            self._log(f"the tree has changed and cannot be served: {error}")
            return False
        self._log("the tree has changed, and is served as it is now")
        return True

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.poll()

    def _read_state(self) -> dict[Path, tuple[int, int]]:
        states = {}
        for pattern in _WATCHED:
            for path in self._tree.folder.glob(pattern):
                try:
                    status = path.stat()
                except FileNotFoundError:  # renamed meanwhile
                    continue
                states[path] = (status.st_mtime_ns, status.st_size)
        return states
