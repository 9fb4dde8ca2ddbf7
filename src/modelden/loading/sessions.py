"""From a model's name, or its bytes, to an open session: settings, runtime, files, worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from modelden.config import Configuration
from modelden.engine import runtime
from modelden.engine.guard import Guard, Watch
from modelden.engine.lifecycle import CLOSED, CRASHED, READY
from modelden.engine.onnx import SessionInfo
from modelden.engine.plan import Without
from modelden.engine.runtime import Bundle
from modelden.engine.tensor import Tensor
from modelden.errors import EngineCrashed, EngineError, ModelDenError
from modelden.events import Events
from modelden.hub.allow_list import AllowList
from modelden.hub.branch import Branch
from modelden.hub.cache import Use
from modelden.hub.model_hub import HubFiles
from modelden.hub.names import ModelFile
from modelden.loading.attempts import check_files, load_carefully
from modelden.loading.loader import ALLOW_DENY_LIST
from modelden.loading.session_files import SessionFiles, Source
from modelden.ports import Blob, Ports, SessionWorker
from modelden.progress import ProgressCallback
from modelden.settings.changeset import Record
from modelden.settings.service import SettingsService
from modelden.telling import Teller

TASK = "onnx"
"""The task by which files of raw models are counted."""


ENGINE = "onnx-session"
"""The engine by which they are counted, and that events name."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A model in a worker of its own.

    Attributes:
        worker: Runs it.
        info: What is known of it.
        teller: Tells what happens to it.
        about: What events say it is.
    """

    worker: SessionWorker
    info: SessionInfo
    teller: Teller
    about: Mapping[str, Any]

    async def infer(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> Mapping[str, Tensor]:
        """Run it once; the errors are those of `SessionWorker.infer`."""
        try:
            results = await self.worker.infer(outputs, feed)
        except ModelDenError as error:
            self.teller.failed(error, "run")
            if isinstance(error, EngineCrashed):
                self.teller.status(CRASHED, self.about)
            raise
        self.teller.ran(lambda: self.about)
        return results

    def close(self) -> None:
        """End the worker."""
        self.worker.close()
        self.teller.status(CLOSED, self.about)


class SessionLoader:
    """Opens raw models for one configuration."""

    def __init__(
        self,
        config: Configuration,
        ports: Ports,
        bundles: Sequence[Bundle],
        settings: Callable[[], Awaitable[SettingsService]],
        hub: Callable[[], Awaitable[HubFiles]],
        guard: Callable[[], Awaitable[Guard]],
        events: Events,
    ) -> None:
        """Nothing is opened yet; the arguments are a `Den`'s."""
        self._config = config
        self._ports = ports
        self._bundles = bundles
        self._settings = settings
        self._hub = hub
        self._guard = guard
        self._events = events

    async def open(
        self, source: Source, options: Mapping[str, Any], on_progress: ProgressCallback | None = None
    ) -> Opened:
        """Open a model.

        Args:
            source: The model.
            options: ``OpenOptions`` of ``web/worker/protocol.ts``.
            on_progress: Told of downloads.

        Raises:
            ModelDenError: The class says which step failed and what to do.
        """
        try:
            opened = await self._open(source, options, on_progress)
        except ModelDenError as error:
            Teller(self._events, ENGINE).failed(error, "create")
            raise
        opened.teller.status(READY, opened.about)
        return opened

    async def _open(self, source: Source, options: Mapping[str, Any], on_progress: ProgressCallback | None) -> Opened:
        settings = await self._settings()
        records = await settings.client.get(runtime.COLLECTION, on_progress)
        major, device = self._config.runtime_major, options["device"]
        record = runtime.choose(records, self._bundles, major=major, device=device)
        runtime.check_fits(record, runtime.bundle_of(record, self._bundles))
        key = None
        if isinstance(source.model, ModelFile):
            key = f"{self._config.hub_root_url} {source.model.model} {source.model.revision} {source.model.file}"

        async def load(branch: Branch | None) -> Opened:
            async def load_with(watch: Watch, without: Without) -> Opened:
                return await self._load(source, record, options, watch, without, on_progress, branch)

            return await load_carefully(await self._guard(), key, source.name, load_with)

        if key is None:
            return await load(None)
        opened, _ = await (await self._hub()).whole(load)  # what failed is logged
        return opened

    async def _load(
        self,
        source: Source,
        record: Record,
        options: Mapping[str, Any],
        watch: Watch,
        without: Without,
        on_progress: ProgressCallback | None,
        branch: Branch | None,
    ) -> Opened:
        wanted = options["device"], options["numThreads"]
        device, threads = without.of(*wanted)
        worker = self._ports.sessions.start_session(runtime.bundle_of(record, self._bundles).bundle)
        try:
            settings = await self._settings()
            wasm = await settings.attachments.get(self._config.cid(runtime.COLLECTION), record, on_progress)
            files = await self._files(source, settings, watch, on_progress, branch)
            model = await files.model()
            try:
                told = await worker.open({**options, "device": device, "numThreads": threads}, wasm, model, files)
            except EngineError as error:
                raise files.failure or await check_files(await self._hub(), files.keys, error) from error
            if branch:
                await branch.finish()
        except BaseException:
            worker.close()
            raise
        info = SessionInfo.of({**told, **without.reasons(*wanted)})
        return Opened(worker, info, Teller(self._events, ENGINE), {"task_name": TASK, "model": source.name})

    async def _files(
        self,
        source: Source,
        settings: SettingsService,
        watch: Watch,
        on_progress: ProgressCallback | None,
        branch: Branch | None,
    ) -> SessionFiles:
        if not isinstance(source.model, ModelFile):
            return SessionFiles(source, self._ports, watch)
        allow_list = AllowList.of(await settings.client.get(ALLOW_DENY_LIST, on_progress))
        hub = await self._hub()

        async def fetch(file: ModelFile) -> Blob:
            use, expect = Use(TASK, ENGINE), partial(watch.expect, file.file)
            return (await hub.get(file, use, allow_list, on_progress, branch=branch, expect=expect)).blob

        return SessionFiles(source, self._ports, watch, fetch, hub.key)
