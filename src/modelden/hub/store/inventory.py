"""The inventory: which models are stored, remembered where it outlives the database.

A browser that needs space evicts databases, and visitors clear them. The inventory tells that something is gone which
modelden did not delete. It is only remembered: its failures are logged. Lists of models on pages (``web/models``) are
told of changes at the same moments.
"""

from __future__ import annotations

import json
import logging

from modelden.errors import StorageError
from modelden.hub.store.cache import ModelCache
from modelden.ports import Page, Tabs

logger = logging.getLogger(__name__)


class Inventory:
    """The stored models of this origin."""

    def __init__(self, cache: ModelCache, page: Page, tabs: Tabs) -> None:
        self._cache = cache
        self._page = page
        self._tabs = tabs

    async def record(self) -> None:
        """Remember the models that are stored now."""
        self.announce()
        try:
            stored = await self._stored()
        except StorageError as error:
            logger.warning("The inventory of stored models is not renewed: %s", error)
            return
        self._page.remember(json.dumps(sorted(stored)))

    async def record_deletion(self) -> None:
        """Remember the models that are left, if others were remembered."""
        if self._page.recall() is not None:
            await self.record()
        else:
            self.announce()

    def announce(self) -> None:
        """Tell the lists of all tabs that models have changed."""
        self._tabs.post({"models": "changed"})

    async def removed(self) -> list[tuple[str, str]]:
        """Return the models and revisions that were removed by somebody else.

        Raises:
            StorageError: If the browser's storage cannot be read.
        """
        remembered = _parse(self._page.recall())
        return sorted(remembered - await self._stored()) if remembered else []

    async def _stored(self) -> set[tuple[str, str]]:
        return {(model.name, model.revision) for model in await self._cache.list_models() if model.files}


def _parse(text: str | None) -> set[tuple[str, str]]:
    """Read a remembered inventory; another form, of another script or version, counts as none."""
    try:
        entries = json.loads(text or "[]")
        return {(str(model), str(revision)) for model, revision in entries}
    except (TypeError, ValueError):
        return set()
