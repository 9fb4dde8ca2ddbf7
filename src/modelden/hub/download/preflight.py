"""The space for a whole model, checked before the first byte of its first file.

The sizes are those of a signed manifest, or of the hub's list. Without both, the space for each file is checked when
its size is announced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelden.core.events import ProgressCallback, report_plan
from modelden.hub.catalog.file_roles import USUAL_PLACE, DataType, WeightsPlace, needed_files
from modelden.hub.catalog.names import HubAddress, ModelFile
from modelden.hub.store.records import FileKey
from modelden.hub.store.store import Store

if TYPE_CHECKING:
    from modelden.hub.catalog.allow_list import AllowList
    from modelden.hub.catalog.file_index import FileIndex
    from modelden.hub.catalog.file_info import FileInfo


class SpacePreflight:
    """Checks the space for models of one hub."""

    def __init__(self, address: HubAddress, store: Store, index: FileIndex) -> None:
        self._address = address
        self._store = store
        self._index = index

    async def download_sizes(
        self,
        model: str,
        revision: str,
        task: str,
        dtype: DataType,
        place: WeightsPlace,
        allow_list: AllowList,
        *,
        signed_only: bool,
    ) -> dict[str, int]:
        """Return the sizes of the files that a task will download, by URL, if a manifest or the hub lists them.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            task: The task.
            dtype: The data type, or that of each part.
            place: The place of the ONNX files.
            allow_list: A hub is asked for the list of a model that this list admits.
            signed_only: The hub is not asked.

        Raises:
            SignatureError, InvalidRecord: If the manifest cannot be trusted or understood.
        """
        signed_only = signed_only or not allow_list.admits(self._address.url(ModelFile(model, revision, "config.json")))
        files = await self._index.files(model, revision, signed_only=signed_only)
        if not files:
            return {}
        needed = needed_files(task, dtype, {file.path for file in files}, place)
        stored = await self._stored_hashes(model, revision)
        missing = [file for file in files if file.path in needed and not _is_stored(file, stored)]
        return {self._address.url(ModelFile(model, revision, file.path)): file.size or 0 for file in missing}

    async def check_task(
        self, model: str, revision: str, task: str, dtype: DataType, place: WeightsPlace = USUAL_PLACE
    ) -> None:
        """Check the space for the files of a task, if they are listed; errors as `check`."""
        files = await self._index.files(model, revision)
        if files is not None:
            needed = needed_files(task, dtype, {file.path for file in files}, place)
            await self.check(model, revision, [file for file in files if file.path in needed])

    async def check_session(self, model: ModelFile) -> None:
        """Check the space for a raw model and its external data, if they are listed; errors as `check`."""
        files = await self._index.files(model.model, model.revision)
        if files is not None:
            # As PyTorch and Optimum name them: model.onnx_data, model.onnx_data_1, model.onnx.data.
            pattern = re.compile(rf"{re.escape(model.file)}(?:[_.]data.*)?")
            await self.check(model.model, model.revision, [file for file in files if pattern.fullmatch(file.path)])

    async def check(self, model: str, revision: str, files: Iterable[FileInfo]) -> None:
        """Check the space for the missing ones of these files. Without space, all of them go to memory if allowed.

        Args:
            model: ``organization/name``.
            revision: Branch or version.
            files: Files that will be requested. Those of unknown size do not count.

        Raises:
            QuotaExceeded: Without space, if memory is not allowed.
        """
        key, stored = self._address.revision_key(model, revision), await self._stored_hashes(model, revision)
        # Equal files are downloaded once.
        missing = {file.sha256 or file.path: file for file in files if not _is_stored(file, stored)}
        name, _, root = key
        sizes = [await self._remaining(FileKey(name, revision, file.path, root), file) for file in missing.values()]
        await self._store.writer.check_model(key, sum(sizes))

    def report(
        self, model: str, revision: str, files: Iterable[FileInfo], on_progress: ProgressCallback | None
    ) -> None:
        """Report the sizes of files that will be requested, by URL."""
        sizes = {self._address.url(ModelFile(model, revision, file.path)): file.size for file in files}
        report_plan(on_progress, model, sizes)

    async def _stored_hashes(self, model: str, revision: str) -> dict[str, str]:
        files = await self._store.cache.list_files(*self._address.revision_key(model, revision))
        return {file.path: file.sha256 for file in files}

    async def _remaining(self, key: FileKey, file: FileInfo) -> int:
        """Return the bytes of a file that are still to be downloaded."""
        if file.sha256 is not None and await self._store.cache.with_hash(file.sha256):
            return 0
        partial = await self._store.partials.get(key)
        return max((file.size or 0) - (partial.received if partial else 0), 0)


def _is_stored(file: FileInfo, stored: dict[str, str]) -> bool:
    return file.path in stored and file.sha256 in (None, stored[file.path])
