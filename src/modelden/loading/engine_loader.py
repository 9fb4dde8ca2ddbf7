"""From a request to a loaded model: the steps, and their order, which is Firefox's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from modelden.config import Configuration
from modelden.core.progress import CHOOSING_OPTIONS, PLANNING, STARTING_ENGINE, ProgressCallback, Reporter
from modelden.engine import model_selection, runtime_selection
from modelden.engine.memory_guard import LoadWatch, MemoryGuard
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import Fallbacks, Plan
from modelden.engine.tasks import FIREFOX_TASKS, has_files
from modelden.errors import EngineError, FileNotFoundOnHub, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.tab_locks import ModelLease
from modelden.hub.store.usage import Consumer
from modelden.loading.file_provider import EngineFileProvider
from modelden.loading.load_retry import check_stored_files, load_with_retries
from modelden.loading.runtime_catalog import RuntimeCatalog
from modelden.ports import Blob, EngineHost, EngineWorker, WorkerSpec
from modelden.settings.service import SettingsService

ALLOW_DENY_LIST = "ml-model-allow-deny-list"
"""The collection of Remote Settings that says which URLs may be downloaded."""


class LoadedModel(NamedTuple):
    """A model in a worker.

    Attributes:
        plan: What it is made of.
        worker: Runs it.
        info: What the worker tells of itself.
        used: Model and revision of each of its files.
        in_use: Keeps them from being evicted.
        is_current: It is what settings say; False for what worked before, where that cannot be had.
        failure: Why a branch is loaded as it was kept, though the hub has changed it.
    """

    plan: Plan
    worker: EngineWorker
    info: Mapping[str, Any]
    used: frozenset[tuple[str, str]]
    in_use: ModelLease
    is_current: bool = True
    failure: ModelDenError | None = None

    def close(self) -> None:
        """End the worker; the model may be evicted then."""
        self.worker.close()
        self.in_use.end()


class EngineLoader:
    """Loads engines for one configuration."""

    def __init__(
        self,
        config: Configuration,
        runtimes: RuntimeCatalog,
        engines: EngineHost,
        settings: Callable[[], Awaitable[SettingsService]],
        hub: Callable[[PipelineOptions], Awaitable[HubFiles]],
        guard: Callable[[], Awaitable[MemoryGuard]],
    ) -> None:
        """Nothing is opened yet.

        Args:
            config: Where settings and models come from.
            runtimes: Chooses what runs models.
            engines: Starts it.
            settings: Opens Remote Settings.
            hub: Opens the hub of an engine.
            guard: Opens what looks out for loads that a browser would not survive.
        """
        self._config = config
        self._runtimes = runtimes
        self._engines = engines
        self._settings = settings
        self._hub = hub
        self._guard = guard

    async def plan(self, request: PipelineOptions, on_progress: ProgressCallback | None = None) -> Plan:
        """Decide what an engine for the request will be made of; without a request when settings are stored.

        Raises:
            InvalidRecord, SignatureError: If settings cannot be used.
            UnavailableError: If they are not stored and cannot be had.
            InputError: If nobody knows a model.
        """
        settings = await self._settings()
        records = await settings.client.get(model_selection.COLLECTION, on_progress)
        overrides = self._config.override_pipeline_options.get(request.feature_id or "")
        options = model_selection.choose(records, request, self._config.engine_defaults, overrides)
        with Reporter(on_progress, CHOOSING_OPTIONS, options.engine_id, _told(options)):
            pass
        chosen = await self._runtimes.choose(settings, runtime_selection.requested_device(options.device), on_progress)
        return Plan(replace(options, runtime_filename=chosen.record["name"]), chosen.record, chosen.no_gpu)

    async def load(
        self, plan: Plan, on_progress: ProgressCallback | None = None, *, no_gpu: str | None = None
    ) -> LoadedModel:
        """Fetch and load what was decided.

        Args:
            plan: What was decided.
            on_progress: Told each step.
            no_gpu: What the browser said when the GPU was lost: then it is not used, whatever was decided.

        Raises:
            ModelDenError: The class says which step failed and what to do; nothing half-made is stored.
        """
        gpu = runtime_selection.gpu_lost_message(no_gpu) if no_gpu else self._lack_of_gpu(plan)
        options = plan.options
        key = f"{options.model_hub_root_url} {options.model_id} {options.model_revision}"

        async def load(branch: BranchUpdate) -> LoadedModel:
            async def load_with(watch: LoadWatch, without: Fallbacks) -> LoadedModel:
                return await self._load(plan, on_progress, without, branch, watch)

            return await load_with_retries(await self._guard(), key, str(options.model_id), load_with, gpu)

        loaded, failure = await (await self._hub(options)).load_branch(load)
        return loaded._replace(failure=failure)

    async def fetch(self, plan: Plan, on_progress: ProgressCallback | None = None) -> None:
        """Fetch what was decided, and load nothing.

        Which files a model needs only transformers.js knows: it is asked in a worker that starts no runtime and reads
        no weights.

        Raises:
            ModelDenError: The class says what cannot be had.
        """
        without = Fallbacks(gpu=self._lack_of_gpu(plan), model=True)
        async with (await self._hub(plan.options)).branch() as branch:
            (await self._load(plan, on_progress, without, branch)).close()

    def _lack_of_gpu(self, plan: Plan) -> str | None:
        return plan.no_gpu or runtime_selection.lack_of_gpu(self._runtimes.find_bundle(plan.runtime))

    async def _load(
        self,
        plan: Plan,
        on_progress: ProgressCallback | None,
        without: Fallbacks,
        branch: BranchUpdate,
        watch: LoadWatch | None = None,
    ) -> LoadedModel:
        options = plan.options
        # The worker's source is read and compiled while the runtime is fetched.
        bundle = self._runtimes.find_bundle(plan.runtime)
        _, threads = without.of(options.device, options.num_threads)
        worker = self._engines.start(WorkerSpec(bundle.bundle, bundle.glue, bundle.sha256, threads))
        files: EngineFileProvider | None = None
        try:
            settings = await self._settings()
            cid = self._config.cid(runtime_selection.COLLECTION)
            wasm = await settings.attachments.get(cid, plan.runtime, on_progress)
            allow_list = await self._allow_list(options, settings, on_progress)
            use = Consumer(str(options.task_name), options.engine_id, options.flow_id)
            hub = await self._hub(options)
            model = str(options.model_id), str(options.model_revision)
            room = partial(hub.total.ask_for_task, *model, use.task_name, str(options.dtype))
            if not branch.stored_only:
                await self._plan_downloads(hub, options, on_progress)
            files = EngineFileProvider(hub, use, allow_list, on_progress, watch, room, branch)
            try:
                info = await self._start(worker, plan, wasm, files, on_progress, without)
            except EngineError as error:
                reason = files.cause_of(error)
                if isinstance(reason, FileNotFoundOnHub):
                    raise await hub.remote.with_available_dtypes(reason) from error
                drop_runtime = partial(settings.attachments.drop_damaged, cid, plan.runtime)
                checked = await check_stored_files(hub, files.keys, drop_runtime, error) if reason is error else reason
                raise checked from error
            info = {**info, **without.reasons(options.device, options.num_threads)}
            await branch.commit()
            await files.remember_missing()
        except BaseException:
            worker.close()
            if files is not None:
                files.in_use.end()
            raise
        plan = plan._replace(files=tuple(files.given))
        return LoadedModel(plan, worker, info, frozenset(files.used), files.in_use)

    async def _plan_downloads(
        self, hub: HubFiles, options: PipelineOptions, on_progress: ProgressCallback | None
    ) -> None:
        model, revision, task = str(options.model_id), str(options.model_revision), str(options.task_name)
        if sizes := await hub.total.planned(model, revision, task, str(options.dtype)):
            with Reporter(on_progress, PLANNING, model, {"sizes": sizes}) as reporter:
                reporter.plan(sum(sizes.values()))

    async def _allow_list(
        self, options: PipelineOptions, settings: SettingsService, on_progress: ProgressCallback | None
    ) -> AllowList:
        if not has_files(str(options.task_name), str(options.model_id)):
            return AllowList((), ())  # as Firefox: the list is asked for by what fetches files
        return AllowList.of(await settings.client.get(ALLOW_DENY_LIST, on_progress))

    async def _start(
        self,
        worker: EngineWorker,
        plan: Plan,
        wasm: Blob,
        files: EngineFileProvider,
        on_progress: ProgressCallback | None,
        without: Fallbacks,
    ) -> Mapping[str, Any]:
        options = plan.options
        device, threads = without.of(options.device, options.num_threads)
        message: dict[str, Any] = {
            "task": options.task_name,
            "modelId": options.model_id,
            "modelRevision": options.model_revision,
            "hubRootUrl": options.model_hub_root_url,
            "hubUrlTemplate": options.model_hub_url_template,
            "dtype": options.dtype,
            "device": runtime_selection.requested_device(device),
            "numThreads": threads,
            "logSeverity": _SEVERITIES.get(options.log_level or "", 2),
            "useExternalDataFormat": options.use_external_data_format or None,
        }
        if without.model:
            message["filesOnly"] = True
        if options.task_name in FIREFOX_TASKS:
            message["config"] = _config(options)
        with Reporter(on_progress, STARTING_ENGINE, options.engine_id):
            return await worker.create(message, wasm, files, await files.kept(plan.files))


_SEVERITIES = {"All": 0, "Trace": 0, "Debug": 0, "Info": 1, "Warn": 2, "Error": 3, "Critical": 4}
"""onnxruntime's severities by Firefox's levels: the least that is logged, to the browser's console."""


def _config(options: PipelineOptions) -> dict[str, Any]:
    """Return what Firefox's own tasks are told: its options that are set (``applyToConfig``), and two defaults."""
    revision = options.model_revision
    given = {name: value for name, value in options.to_dict().items() if value is not None}
    return {"backend": "onnx", "tokenizerRevision": revision, "processorRevision": revision, **given}


def _told(options: PipelineOptions) -> dict[str, Any]:
    names = ("engine_id", "task_name", "model_id", "model_revision", "dtype")
    return {name: getattr(options, name) for name in names}
