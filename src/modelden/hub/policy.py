"""What a hub's files have to be, and how they come and stay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from modelden.core.storage_fallback import StorageFallback
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.store.partials import FileKey
from modelden.hub.store.usage import Consumer

if TYPE_CHECKING:
    from modelden.hub.download.branch_update import BranchUpdate


@dataclass(frozen=True, slots=True)
class HubPolicy:
    """What a hub's files have to be, and how they come and stay.

    Attributes:
        headers: Request headers, for private hubs. Never logged, never stored.
        mirrors: Hubs with the same files, asked when the first does not give a file, or not the right one; only for
            files whose hash is known.
        require_hashes: Refuse files whose hash nobody tells.
        memory_when_full: Use a file from memory for which there is no room; otherwise fail.
        in_memory: Told of each such file.
        idle_timeout: Seconds without a byte after which a connection is given up.
        max_size: Most GiB to keep, or None for as much as the browser allows.
        evict: When that is not enough, remove the models that were not used for the longest time; otherwise fail.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    mirrors: tuple[HubAddress, ...] = ()
    require_hashes: bool = False
    memory_when_full: bool = False
    in_memory: StorageFallback = field(default_factory=StorageFallback)
    idle_timeout: float = 30.0
    max_size: float | None = None
    evict: bool = False


class FileRequest(NamedTuple):
    """A file that somebody wants.

    Attributes:
        file: Which one.
        key: Its key in the store.
        use: For whom.
        allow_list: Asked for its URLs.
        branch: What a load takes of its branch, if it is a file of one.
        before_download: Called before its first byte, if it has to be downloaded.
        expect: Called with its size before its first byte, where that is known; what it raises refuses the file.
    """

    file: ModelFile
    key: FileKey
    use: Consumer
    allow_list: AllowList
    branch: BranchUpdate | None = None
    before_download: Callable[[], Awaitable[None]] | None = None
    expect: Callable[[int], None] | None = None

    @property
    def replaces(self) -> bool:
        """It is to replace a file of a branch, when a whole load has succeeded."""
        return self.branch is not None and self.key in self.branch.changed
