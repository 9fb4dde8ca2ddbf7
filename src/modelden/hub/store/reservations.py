"""Reservations: space that running downloads of a page will need, whichever configuration began them."""

from __future__ import annotations

import asyncio

from modelden.hub.store.records import FileKey


class Reservations:
    """The reservations of one page.

    Attributes:
        lock: Held while space is checked and reserved: two downloads cannot reserve the same space.
        sizes: Reserved bytes of each file.
        stored: Bytes that were stored of each file when its space was reserved.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.sizes: dict[FileKey, int] = {}
        self.stored: dict[FileKey, int] = {}

    def release(self, key: FileKey) -> None:
        """Free the reservation of a file: its bytes are stored, or do not come."""
        self.sizes.pop(key, None)
        self.stored.pop(key, None)

    def total(self, key: FileKey | None) -> int:
        """Return the bytes reserved for other files; the files of a model are no others of that model."""
        model = None if key is None or key[2] else key[:2]
        return sum(size for other, size in self.sizes.items() if other[:2] != model)
