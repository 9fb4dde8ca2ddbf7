"""Policies: of one hub (whose files are accepted, and how they are requested), and of the store of all hubs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelden.core.storage_fallback import StorageFallback
from modelden.errors import DataRemoved, QuotaExceeded, StorageError
from modelden.hub.catalog.names import HubAddress


@dataclass(frozen=True, slots=True)
class HubPolicy:
    """Requests to one hub, and the checks of its files.

    Attributes:
        headers: Request headers, for private hubs. Never logged, never stored.
        mirrors: Hubs with the same files. They are asked when the first one fails, or sends the wrong file; only for
            files whose hash is known.
        require_hashes: Refuse files without a known hash.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    mirrors: tuple[HubAddress, ...] = ()
    require_hashes: bool = False


@dataclass(frozen=True, slots=True)
class StoragePolicy:
    """Limits of the store, and its behaviour without space.

    Attributes:
        max_size: Limit in GiB; None for as much as the browser allows.
        evict: Evict the least recently used models without space; otherwise fail.
        memory_when_full: Use a file from memory without space; otherwise fail.
        required: Fail if the browser does not store a file; otherwise use it from memory.
        fallback: Informed of each such file.
    """

    max_size: float | None = None
    evict: bool = False
    memory_when_full: bool = False
    required: bool = True
    fallback: StorageFallback = field(default_factory=StorageFallback)

    def allows_memory(self, error: StorageError) -> bool:
        """Return True if a file that storage refused with this error may be used from memory."""
        if isinstance(error, QuotaExceeded):
            return self.memory_when_full
        return not (self.required or isinstance(error, DataRemoved))
