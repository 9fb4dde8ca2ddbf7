"""Who wants to know what a sync changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelden.settings.changeset import SyncEvent

logger = logging.getLogger(__name__)

SyncListener = Callable[["SyncEvent"], object]
"""Called after a sync that changed something. What it raises is logged and goes no further."""


class SyncListeners:
    """Listeners by collection."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listeners: list[tuple[str, SyncListener]] = []

    def add(self, cid: str, listener: SyncListener) -> Callable[[], None]:
        """Call ``listener`` when ``bucket/collection`` changed; the returned function ends that."""
        entry = (cid, listener)
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def tell(self, event: SyncEvent) -> None:
        """Call the collection's listeners, if anything changed."""
        if not event:
            return
        for cid, listener in list(self._listeners):
            if cid != event.collection:
                continue
            try:
                listener(event)
            except Exception:
                logger.exception("A sync listener failed on %s", cid)
