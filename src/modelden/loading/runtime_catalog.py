"""The runtimes that Remote Settings offer to one configuration in one browser."""

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
    """Selects runtimes. It is apart from `engine.runtime_selection` because that is pure."""

    def __init__(self, config: Configuration, bundles: Sequence[Bundle], page: Page) -> None:
        """Create a catalog.

        Args:
            config: Limits the major version of runtimes.
            bundles: The JavaScript in this wheel, for each file of a runtime.
            page: The page, which may have a GPU.
        """
        self._config = config
        self._bundles = bundles
        self._page = page

    async def choose(
        self, settings: SettingsService, device: str, on_progress: ProgressCallback | None = None
    ) -> RuntimeChoice:
        """Return the runtime for a device, ``wasm`` or ``webgpu``. Only for the latter the browser looks for a GPU.

        Raises:
            NoRuntime: If there is none that this modelden can drive.
            SignatureError: If settings cannot be used.
            UnavailableError: If settings are not stored and cannot be fetched.
        """
        records = await settings.client.get(runtime_selection.COLLECTION, on_progress)
        reason = await self._page.gpu_unavailable_reason() if device == runtime_selection.WEBGPU else None
        return runtime_selection.choose(
            records, self._bundles, major=self._config.runtime_major, device=device, no_gpu_reason=reason
        )

    def find_bundle(self, record: Record) -> Bundle:
        """Return the JavaScript for a record whose file is of the same build.

        Raises:
            NoRuntime: If there is none for it.
            InvalidRecord: If the record has no usable attachment.
            RuntimeMismatch: If the file is of another build.
        """
        bundle = runtime_selection.find_bundle(record, self._bundles)
        runtime_selection.check_build(record, bundle)
        return bundle
