"""Listeners to the changes that syncs find in collections."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelden.settings.changeset import SyncEvent

logger = logging.getLogger(__name__)

SyncListener = Callable[["SyncEvent"], object]
"""Callback after a sync that changed something. An exception that it raises is logged and dropped."""


class SyncListeners:
    """Listeners by collection."""

    def __init__(self) -> None:
        self._subscriptions: dict[object, tuple[str, SyncListener]] = {}

    def add(self, cid: str, listener: SyncListener) -> Callable[[], None]:
        """Subscribe to changes of ``bucket/collection``. The returned function unsubscribes; it may be called again."""
        subscription = object()  # so that one listener can subscribe twice
        self._subscriptions[subscription] = cid, listener

        def unsubscribe() -> None:
            self._subscriptions.pop(subscription, None)

        return unsubscribe

    def emit(self, event: SyncEvent) -> None:
        """Call the collection's listeners if anything changed."""
        if not event:
            return
        for cid, listener in list(self._subscriptions.values()):
            if cid != event.collection:
                continue
            try:
                listener(event)
            except Exception:
                logger.exception("A sync listener failed on %s", cid)
