"""Reservations: space that running downloads of a page will need, whichever configuration began them."""

from __future__ import annotations

import asyncio

from modelden.hub.store.records import FileKey


class Reservations:
    """The reservations of one page; `quota.StorageQuota` makes and releases them.

    Attributes:
        lock: Held while space is checked and reserved: two downloads cannot reserve the same space.
        sizes: Reserved bytes of each file.
        stored: Bytes that were stored of each file when its space was reserved.
        untried: Bytes that were reserved since space was tried out.
        taken: Bytes that were reserved of the space that models leave free.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.sizes: dict[FileKey, int] = {}
        self.stored: dict[FileKey, int] = {}
        self.untried = 0
        self.taken = 0
