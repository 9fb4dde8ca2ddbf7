"""The loader of ONNX sessions: takes a model's name, or its bytes, to an open session."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from modelden.config import Configuration
from modelden.core.cleanup import clean_up
from modelden.core.events import (
    CHOOSING_OPTIONS,
    STARTING_ENGINE,
    EventEmitter,
    Events,
    ProgressCallback,
    Reporter,
)
from modelden.engine import runtime_selection
from modelden.engine.memory_guard import LoadWatch, MemoryGuard
from modelden.engine.onnx import OnnxModelInfo
from modelden.engine.plan import Fallbacks
from modelden.engine.runtime_selection import Bundle, RuntimeChoice
from modelden.errors import EngineError, InputError, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.records import FileKey
from modelden.hub.store.usage import Consumer, ModelLease
from modelden.loading.engine_loader import ALLOW_DENY_LIST
from modelden.loading.file_provider import revalidate
from modelden.loading.load_retry import RETRYABLE, check_stored_files, next_fallbacks
from modelden.loading.onnx_file_provider import OnnxFileProvider, OnnxSource
from modelden.loading.onnx_session import OnnxSession
from modelden.loading.runtime_cache import RuntimeCache
from modelden.loading.session_pool import PoolKey, SessionMoved, SessionPool
from modelden.ports import Blob, Ports, WorkerSpec
from modelden.settings.service import SettingsService

logger = logging.getLogger(__name__)

ONNX_TASK = "onnx"
"""The task of raw models in the usage of stored files."""


ONNX_ENGINE_ID = "onnx-session"
"""The engine of raw models in the usage of stored files and in events."""


class _Request(NamedTuple):
    """A model to open.

    Attributes:
        source: The model.
        runtime: The runtime that was selected.
        options: ``OpenOptions`` of ``web/worker/session_protocol.ts``.
        on_progress: Called with each step of a download.
        is_alone: No other session joins its worker.
    """

    source: OnnxSource
    runtime: RuntimeChoice
    options: Mapping[str, Any]
    on_progress: ProgressCallback | None
    is_alone: bool = False


class OnnxSessionLoader:
    """Opens raw models for one configuration.

    Attributes:
        runtimes: The choice of the runtime for each device.
    """

    def __init__(
        self,
        config: Configuration,
        bundles: Sequence[Bundle],
        ports: Ports,
        open_settings: Callable[[], Awaitable[SettingsService]],
        open_hub: Callable[[], Awaitable[HubFiles]],
        open_guard: Callable[[], Awaitable[MemoryGuard]],
        choose_runtime: Callable[[SettingsService, str, ProgressCallback | None], Awaitable[RuntimeChoice]],
        events: Events,
    ) -> None:
        """Create a loader; the arguments are a `Context`'s, and `EngineLoader.choose_runtime`."""
        self._config = config
        self._ports = ports
        self._bundles = bundles
        self._open_settings = open_settings
        self._open_hub = open_hub
        self._open_guard = open_guard
        self._pool = SessionPool(ports, is_shared=config.share_workers)
        self.runtimes = RuntimeCache(self._pool, open_settings, choose_runtime, ports.clock)
        self._events = events

    async def open(
        self, source: OnnxSource, options: Mapping[str, Any], on_progress: ProgressCallback | None = None
    ) -> OnnxSession:
        """Open a model.

        Args:
            source: The model.
            options: ``OpenOptions`` of ``web/worker/session_protocol.ts``.
            on_progress: Called with each step of a download.

        Raises:
            ModelDenError: The class says which step failed and what to do.
        """
        if not isinstance(source, OnnxSource):
            raise InputError("InferenceSession.load is for modelden.load_session; use that, or create().")
        try:
            with Reporter(on_progress, CHOOSING_OPTIONS, source.name, {"device": options["device"]}):
                pass
            runtime = await self.runtimes.get(options["device"], on_progress)
            runtime_selection.find_bundle(runtime.record, self._bundles)  # refused before anything is fetched
            session = await self._open(_Request(source, runtime, options, on_progress))
        except ModelDenError as error:
            EventEmitter(self._events, ONNX_ENGINE_ID).emit_error(error, "create")
            raise
        session.emit_ready()
        return session

    async def _open(self, request: _Request) -> OnnxSession:
        model = request.source.model
        if not isinstance(model, ModelFile):
            return await self._open_with_retries(request, None, None)
        key = f"{self._config.hub_root_url} {model.model} {model.revision} {model.file}"
        session: OnnxSession | None = None

        async def load(branch: BranchUpdate) -> OnnxSession:
            nonlocal session
            session = await self._open_with_retries(request, key, branch)
            return session

        try:
            result, _ = await (await self._open_hub()).load_branch(load)  # a branch's error is logged
        except BaseException:
            if session is not None:  # cancelled, or failed, while the branch was left
                clean_up(session.worker().close, session.lease.end)
            raise
        return result

    async def _open_with_retries(self, request: _Request, key: str | None, branch: BranchUpdate | None) -> OnnxSession:
        watch = await (await self._open_guard()).begin_load(key, request.source.name)
        fallbacks = Fallbacks(watch.one_thread_reason, request.runtime.no_gpu_reason)
        handled: Counter[type[Exception]] = Counter()
        try:
            while True:
                try:
                    return await self._load(request, fallbacks, watch, branch)
                except SessionMoved as error:
                    logger.warning("%s The model is opened in a worker of its own.", error)
                    request = request._replace(is_alone=True)
                except RETRYABLE as error:
                    fallbacks = next_fallbacks(fallbacks, error, handled)
        finally:
            watch.end()

    async def _load(
        self, request: _Request, fallbacks: Fallbacks, watch: LoadWatch, branch: BranchUpdate | None
    ) -> OnnxSession:
        record, requested = request.runtime.record, (request.options["device"], request.options["numThreads"])
        device, threads = fallbacks.apply(*requested)
        options = {**request.options, "device": device, "numThreads": threads}
        bundle = runtime_selection.find_bundle(record, self._bundles)
        spec = WorkerSpec(bundle.bundle, bundle.glue, bundle.sha256, threads)
        worker = self._pool.take(PoolKey(spec, str(device)), is_alone=request.is_alone)
        lease = ModelLease(self._ports.locks)
        try:
            settings = await self._open_settings()
            cid = self._config.cid(runtime_selection.COLLECTION)
            # A worker that runs has its runtime, so that nothing is read for a second model.
            wasm = None
            if not worker.has_runtime:
                wasm = await settings.attachments.get(cid, record, request.on_progress)
            files = await self._file_provider(request, settings, watch, lease, branch)
            try:
                with Reporter(request.on_progress, STARTING_ENGINE, request.source.name):
                    reply = await worker.open(options, wasm, await files.model(), files)
            except EngineError as error:
                delete_damaged_runtime = partial(settings.attachments.delete_if_damaged, cid, record)
                cause = files.first_error or await check_stored_files(
                    await self._open_hub(), files, delete_damaged_runtime, error
                )
                raise cause from error
            if branch:
                await branch.commit()
        except BaseException:
            clean_up(worker.close, lease.end)
            raise
        info = OnnxModelInfo.from_reply(
            {**reply, **fallbacks.reasons(*requested)}, options.get("options", {}).get("freeDimensionOverrides", {})
        )

        again = request._replace(source=files.reusable_source(), on_progress=None)

        async def reopen(gpu_loss: str | None, is_alone: bool) -> OnnxSession:  # noqa: FBT001  a callback
            runtime = request.runtime
            if gpu_loss is not None:
                runtime = RuntimeChoice(record, runtime_selection.gpu_lost_message(gpu_loss))
            return await self._open(again._replace(runtime=runtime, is_alone=is_alone))

        details = {"task_name": ONNX_TASK, "model": request.source.name}
        emitter = EventEmitter(self._events, ONNX_ENGINE_ID)
        return OnnxSession(worker, info, emitter, details, reopen, lease, self._ports)

    async def _file_provider(
        self,
        request: _Request,
        settings: SettingsService,
        watch: LoadWatch,
        lease: ModelLease,
        branch: BranchUpdate | None,
    ) -> OnnxFileProvider:
        model, on_progress = request.source.model, request.on_progress
        if not isinstance(model, ModelFile):
            return OnnxFileProvider(request.source, self._ports, watch)
        hub, consumer = await self._open_hub(), Consumer(ONNX_TASK, ONNX_ENGINE_ID)
        # Side by side: both wait for the browser's process.
        records, _ = await asyncio.gather(
            settings.client.get(ALLOW_DENY_LIST, on_progress), lease.add(hub.key(model).revision_key)
        )
        allow_list = AllowList.of(records)

        async def preflight() -> None:
            await hub.preflight.check_session(model)

        async def fetch(file: ModelFile) -> Blob:
            await lease.add(hub.key(file).revision_key)
            cached = await hub.get(
                file,
                consumer,
                allow_list,
                on_progress,
                branch=branch,
                # Once, before the model itself; the data beside it come later.
                before_download=preflight if file == model and hub.announces_files else None,
                check_size=partial(watch.account_expected, file.file),
            )
            return cached.blob

        async def validate(files: Mapping[FileKey, ModelFile]) -> list[FileKey]:
            return await revalidate(hub, files, consumer, allow_list, on_progress, branch)

        return OnnxFileProvider(request.source, self._ports, watch, fetch, hub.key, validate)
