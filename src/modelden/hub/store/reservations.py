"""Reservations: space that running downloads of a page will need, whichever configuration began them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from modelden.hub.store.records import FileKey


@dataclass(slots=True)
class Reservations:
    """The reservations of one page; `quota.StorageQuota` makes and releases them.

    Attributes:
        lock: Held while space is checked and reserved: two downloads cannot reserve the same space.
        sizes: Reserved bytes of each file.
        stored: Bytes that were stored of each file when its space was reserved.
        untried: Bytes that were reserved since space was tried out.
        taken: Bytes that were reserved of the space that models leave free.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sizes: dict[FileKey, int] = field(default_factory=dict)
    stored: dict[FileKey, int] = field(default_factory=dict)
    untried: int = 0
    taken: int = 0
