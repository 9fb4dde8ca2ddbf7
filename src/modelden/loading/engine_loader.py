"""The engine loader: takes a request to a plan, and a plan to a loaded model, in the order of Firefox's steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from modelden.config import Configuration
from modelden.core.cleanup import clean_up
from modelden.core.events import CHOOSING_OPTIONS, STARTING_ENGINE, ProgressCallback, Reporter, report_plan
from modelden.engine import model_selection, runtime_selection
from modelden.engine.memory_guard import LoadWatch, MemoryGuard
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import Fallbacks, Plan
from modelden.engine.runtime_selection import Bundle, RuntimeChoice
from modelden.errors import EngineError, FileNotFoundOnHub, InputError, InvalidRecord, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_roles import AUTO, WeightsPlace
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.usage import Consumer, ModelLease
from modelden.loading.file_provider import EngineFileProvider
from modelden.loading.load_retry import RETRYABLE, check_stored_files, next_fallbacks
from modelden.ports import EngineWorker, Ports, WorkerSpec
from modelden.settings.records import filter_records
from modelden.settings.service import SettingsService

ALLOW_DENY_LIST = "ml-model-allow-deny-list"
"""The collection of Remote Settings that admits and denies URLs of model files."""


class LoadedModel(NamedTuple):
    """A model in a worker.

    Attributes:
        plan: The plan by which it was loaded.
        worker: Runs the model.
        info: `Engine.info`, as the worker reports it.
        revisions: Model and revision of each file that was loaded.
        lease: Keeps those revisions from being evicted.
        is_current: The plan follows current settings; False for an earlier plan after a failed update.
        branch_error: Why the stored state of a branch is loaded although the hub has changed it.
    """

    plan: Plan
    worker: EngineWorker
    info: Mapping[str, Any]
    revisions: frozenset[tuple[str, str]]
    lease: ModelLease
    is_current: bool = True
    branch_error: ModelDenError | None = None

    def close(self) -> None:
        """End the worker and the lease. A failure is logged."""
        clean_up(self.worker.close, self.lease.end)


class _Job(NamedTuple):
    """A load, with its retries.

    Attributes:
        plan: The plan.
        bundle: The JavaScript that drives its runtime.
        hub: The hub of its model.
        branch: The branch update that it is part of.
        watch: Watches over its memory; None if no model is loaded.
        on_progress: Called with each step.
    """

    plan: Plan
    bundle: Bundle
    hub: HubFiles
    branch: BranchUpdate
    watch: LoadWatch | None
    on_progress: ProgressCallback | None


class EngineLoader:
    """Loads engines for one configuration."""

    def __init__(
        self,
        config: Configuration,
        bundles: Sequence[Bundle],
        ports: Ports,
        open_settings: Callable[[], Awaitable[SettingsService]],
        open_hub: Callable[[PipelineOptions], Awaitable[HubFiles]],
        open_guard: Callable[[], Awaitable[MemoryGuard]],
    ) -> None:
        """Create a loader; the arguments are a `Context`'s."""
        self._config = config
        self._defaults = PipelineOptions.of(config.engine_defaults)
        self._runtimes = config.cid(runtime_selection.COLLECTION)
        self._bundles = bundles
        self._ports = ports
        self._open_settings = open_settings
        self._open_hub = open_hub
        self._open_guard = open_guard

    async def plan(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Plan:
        """Decide on options and runtime of an engine for a request. With stored settings no request is sent.

        Raises:
            InvalidRecord, SignatureError: If settings cannot be used.
            UnavailableError: If settings are not stored and cannot be fetched.
            InputError: If neither the request, settings nor the task name a model.
        """
        settings = await self._open_settings()
        records = await settings.client.get(model_selection.COLLECTION, on_progress)
        overrides = self._config.override_pipeline_options.get(request.feature_id or "")
        try:
            options = model_selection.choose(records, request, self._defaults, overrides)
        except (InputError, InvalidRecord) as error:
            feature = {"featureId": request.feature_id}
            if request.feature_id is None or filter_records(records, feature):
                raise
            filtered_out = await settings.client.filtered_out(model_selection.COLLECTION, feature)
            if not filtered_out:
                raise
            raise model_selection.filtered_error(request.feature_id, filtered_out, error) from error
        with Reporter(on_progress, CHOOSING_OPTIONS, options.engine_id, _progress_metadata(options)):
            pass
        runtime = await self.choose_runtime(settings, runtime_selection.requested_device(options.device), on_progress)
        options = replace(options, runtime_filename=runtime.record["name"])
        return Plan(options, runtime.record, runtime.no_gpu_reason)

    async def choose_runtime(
        self, settings: SettingsService, device: str, on_progress: ProgressCallback | None = None
    ) -> RuntimeChoice:
        """Return the runtime for a device, ``wasm`` or ``webgpu``. Only for the latter the browser looks for a GPU.

        Raises:
            NoRuntime: If Remote Settings have none that this modelden can drive.
            SignatureError: If settings cannot be used.
            UnavailableError: If settings are not stored and cannot be fetched.
        """
        records = await settings.client.get(runtime_selection.COLLECTION, on_progress)
        reason = await self._ports.page.gpu_unavailable_reason() if device == runtime_selection.WEBGPU else None
        return runtime_selection.choose(
            records, self._bundles, major=self._config.runtime_major, device=device, no_gpu_reason=reason
        )

    async def load(
        self,
        plan: Plan,
        hub: HubFiles,
        branch: BranchUpdate,
        on_progress: ProgressCallback | None = None,
        *,
        lost_gpu: str | None = None,
    ) -> LoadedModel:
        """Fetch and load the model of a plan, with retries.

        Args:
            plan: The plan.
            hub: The hub of the model.
            branch: The branch update that the load is part of.
            on_progress: Called with each step.
            lost_gpu: The browser's reason for the loss of the GPU: then it is not used, whatever the plan says.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        options = plan.options
        bundle = runtime_selection.find_bundle(plan.runtime, self._bundles)
        no_gpu_reason = runtime_selection.gpu_lost_message(lost_gpu) if lost_gpu else _no_gpu_reason(plan, bundle)
        key = f"{options.model_hub_root_url} {options.model_id} {options.model_revision}"
        watch = await (await self._open_guard()).begin_load(key, str(options.model_id))
        fallbacks = Fallbacks(watch.one_thread_reason, no_gpu_reason)
        handled: Counter[type[Exception]] = Counter()
        job = _Job(plan, bundle, hub, branch, watch, on_progress)
        try:
            while True:
                try:
                    return await self._load(job, fallbacks)
                except RETRYABLE as error:
                    fallbacks = next_fallbacks(fallbacks, error, handled)
        finally:
            watch.end()

    async def fetch(self, plan: Plan, on_progress: ProgressCallback | None = None) -> None:
        """Fetch all files of a plan, and load nothing.

        Only transformers.js can tell the files of a model. It runs in a worker that starts no runtime and reads no
        weights.

        Raises:
            ModelDenError: The class says which step failed and what to do.
        """
        bundle = runtime_selection.find_bundle(plan.runtime, self._bundles)
        fallbacks = Fallbacks(no_gpu_reason=_no_gpu_reason(plan, bundle), files_only=True)
        hub = await self._open_hub(plan.options)
        async with hub.update_branch() as branch:
            (await self._load(_Job(plan, bundle, hub, branch, None, on_progress), fallbacks)).close()

    async def _load(self, job: _Job, fallbacks: Fallbacks) -> LoadedModel:
        plan, options, on_progress = job.plan, job.plan.options, job.on_progress
        message = plan.create_message(fallbacks)
        # The worker's source is read and compiled while the runtime is fetched.
        worker = self._ports.engines.start(
            WorkerSpec(job.bundle.bundle, job.bundle.glue, job.bundle.sha256, message["numThreads"])
        )
        files: EngineFileProvider | None = None
        try:
            settings = await self._open_settings()
            wasm = None
            if needs_runtime := plan.needs_runtime:
                wasm = await settings.attachments.get(self._runtimes, plan.runtime, on_progress)
            allow_list = await self._allow_list(options, settings, on_progress)
            files = await self._file_provider(job, allow_list, is_listed=needs_runtime)
            try:
                with Reporter(on_progress, STARTING_ENGINE, options.engine_id):
                    info = await worker.create(message, wasm, files, await files.cached_files(plan.files))
            except EngineError as error:
                delete_damaged_runtime = partial(settings.attachments.delete_if_damaged, self._runtimes, plan.runtime)
                raise await _explain(error, job.hub, files, delete_damaged_runtime) from error
            await job.branch.commit()
            await files.remember_missing()
        except BaseException:
            clean_up(worker.close, *([] if files is None else [files.lease.end]))
            raise
        info = {**info, **fallbacks.reasons(options.device, options.num_threads)}
        plan = plan._replace(files=tuple(files.urls))
        return LoadedModel(plan, worker, info, frozenset(files.revisions), files.lease)

    async def _allow_list(
        self, options: PipelineOptions, settings: SettingsService, on_progress: ProgressCallback | None
    ) -> AllowList:
        if not model_selection.has_files(str(options.task_name), str(options.model_id)):
            return AllowList((), ())  # as Firefox, which reads the list where it fetches files
        return AllowList.of(await settings.client.get(ALLOW_DENY_LIST, on_progress))

    async def _file_provider(self, job: _Job, allow_list: AllowList, *, is_listed: bool) -> EngineFileProvider:
        """Return the provider of an engine's files; report their sizes where they are listed.

        Token vectors are in no list of a task's files.
        """
        plan, options, hub, on_progress = job.plan, job.plan.options, job.hub, job.on_progress
        consumer = Consumer(str(options.task_name), options.engine_id, options.flow_id)
        place = WeightsPlace(options.subfolder, options.model_file_name)
        model = str(options.model_id), str(options.model_revision), consumer.task_name, options.dtype or AUTO, place
        preflight = None
        if hub.announces_files and is_listed:
            # After an earlier load little is missing: a hub that lists its files is asked with the first download.
            download_sizes = partial(hub.preflight.download_sizes, *model, allow_list, signed_only=bool(plan.files))
            if not job.branch.stored_only and (sizes := await download_sizes()):
                report_plan(on_progress, model[0], sizes)
            preflight = partial(hub.preflight.check_task, *model)
        return EngineFileProvider(hub, consumer, allow_list, on_progress, job.watch, preflight, job.branch)


def _no_gpu_reason(plan: Plan, bundle: Bundle) -> str | None:
    return plan.no_gpu_reason or runtime_selection.bundle_no_gpu_reason(bundle)


async def _explain(
    error: EngineError, hub: HubFiles, files: EngineFileProvider, delete_damaged_runtime: Callable[[], Awaitable[bool]]
) -> ModelDenError:
    """Return the error behind a worker's failure: a file's, or the failure itself."""
    cause = files.cause_of(error)
    if isinstance(cause, FileNotFoundOnHub):
        return await hub.remote.with_available_dtypes(await files.missing_model(cause))
    if cause is error:
        return await check_stored_files(hub, files, delete_damaged_runtime, error)
    return cause


def _progress_metadata(options: PipelineOptions) -> dict[str, Any]:
    names = ("engine_id", "task_name", "model_id", "model_revision", "dtype")
    return {name: getattr(options, name) for name in names}
