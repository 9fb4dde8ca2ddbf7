"""From a model's name, or its bytes, to an open session: settings, runtime, files, worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from modelden.config import Configuration
from modelden.core.events import EventEmitter, Events
from modelden.core.progress import ProgressCallback
from modelden.engine import runtime_selection
from modelden.engine.memory_guard import LoadWatch, MemoryGuard
from modelden.engine.onnx import SessionInfo
from modelden.engine.plan import Fallbacks
from modelden.engine.runtime_selection import RuntimeChoice
from modelden.errors import EngineError, ModelDenError
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.files import HubFiles
from modelden.hub.store.tab_locks import ModelLease
from modelden.hub.store.usage import Consumer
from modelden.loading.engine_loader import ALLOW_DENY_LIST
from modelden.loading.load_retry import check_stored_files, load_with_retries
from modelden.loading.onnx_file_provider import OnnxFileProvider, OnnxSource
from modelden.loading.onnx_session import OnnxSession
from modelden.loading.runtime_catalog import RuntimeCatalog
from modelden.ports import Blob, Ports
from modelden.settings.changeset import Record
from modelden.settings.service import SettingsService

TASK = "onnx"
"""The task by which files of raw models are counted."""


ENGINE = "onnx-session"
"""The engine by which they are counted, and that events name."""


class OnnxSessionLoader:
    """Opens raw models for one configuration."""

    def __init__(
        self,
        config: Configuration,
        ports: Ports,
        runtimes: RuntimeCatalog,
        settings: Callable[[], Awaitable[SettingsService]],
        hub: Callable[[], Awaitable[HubFiles]],
        guard: Callable[[], Awaitable[MemoryGuard]],
        events: Events,
    ) -> None:
        """Nothing is opened yet; the arguments are a `Context`'s."""
        self._config = config
        self._ports = ports
        self._runtimes = runtimes
        self._settings = settings
        self._hub = hub
        self._guard = guard
        self._events = events

    async def open(
        self, source: OnnxSource, options: Mapping[str, Any], on_progress: ProgressCallback | None = None
    ) -> OnnxSession:
        """Open a model.

        Args:
            source: The model.
            options: ``OpenOptions`` of ``web/worker/protocol.ts``.
            on_progress: Told of downloads.

        Raises:
            ModelDenError: The class says which step failed and what to do.
        """
        try:
            chosen = await self._runtimes.choose(await self._settings(), options["device"], on_progress)
            self._runtimes.find_bundle(chosen.record)  # refused before anything is fetched
            opened = await self._open(source, chosen, options, on_progress)
        except ModelDenError as error:
            EventEmitter(self._events, ENGINE).emit_error(error, "create")
            raise
        opened.emit_ready()
        return opened

    async def _open(
        self,
        source: OnnxSource,
        chosen: RuntimeChoice,
        options: Mapping[str, Any],
        on_progress: ProgressCallback | None = None,
    ) -> OnnxSession:
        key = None
        if isinstance(source.model, ModelFile):
            key = f"{self._config.hub_root_url} {source.model.model} {source.model.revision} {source.model.file}"

        async def load(branch: BranchUpdate | None) -> OnnxSession:
            async def load_with(watch: LoadWatch, without: Fallbacks) -> OnnxSession:
                return await self._load(source, chosen.record, options, watch, without, on_progress, branch)

            return await load_with_retries(await self._guard(), key, source.name, load_with, chosen.no_gpu)

        if key is None:
            return await load(None)
        opened, _ = await (await self._hub()).load_branch(load)  # what failed is logged
        return opened

    async def _load(
        self,
        source: OnnxSource,
        record: Record,
        options: Mapping[str, Any],
        watch: LoadWatch,
        without: Fallbacks,
        on_progress: ProgressCallback | None,
        branch: BranchUpdate | None,
    ) -> OnnxSession:
        wanted = options["device"], options["numThreads"]
        device, threads = without.of(*wanted)
        bundle = self._runtimes.find_bundle(record)
        worker = self._ports.sessions.start_session(bundle.bundle, bundle.glue)
        in_use = ModelLease(self._ports.locks)
        try:
            settings = await self._settings()
            cid = self._config.cid(runtime_selection.COLLECTION)
            wasm = await settings.attachments.get(cid, record, on_progress)
            files = await self._files(source, settings, watch, in_use, on_progress, branch)
            model = await files.model()
            try:
                told = await worker.open({**options, "device": device, "numThreads": threads}, wasm, model, files)
            except EngineError as error:
                drop_runtime = partial(settings.attachments.drop_damaged, cid, record)
                checked = files.failure or await check_stored_files(await self._hub(), files.keys, drop_runtime, error)
                raise checked from error
            if branch:
                await branch.commit()
        except BaseException:
            worker.close()
            in_use.end()
            raise
        info = SessionInfo.of({**told, **without.reasons(*wanted)})

        async def again(reason: str) -> OnnxSession:
            return await self._open(source, RuntimeChoice(record, runtime_selection.gpu_lost_message(reason)), options)

        teller = EventEmitter(self._events, ENGINE)
        about = {"task_name": TASK, "model": source.name}
        return OnnxSession(
            worker, info, teller, about, again if info.device == runtime_selection.WEBGPU else None, in_use
        )

    async def _files(
        self,
        source: OnnxSource,
        settings: SettingsService,
        watch: LoadWatch,
        in_use: ModelLease,
        on_progress: ProgressCallback | None,
        branch: BranchUpdate | None,
    ) -> OnnxFileProvider:
        model = source.model
        if not isinstance(model, ModelFile):
            return OnnxFileProvider(source, self._ports, watch)
        allow_list = AllowList.of(await settings.client.get(ALLOW_DENY_LIST, on_progress))
        hub = await self._hub()

        async def ask_room() -> None:
            await hub.total.ask_for_session(model)

        async def fetch(file: ModelFile) -> Blob:
            await in_use.add(*hub.key(file)[:2])
            use, expect = Consumer(TASK, ENGINE), partial(watch.account_expected, file.file)
            # Asked once, before the model itself; the data beside it come later.
            room = ask_room if file == model else None
            kept = await hub.get(file, use, allow_list, on_progress, branch=branch, before_download=room, expect=expect)
            return kept.blob

        return OnnxFileProvider(source, self._ports, watch, fetch, hub.key)
