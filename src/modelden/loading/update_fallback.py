"""Where loaded models come from: what settings say now, and when that fails what worked before.

A new revision in Remote Settings is downloaded beside the old one. The old one's files go when the new model has been
loaded, never before; if it cannot be, the old one is loaded and the failure told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from modelden.core.events import EventEmitter, Events
from modelden.core.progress import DONE, ProgressCallback, ProgressEvent
from modelden.engine.history import History
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord, Plan
from modelden.engine.update_status import OFFLINE, UP_TO_DATE, UPDATE_AVAILABLE, State
from modelden.errors import InputError, ModelDenError, NotPrefetched, StorageError, UnavailableError
from modelden.hub.catalog.file_roles import role_of
from modelden.hub.catalog.names import HubAddress
from modelden.hub.download.freshness import BRANCH, HEAD_TIMEOUT
from modelden.hub.files import HubFiles
from modelden.loading.engine_loader import EngineLoader, LoadedModel

logger = logging.getLogger(__name__)


class LoaderWithFallback:
    """Loads models for requests, and keeps what is stored of them in order."""

    def __init__(
        self,
        loader: EngineLoader,
        history: Callable[[], Awaitable[History]],
        hub: Callable[[PipelineOptions], Awaitable[HubFiles]],
        live: Callable[[], Iterable[EngineRecord]],
        events: Events,
    ) -> None:
        """Nothing is opened yet.

        Args:
            loader: Loads models.
            history: Opens what earlier visits loaded.
            hub: Opens the hub of an engine.
            live: Tells the engines of this page.
            events: Told of updates.
        """
        self._loader = loader
        self._history = history
        self._hub = hub
        self._live = live
        self._events = events
        self._changed: set[str] = set()
        """Engines of which the hub said that their branch changed, and that were not loaded since."""
        self._noting: set[asyncio.Task[None]] = set()

    async def plan(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Plan:
        """Decide what an engine for the request will be made of; the errors are those of `EngineLoader.plan`."""
        return await self._loader.plan(request, on_progress)

    async def status(self, known: EngineRecord, plan: Plan, *, ask: bool = True) -> State:
        """Tell whether there is something newer than what an engine is made of, and the engine would get it.

        Args:
            known: The engine.
            plan: What settings say now.
            ask: Ask the hub whether a branch changed; otherwise what it last said counts.
        """
        if not plan.is_equivalent(known.plan):
            return UPDATE_AVAILABLE
        engine_id = known.request.engine_id
        if ask:
            try:
                changed = await self._branch_changed(engine_id, known.plan.options)
            except UnavailableError as error:
                logger.debug("Whether the branch of %s changed cannot be told: %s", engine_id, error)
                return OFFLINE
            (self._changed.add if changed else self._changed.discard)(engine_id)
        return UPDATE_AVAILABLE if engine_id in self._changed else UP_TO_DATE

    async def open(
        self, request: PipelineOptions, on_progress: ProgressCallback | None = None, *, no_gpu: str | None = None
    ) -> LoadedModel:
        """Load what settings say for a request; if that fails and something else worked before, that.

        Args:
            request: What is asked for.
            on_progress: Told each step.
            no_gpu: Why not to use the GPU.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        plan = await self._loader.plan(request, on_progress)
        try:
            return await self.load(request, plan, on_progress, no_gpu=no_gpu)
        except InputError:
            raise
        except ModelDenError as error:
            known = await (await self._history()).get(request)
            if known is None or known.is_equivalent(plan):
                raise
            try:
                loaded = await self._loader.load(known, on_progress, no_gpu=no_gpu)
            except ModelDenError as second:
                logger.warning("What worked before cannot be loaded either: %s", second)
                raise error from error.__cause__
            self.emit_update_failed(request, known, plan, error)
            return loaded._replace(is_current=False)

    async def load(
        self,
        request: PipelineOptions,
        plan: Plan,
        on_progress: ProgressCallback | None = None,
        *,
        no_gpu: str | None = None,
    ) -> LoadedModel:
        """Load what was decided, and remember that it works.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        history = await self._history()
        before = await history.get(request)
        if before is not None and before.is_equivalent(plan):
            plan = plan._replace(files=before.files)
        loaded = await self._loader.load(plan, on_progress, no_gpu=no_gpu)
        noting = asyncio.ensure_future(_note(history, request, loaded.plan))
        if loaded.plan == before:  # but for the time, which nobody waits for
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)
        else:
            try:
                await noting
            except BaseException:
                loaded.close()
                raise
        if loaded.failure is not None:
            self.emit_update_failed(request, plan, plan, loaded.failure)
        elif request.engine_id in self._changed or (before is not None and not before.is_equivalent(plan)):
            self._changed.discard(request.engine_id)
            self._teller(request).emit_update("installed", _change(before or plan, plan))
        return loaded

    async def prefetch(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> None:
        """Fetch all that an engine for the request needs. Earlier revisions stay until an engine has the new one.

        Raises:
            NotPrefetched: If something is missing; the cause says why.
            ModelDenError: If all is there, and no task can be made of it.
        """
        missing: dict[str, None] = {}

        def follow(event: ProgressEvent) -> None:
            if event.status_text == DONE and event.ok:
                missing.pop(event.id, None)
            else:
                missing[event.id] = None
            if on_progress is not None:
                on_progress(event)

        try:
            plan = await self._loader.plan(request, follow)
            missing.clear()
            await self._loader.fetch(plan, follow)
        except ModelDenError as error:
            missing.pop(request.engine_id, None)
            if not missing:
                raise
            raise NotPrefetched(tuple(missing), str(error)) from error

    def emit_update_failed(self, request: PipelineOptions, current: Plan, plan: Plan, error: ModelDenError) -> None:
        """Say that an update failed and the old model stays."""
        logger.warning(
            "The update of %s to %s failed, revision %s stays in use: %s",
            current.options.model_id,
            plan.options.model_revision,
            current.options.model_revision,
            error,
        )
        detail = {**_change(current, plan), "error": type(error).__name__, "message": str(error)}
        self._teller(request).emit_update("failed", detail)

    def _teller(self, request: PipelineOptions) -> EventEmitter:
        return EventEmitter(self._events, request.engine_id, request.flow_id)

    async def delete_previous_revisions(self, loaded: LoadedModel) -> None:
        """Remove what nobody uses, in whatever tab, of the revisions before a model that is in use now.

        Source: ``deleteNonMatchingModelRevisions``. Firefox ends the engine if that fails; here it is logged.
        """
        if not loaded.is_current:
            return
        try:
            await self._remove_previous(loaded)
        except ModelDenError as error:
            logger.warning("Earlier revisions of %s stay: %s", loaded.plan.options.model_id, error)

    async def _branch_changed(self, engine_id: str, options: PipelineOptions) -> bool:
        hub, address = await self._hub(options), _address(options)
        for model, revision in _named(options):
            if revision != BRANCH:
                continue
            files = await hub.list_files(model=address.store_name(model), revision=revision)
            used = [file.path for file in files if engine_id in file.engine_ids and _is_of(file.path, options.dtype)]
            if await hub.remote.has_changed(model, revision, used, HEAD_TIMEOUT):
                return True
        return False

    async def _remove_previous(self, loaded: LoadedModel) -> None:
        options = loaded.plan.options
        hub = await self._hub(options)
        current = set(_stored(options, loaded.used))
        used = current.union(*(_stored(each.plan.options, _named(each.plan.options)) for each in self._live()))
        names = {name for name, _ in current}
        previous = [
            model
            for model in await hub.list_models()
            if model.name in names and (model.name, model.revision) not in used
            if set(model.task_names) <= {options.task_name}
        ]
        # What another tab's engine uses goes when that one has moved, or with the next engine that is created.
        await asyncio.gather(*(hub.delete_unused(model=model.name, revision=model.revision) for model in previous))


async def _note(history: History, request: PipelineOptions, plan: Plan) -> None:
    try:
        await history.put(request, plan)
    except StorageError as error:
        logger.warning("What this engine is made of is not remembered, as what to go back to. %s", error)


def _named(options: PipelineOptions) -> set[tuple[str, str]]:
    pairs = (
        (options.model_id, options.model_revision),
        (options.tokenizer_id, options.tokenizer_revision or options.model_revision),
        (options.processor_id, options.processor_revision or options.model_revision),
    )
    return {(model, revision) for model, revision in pairs if model and revision}


def _address(options: PipelineOptions) -> HubAddress:
    return HubAddress(str(options.model_hub_root_url), str(options.model_hub_url_template))


def _is_of(path: str, dtype: str | None) -> bool:
    """Tell whether an engine of this data type uses a file that it once used, perhaps with another one."""
    return role_of(path).dtype in (None, dtype)


def _stored(options: PipelineOptions, models: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return models and revisions by their names in the store."""
    address = _address(options)
    return [(address.store_name(model), revision) for model, revision in models]


def _change(current: Plan, available: Plan) -> dict[str, object]:
    return {"current": current.summary(), "available": available.summary()}
