"""Which runtime there is for a model: what Remote Settings offer, and what the browser has."""

from __future__ import annotations

from collections.abc import Sequence

from modelden.config import Configuration
from modelden.core.progress import ProgressCallback
from modelden.engine import runtime_selection
from modelden.engine.runtime_selection import Bundle, RuntimeChoice
from modelden.ports import Page
from modelden.settings.changeset import Record
from modelden.settings.service import SettingsService


class RuntimeCatalog:
    """Chooses runtimes for one configuration."""

    def __init__(self, config: Configuration, bundles: Sequence[Bundle], page: Page) -> None:
        """Nothing is asked yet.

        Args:
            config: Says which majors count.
            bundles: The JavaScript that runs models, for each file of the runtime.
            page: Tells whether there is a GPU.
        """
        self._config = config
        self._bundles = bundles
        self._page = page

    async def choose(
        self, settings: SettingsService, device: str, on_progress: ProgressCallback | None = None
    ) -> RuntimeChoice:
        """Return the runtime for a device, ``wasm`` or ``webgpu``; the browser is asked for a GPU if one is wanted.

        Raises:
            NoRuntime: If none is offered that this modelden knows.
            SignatureError: If settings cannot be used.
            UnavailableError: If they are not stored and cannot be had.
        """
        records = await settings.client.get(runtime_selection.COLLECTION, on_progress)
        lack = await self._page.gpu_unavailable_reason() if device == runtime_selection.WEBGPU else None
        return runtime_selection.choose(
            records, self._bundles, major=self._config.runtime_major, device=device, lack=lack
        )

    def find_bundle(self, record: Record) -> Bundle:
        """Return the JavaScript for a record whose file is the one that it was built with.

        Raises:
            NoRuntime: If there is none for it.
            InvalidRecord: If the record has no usable attachment.
            RuntimeMismatch: If it has another file.
        """
        bundle = runtime_selection.find_bundle(record, self._bundles)
        runtime_selection.check_build(record, bundle)
        return bundle
