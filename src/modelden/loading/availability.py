"""Availability: the files that an engine for a request would download, found out before its first byte.

The caller decides by the fetcher whether requests are sent. With `core.offline_fetcher` only stored data count, and a
size that they do not tell is None.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from modelden.config import Configuration
from modelden.engine import model_selection, runtime_selection
from modelden.engine.availability import (
    AVAILABLE,
    DOWNLOADABLE,
    DOWNLOADING,
    UNAVAILABLE,
    Availability,
    DownloadSummary,
)
from modelden.engine.history import History
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import Plan
from modelden.engine.static_embeddings import static_files
from modelden.errors import (
    DownloadDeclined,
    FileNotFoundOnHub,
    InputError,
    InvalidRecord,
    ModelDenError,
    NoRuntime,
    StorageError,
    UnavailableError,
    UntrustedError,
)
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_roles import AUTO, WeightsPlace
from modelden.hub.catalog.model_card import licence_of
from modelden.hub.catalog.model_overview import ModelFiles, alternative_dtypes
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.partials import download_lock
from modelden.hub.store.records import FileKey
from modelden.loading.engine_loader import ALLOW_DENY_LIST
from modelden.ports import Locks
from modelden.settings.records import Attachment
from modelden.settings.service import SettingsService

logger = logging.getLogger(__name__)

CARDS = ("README.md", "model_card.json")
"""Model cards by their names, the first one that exists counts."""

_CARD_LIMIT = 2 * 1024 * 1024
"""Bytes of a model card."""


class _Missing(NamedTuple):
    names: tuple[str, ...]
    sizes: tuple[int | None, ...]
    received: int
    is_active: bool
    reason: str | None = None
    error: ModelDenError | None = None


class AvailabilityCheck:
    """Finds out the availability of engines for one configuration."""

    def __init__(
        self,
        config: Configuration,
        locks: Locks,
        plan: Callable[[PipelineOptions], Awaitable[Plan]],
        open_history: Callable[[], Awaitable[History]],
        open_hub: Callable[[PipelineOptions], Awaitable[HubFiles]],
        open_settings: Callable[[], Awaitable[SettingsService]],
    ) -> None:
        """Create a check; the arguments are a `Context`'s."""
        self._runtimes = config.cid(runtime_selection.COLLECTION)
        self._locks = locks
        self._plan = plan
        self._open_history = open_history
        self._open_hub = open_hub
        self._open_settings = open_settings

    async def check(self, request: PipelineOptions) -> Availability:
        """Return the availability of an engine for a request.

        Raises:
            InputError: For a request that no engine can have.
            StorageError: If the browser's storage fails.
        """
        names: dict[str, Any] = {
            name: getattr(request, name) for name in ("model_id", "model_revision", "dtype") if getattr(request, name)
        }
        try:
            plan = await self._plan(request)
            names = {name: getattr(plan.options, name) for name in ("model_id", "model_revision", "dtype")}
            missing = await self._missing(request, plan)
        except (InputError, InvalidRecord, NoRuntime, UntrustedError, FileNotFoundOnHub) as error:
            return Availability(UNAVAILABLE, **names, download_size=None, reason=str(error), error=error)
        except StorageError:
            raise
        except UnavailableError as error:  # settings are neither stored nor to be had
            missing = _Missing(
                (model_selection.COLLECTION,), (None,), 0, is_active=False, reason=str(error), error=error
            )
        status = (DOWNLOADING if missing.is_active else DOWNLOADABLE) if missing.names else AVAILABLE
        size = None if None in missing.sizes else sum(filter(None, missing.sizes)) - missing.received
        return Availability(
            status, **names, missing=missing.names, download_size=size, received=missing.received,
            reason=missing.reason, error=missing.error,
        )  # fmt: skip

    async def confirm(self, request: PipelineOptions, confirm: Callable[[DownloadSummary], Any]) -> None:
        """Ask for consent to the download that an engine for a request needs.

        Raises:
            DownloadDeclined: If ``confirm`` does not return True, or an awaitable of it.
            ModelDenError: Why no engine can be made.
        """
        summary = await self._summarize(request)
        if summary is None:
            return
        answer = confirm(summary)
        if hasattr(answer, "__await__"):
            answer = await answer
        if answer is not True:
            raise DownloadDeclined(summary)

    async def _summarize(self, request: PipelineOptions) -> DownloadSummary | None:
        """Return what an engine for a request would download, None for nothing; the hub is asked for its card.

        Raises:
            ModelDenError: Why no engine can be made.
        """
        availability = await self.check(request)
        if availability.error is not None and None in (availability.model_id, availability.dtype):
            raise availability.error  # settings cannot be had
        if availability.status == UNAVAILABLE and availability.error is not None:
            raise availability.error
        if not availability.missing:
            return None
        plan = await self._plan(request)
        options = plan.options
        return DownloadSummary(
            str(options.model_id),
            str(options.model_revision),
            options.dtype or AUTO,
            "/".join(str(options.model_hub_root_url).split("/", 3)[:3]),
            await self._licence(options),
            availability.download_size,
            availability.missing,
        )

    async def _missing(self, request: PipelineOptions, plan: Plan) -> _Missing:
        settings = await self._open_settings()
        runtime = Attachment.of(plan.runtime)
        has_runtime = not plan.needs_runtime or await settings.attachments.is_stored(self._runtimes, plan.runtime)
        names, sizes = ([], []) if has_runtime else ([str(plan.runtime["name"])], [runtime.size])
        options = plan.options
        if not model_selection.has_files(str(options.task_name), str(options.model_id)):
            return _Missing(tuple(names), tuple(sizes), 0, is_active=False)
        hub = await self._open_hub(options)
        allow_list = AllowList.of(await settings.client.get(ALLOW_DENY_LIST))
        files, reason, error = await self._missing_files(request, plan, hub, allow_list)
        keys = {hub.key(file): size for file, size in files.items()}
        partial_sizes = await hub.store.partials.sizes()
        received = sum(partial_sizes.get(key, 0) for key in keys)
        return _Missing(
            (*names, *map(hub.url, files)),
            (*sizes, *keys.values()),
            received,
            await self._is_active(keys),
            reason,
            error,
        )

    async def _missing_files(
        self, request: PipelineOptions, plan: Plan, hub: HubFiles, allow_list: AllowList
    ) -> tuple[dict[ModelFile, int | None], str | None, ModelDenError | None]:
        """Return the missing files of a plan with their sizes, and why a size is not known.

        The files of an earlier load of the same plan are known. Those of another one are the files that the task needs.
        """
        options = plan.options
        previous = await (await self._open_history()).get(request)
        if previous is not None and previous.files and previous.is_equivalent(plan):
            known = [hub.parse_url(url) for url in previous.files]
            for url in previous.files:
                allow_list.check(url)
            if not (missing := await self._not_stored(hub, known)):
                return {}, None, None
        else:
            known, missing = [], []
        model = str(options.model_id), str(options.model_revision)
        if not plan.needs_runtime:
            known = [ModelFile(*model, path) for path in static_files(options.static_embeddings_options)]
            missing = await self._not_stored(hub, known)
        place = WeightsPlace(options.subfolder, options.model_file_name)
        listed = await hub.remote.list_files(*model, allow_list, str(options.task_name), options.dtype or AUTO, place)
        if plan.needs_runtime:
            _check_repository(hub, ModelFile(*model, "config.json"), listed)
        sizes = {file.path: file.size for file in listed.files}
        if known:
            return {file: sizes.get(file.file) for file in missing}, listed.reason, listed.error
        files = {ModelFile(*model, file.path): file.size for file in listed.to_download}
        files = {file: size for file, size in files.items() if not await hub.store.missing.is_missing(hub.key(file))}
        return files, listed.reason if files else None, listed.error if files else None

    async def _not_stored(self, hub: HubFiles, files: Iterable[ModelFile]) -> list[ModelFile]:
        keys = {hub.key(file): file for file in files}
        stored: set[FileKey] = set()
        for model, revision, root in {key.revision_key for key in keys}:
            listed = await hub.store.cache.list_files(model, revision, root)
            stored |= {FileKey(model, revision, file.path, root) for file in listed}
        return [file for key, file in keys.items() if key not in stored and key not in hub.store.cache.memory]

    async def _is_active(self, keys: Iterable[FileKey]) -> bool:
        """Tell whether a tab holds the lock of a file's download."""
        for key in keys:
            async with self._locks.try_hold(download_lock(key.id)) as is_free:
                if not is_free:
                    return True
        return False

    async def _licence(self, options: PipelineOptions) -> str | None:
        hub, model = await self._open_hub(options), (str(options.model_id), str(options.model_revision))
        settings = await self._open_settings()
        allow_list = AllowList.of(await settings.client.get(ALLOW_DENY_LIST))
        for name in CARDS:
            try:
                return licence_of(await hub.remote.read_text(ModelFile(*model, name), _CARD_LIMIT, allow_list))
            except FileNotFoundOnHub:
                continue
            except UnavailableError as error:
                logger.debug("The model card of %s cannot be read: %s", model[0], error)
                return None
        return None


def _check_repository(hub: HubFiles, file: ModelFile, listed: ModelFiles) -> None:
    """Raise an error if the hub's list lacks a file that the task needs."""
    if listed.missing:
        path = next((each.path for each in listed.missing if each.role.dtype), listed.missing[0].path)
        lacking = replace(file, file=path)
        dtypes = alternative_dtypes(path, [each.path for each in listed.files if each.size is not None])
        raise FileNotFoundOnHub(
            hub.url(lacking), 404, model=file.model, revision=file.revision, file=path, dtypes=dtypes
        )
