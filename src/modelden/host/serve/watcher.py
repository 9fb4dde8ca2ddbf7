"""Serve what is published while the server runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from modelden.errors import ModelDenError
from modelden.host.publish.collections import Collections
from modelden.host.publish.transaction import is_interrupted
from modelden.host.publish.tree import Tree

INTERVAL = 0.5
"""Seconds between two looks. Looking at a few dozen files takes a millisecond, and works on every file system."""

_WATCHED = ("settings/*/*.json", "v1/buckets/*/collections/*/changeset", "chains/*.chain", "keys/*.pem")


class Watcher:
    """Reads a tree's collections again when a file of them has changed. Used with ``with``."""

    def __init__(self, tree: Tree, collections: Collections, tell: Callable[[str], None]) -> None:
        """Look at the tree as it is.

        Args:
            tree: The tree.
            collections: What is served; takes in what changed.
            tell: Told in words what was done.
        """
        self._tree = tree
        self._collections = collections
        self._tell = tell
        self._seen = self._state()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> bool:
        """Take in what changed; False if nothing did, or somebody is just publishing."""
        state = self._state()
        if state == self._seen or is_interrupted(self._tree.folder):
            return False
        self._seen = state
        try:
            self._collections.become(self._tree.collections())
        except ModelDenError as error:
            # half-edited records: what was read before is served until they are whole
            self._tell(f"the tree has changed and cannot be served: {error}")
            return False
        self._tell("the tree has changed, and is served as it is now")
        return True

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self.look()

    def _state(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for pattern in _WATCHED:
            for path in self._tree.folder.glob(pattern):
                try:
                    status = path.stat()
                except FileNotFoundError:  # renamed away while we looked
                    continue
                found[path] = (status.st_mtime_ns, status.st_size)
        return found
