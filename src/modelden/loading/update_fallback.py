"""The loader with a fallback: loads what current settings say, and if that fails the model that worked before.

A new revision in Remote Settings is downloaded beside the old one. The files of the old one are deleted when the new
model has been loaded, never before. If the new model cannot be loaded, the old one is, and an `update` event tells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from modelden.core.event_loop import BackgroundTasks
from modelden.core.events import DONE, EventEmitter, Events, ProgressCallback, ProgressEvent
from modelden.engine.history import History
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord, Plan
from modelden.engine.update_status import OFFLINE, UP_TO_DATE, UPDATE_AVAILABLE, State
from modelden.errors import InputError, ModelDenError, NotPrefetched, StorageError, UnavailableError
from modelden.hub.catalog.file_roles import AUTO, may_use, role_of
from modelden.hub.catalog.names import HubAddress, is_branch
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.records import RevisionKey, model_key
from modelden.loading.engine_loader import EngineLoader, LoadedModel

logger = logging.getLogger(__name__)


class LoaderWithFallback:
    """Loads models for requests, keeps their history, and deletes revisions that were replaced.

    Attributes:
        plan: `EngineLoader.plan`.
    """

    def __init__(
        self,
        loader: EngineLoader,
        open_history: Callable[[], Awaitable[History]],
        open_hub: Callable[[PipelineOptions], Awaitable[HubFiles]],
        live_engines: Callable[[], Iterable[EngineRecord]],
        events: Events,
    ) -> None:
        """Create a loader.

        Args:
            loader: Loads models.
            open_history: Opens the history.
            open_hub: Opens the hub of an engine.
            live_engines: Returns the engines of this page.
            events: The listeners for updates.
        """
        self._loader = loader
        self.plan = loader.plan
        self._open_history = open_history
        self._open_hub = open_hub
        self._live_engines = live_engines
        self._events = events
        self._changed_branches: set[str] = set()
        """Engines whose branch has changed on the hub, and that were not loaded since."""
        self._opened_history: History | None = None
        self._tasks = BackgroundTasks()

    async def update_state(self, record: EngineRecord, plan: Plan, *, check_hub: bool = True) -> State:
        """Return whether an engine would get something newer.

        Args:
            record: The engine.
            plan: The plan by current settings.
            check_hub: Send requests to the hub about a branch; otherwise its last response counts.
        """
        if not plan.is_equivalent(record.plan):
            return UPDATE_AVAILABLE
        engine_id = record.request.engine_id
        if check_hub:
            try:
                has_changed = await self._has_branch_changed(engine_id, record.plan.options)
            except UnavailableError as error:
                logger.debug("The branch of %s cannot be compared with the hub: %s", engine_id, error)
                return OFFLINE
            (self._changed_branches.add if has_changed else self._changed_branches.discard)(engine_id)
        return UPDATE_AVAILABLE if engine_id in self._changed_branches else UP_TO_DATE

    async def open(
        self, request: PipelineOptions, on_progress: ProgressCallback | None = None, *, lost_gpu: str | None = None
    ) -> LoadedModel:
        """Load what current settings say for a request; if that fails, the model that worked before.

        Args:
            request: The options that the caller gave.
            on_progress: Called with each step.
            lost_gpu: The browser's reason for the loss of the GPU: then it is not used.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        plan = await self.plan(request, on_progress)
        previous = await self._previous_plan(request)
        try:
            return await self._load(request, plan, previous, on_progress, lost_gpu)
        except InputError:
            raise
        except ModelDenError as error:
            if previous is None or previous.is_equivalent(plan):
                raise
            try:
                loaded = await self._load_plan(previous, on_progress, lost_gpu)
            except ModelDenError as second:
                logger.warning("The model that worked before cannot be loaded either: %s", second)
                raise error from error.__cause__
            self.emit_update_failed(request, previous, plan, error)
            return loaded._replace(is_current=False)

    async def load(
        self,
        request: PipelineOptions,
        plan: Plan,
        on_progress: ProgressCallback | None = None,
        *,
        lost_gpu: str | None = None,
    ) -> LoadedModel:
        """Load the model of a plan, and store in the history that it works; arguments and errors as in `open`."""
        return await self._load(request, plan, await self._previous_plan(request), on_progress, lost_gpu)

    async def prefetch(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> None:
        """Fetch all files of an engine for a request. Earlier revisions stay until an engine uses the new one.

        Raises:
            NotPrefetched: If something is missing; the cause says why.
            ModelDenError: If all files were fetched, and no engine can be made of them.
        """
        missing: dict[str, None] = {}

        def track(event: ProgressEvent) -> None:
            if event.status_text == DONE and event.ok:
                missing.pop(event.id, None)
            else:
                missing[event.id] = None
            if on_progress is not None:
                on_progress(event)

        try:
            plan = await self.plan(request, track)
            missing.clear()
            await self._loader.fetch(plan, track)
        except ModelDenError as error:
            missing.pop(request.engine_id, None)
            if not missing:
                raise
            raise NotPrefetched(tuple(missing), str(error)) from error

    def emit_update_failed(self, request: PipelineOptions, current: Plan, plan: Plan, error: ModelDenError) -> None:
        """Report that an update failed and the old model stays in use."""
        logger.warning(
            "The update of %s to %s failed, revision %s stays in use: %s",
            current.options.model_id,
            plan.options.model_revision,
            current.options.model_revision,
            error,
        )
        detail = {**_change(current, plan), "error": type(error).__name__, "message": str(error)}
        self._emitter(request).emit_update("failed", detail)

    async def delete_previous_revisions(self, loaded: LoadedModel) -> None:
        """Delete earlier revisions of a loaded model's files that no engine uses, in whatever tab.

        Source: ``deleteNonMatchingModelRevisions``. Firefox ends the engine if that fails; here it is logged.
        """
        if not loaded.is_current:
            return
        try:
            await self._delete_previous_revisions(loaded)
        except ModelDenError as error:
            logger.warning("Earlier revisions of %s stay stored: %s", loaded.plan.options.model_id, error)

    async def _load(
        self,
        request: PipelineOptions,
        plan: Plan,
        previous: Plan | None,
        on_progress: ProgressCallback | None,
        lost_gpu: str | None,
    ) -> LoadedModel:
        is_update = previous is not None and not previous.is_equivalent(plan)
        if previous is not None and not is_update:
            plan = plan._replace(files=previous.files)
        loaded = await self._load_plan(plan, on_progress, lost_gpu)
        storing = self._tasks.start(self._store(request, loaded.plan), "store the history")
        if loaded.plan != previous:  # otherwise only its time changes, and nothing waits for that
            try:
                await asyncio.wait([storing])
            except BaseException:
                loaded.close()
                raise
        if loaded.branch_error is not None:
            self.emit_update_failed(request, plan, plan, loaded.branch_error)
        elif is_update or request.engine_id in self._changed_branches:
            self._changed_branches.discard(request.engine_id)
            self._emitter(request).emit_update("installed", _change(previous or plan, plan))
        return loaded

    async def _load_plan(self, plan: Plan, on_progress: ProgressCallback | None, lost_gpu: str | None) -> LoadedModel:
        """Load the model of a plan; of a branch the hub's current state, or else the stored one."""
        hub = await self._open_hub(plan.options)
        loaded: LoadedModel | None = None

        async def load(branch: BranchUpdate) -> LoadedModel:
            nonlocal loaded
            loaded = await self._loader.load(plan, hub, branch, on_progress, lost_gpu=lost_gpu)
            return loaded

        try:
            result, branch_error = await hub.load_branch(load)
        except BaseException:
            if loaded is not None:  # cancelled, or failed, while the branch was left
                loaded.close()
            raise
        return result._replace(branch_error=branch_error)

    async def _previous_plan(self, request: PipelineOptions) -> Plan | None:
        """Return the plan of the history for a request; None if it cannot be read: a load does not need it."""
        try:
            return await (await self._history()).get(request)
        except StorageError as error:
            logger.warning("The history cannot be read, so there is no earlier model to go back to. %s", error)
            return None

    async def _history(self) -> History:
        if self._opened_history is None:
            self._opened_history = await self._open_history()
        return self._opened_history

    async def _store(self, request: PipelineOptions, plan: Plan) -> None:
        try:
            await (await self._history()).put(request, plan)
        except StorageError as error:
            logger.warning("The history cannot be stored: a failed update cannot go back to this engine. %s", error)

    def _emitter(self, request: PipelineOptions) -> EventEmitter:
        return EventEmitter(self._events, request.engine_id, request.flow_id)

    async def _has_branch_changed(self, engine_id: str, options: PipelineOptions) -> bool:
        hub, address = await self._open_hub(options), _address(options)
        for model, revision in _revisions(options):
            if not is_branch(revision):
                continue
            files = await hub.store.list_files(*address.revision_key(model, revision))
            paths = [
                file.path
                for file in files
                if engine_id in file.engine_ids and may_use(options.dtype or AUTO, role_of(file.path))
            ]
            if await hub.remote.has_changed(model, revision, paths):
                return True
        return False

    async def _delete_previous_revisions(self, loaded: LoadedModel) -> None:
        options = loaded.plan.options
        hub = await self._open_hub(options)
        current = set(_revision_keys(options, loaded.revisions))
        models = {(name, root) for name, _, root in current}
        previous = {
            model_key(model)
            for model in await hub.store.list_models()
            if (model.name, model.root_url) in models and set(model.task_names) <= {options.task_name}
        } - current
        if previous:
            for live in self._live_engines():
                previous.difference_update(_revision_keys(live.plan.options, _revisions(live.plan.options)))
        # A revision that an engine of another tab uses is deleted when that one has moved, or with the next engine.
        await asyncio.gather(*map(hub.store.delete_unused, previous))


def _revisions(options: PipelineOptions) -> set[tuple[str, str]]:
    pairs = (
        (options.model_id, options.model_revision),
        (options.tokenizer_id, options.tokenizer_revision or options.model_revision),
        (options.processor_id, options.processor_revision or options.model_revision),
    )
    return {(model, revision) for model, revision in pairs if model and revision}


def _address(options: PipelineOptions) -> HubAddress:
    return HubAddress(str(options.model_hub_root_url), str(options.model_hub_url_template))


def _revision_keys(options: PipelineOptions, revisions: Iterable[tuple[str, str]]) -> list[RevisionKey]:
    """Return the keys of models and revisions in the store."""
    address = _address(options)
    return [address.revision_key(model, revision) for model, revision in revisions]


def _change(current: Plan, available: Plan) -> dict[str, object]:
    return {"current": current.summary(), "available": available.summary()}
