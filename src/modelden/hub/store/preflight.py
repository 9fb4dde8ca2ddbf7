"""What a whole model will bring, and whether there is room for it: before the first byte of its first file.

A signed manifest tells the sizes, or the list of a repository that was asked for anyway. Nothing is requested for this:
where nobody tells, room is asked for file by file, when its size is announced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelden.hub.catalog.file_roles import needed_files
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.store.cache import ModelCache
from modelden.hub.store.partials import Partials
from modelden.hub.store.writer import CacheWriter

if TYPE_CHECKING:
    from modelden.hub.catalog.file_info import FileInfo, ManifestReader


class SpacePreflight:
    """Asks for the models of one hub."""

    def __init__(
        self,
        address: HubAddress,
        cache: ModelCache,
        partials: Partials,
        keeper: CacheWriter,
        manifests: ManifestReader | None,
    ) -> None:
        """Nothing is asked yet."""
        self._address = address
        self._cache = cache
        self._partials = partials
        self._keeper = keeper
        self._manifests = manifests

    async def planned(self, model: str, revision: str, task: str, dtype: str) -> dict[str, int]:
        """Return the sizes of what a task will download, by URL, where a signed manifest tells them.

        Raises:
            SignatureError, InvalidRecord: If the manifest cannot be trusted or understood.
        """
        files = await self._manifests.files(model, revision) if self._manifests else None
        if not files:
            return {}
        needed = needed_files(task, dtype, {file.path for file in files})
        stored = await self._cache.list_files(self._address.store_name(model), revision)
        kept = {file.path: file.sha256 for file in stored}
        missing = [file for file in files if file.path in needed and kept.get(file.path) != file.sha256]
        return {self._address.url(ModelFile(model, revision, file.path)): file.size or 0 for file in missing}

    async def ask_for_task(self, model: str, revision: str, task: str, dtype: str) -> None:
        """Ask for room for what a task needs of a model, if a manifest tells it; the errors are those of `ask`."""
        listed = await self._manifests.files(model, revision) if self._manifests else None
        if listed is not None:
            needed = needed_files(task, dtype, {file.path for file in listed})
            await self.ask(model, revision, [file for file in listed if file.path in needed])

    async def ask_for_session(self, model: ModelFile) -> None:
        """Ask for room for a raw model and the data beside it, as `ask_for_task`."""
        listed = await self._manifests.files(model.model, model.revision) if self._manifests else None
        if listed is not None:
            # As PyTorch and Optimum name them: model.onnx_data, model.onnx_data_1, model.onnx.data.
            beside = re.compile(rf"{re.escape(model.file)}(?:[_.]data.*)?")
            await self.ask(model.model, model.revision, [file for file in listed if beside.fullmatch(file.path)])

    async def ask(self, model: str, revision: str, files: Iterable[FileInfo]) -> None:
        """Ask for room for those files that are still to come. Where memory will do, none of them is stored then.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            files: What will be wanted; those of unknown size do not count.

        Raises:
            QuotaExceeded: If there is none, and memory will not do.
        """
        name = self._address.store_name(model)
        kept = {file.path: file.sha256 for file in await self._cache.list_files(name, revision)}
        missing = {file.sha256 or file.path: file for file in files if not _is_kept(file, kept)}
        sizes = [await self._to_come((name, revision, file.path), file) for file in missing.values()]
        await self._keeper.may_store_model(name, revision, sum(sizes))

    async def _to_come(self, key: tuple[str, str, str], file: FileInfo) -> int:
        if file.sha256 is not None and await self._cache.with_hash(file.sha256):
            return 0
        partial = await self._partials.get(key)
        return max((file.size or 0) - (partial.received if partial else 0), 0)


def _is_kept(file: FileInfo, kept: dict[str, str]) -> bool:
    return file.path in kept and file.sha256 in (None, kept[file.path])
