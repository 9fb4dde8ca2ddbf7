"""From a model's name, or its bytes, to an open session: settings, runtime, files, worker."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from typing import Any

from modelden.config import Configuration
from modelden.engine import runtime
from modelden.engine.guard import Guard, Watch
from modelden.engine.lifecycle import CLOSED, CRASHED, READY
from modelden.engine.onnx import SessionInfo
from modelden.engine.plan import Without
from modelden.engine.runtime import Bundle
from modelden.engine.tensor import Tensor
from modelden.errors import EngineCrashed, EngineError, FileNotFoundOnHub, InputError, ModelDenError
from modelden.events import Events
from modelden.hub.allow_list import AllowList
from modelden.hub.branch import Branch
from modelden.hub.cache import Use
from modelden.hub.model_hub import HubFiles
from modelden.hub.names import ModelFile
from modelden.hub.partials import FileKey
from modelden.loading.attempts import check_files, load_carefully
from modelden.loading.loader import ALLOW_DENY_LIST
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
class Source:
    """A model: a file on the hub, a path, bytes, or a ``Blob`` of the page.

    Attributes:
        model: Which one.
        external: Files with more of its data, by the paths that the model names; a path's and the hub's are found.
    """

    model: ModelFile | PurePath | bytes | Any
    external: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How messages call it."""
        if isinstance(self.model, ModelFile):
            return f"{self.model.model} {self.model.file}"
        return str(self.model) if isinstance(self.model, PurePath) else "a model"


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


class SessionFiles:
    """The files of one model; a `ports.FileProvider` for those beside it."""

    def __init__(
        self,
        source: Source,
        ports: Ports,
        watch: Watch,
        fetch: Callable[[ModelFile], Awaitable[Blob]] | None = None,
        key: Callable[[ModelFile], FileKey] | None = None,
    ) -> None:
        """For one model.

        Args:
            source: The model.
            ports: The browser.
            watch: Asked before a file is given.
            fetch: Gets files of the hub.
            key: Tells their keys in the store.
        """
        self._source = source
        self._ports = ports
        self._watch = watch
        self._fetch = fetch
        self._key = key
        self.keys: set[FileKey] = set()
        self.failure: Exception | None = None

    async def model(self) -> Blob:
        """Return the model itself.

        Raises:
            InputError: If it cannot be read, or is nothing that a model can be.
            ModelDenError: As `HubFiles.get`.
        """
        model = self._source.model
        if isinstance(model, ModelFile):
            return await self._fetched(model)
        blob = self._ports.sessions.blob(_read(model) if isinstance(model, PurePath) else model)
        self._watch.admit(self._source.name, blob)
        return blob

    async def __call__(self, path: str) -> Blob | None:
        """Return the file at ``path``, as the model names it; None if there is none."""
        try:
            return await self._beside(path)
        except FileNotFoundOnHub as error:
            self.failure = error
            return None
        except ModelDenError as error:
            self.failure = error
            raise

    async def _beside(self, path: str) -> Blob | None:
        source, blob = self._source, self._ports.sessions.blob
        if path not in source.external and (path.startswith("/") or ".." in path.split("/")):
            raise InputError(f"The model names {path} for its data, which is not beside it.")
        if path not in source.external and isinstance(source.model, ModelFile):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(source.model.file), path))
            return await self._fetched(replace(source.model, file=name))
        data = source.external.get(path)
        if data is None and isinstance(source.model, PurePath) and _exists(source.model.parent / path):
            data = _read(source.model.parent / path)
        if data is None:
            return None
        found = blob(data)
        self._watch.admit(path, found)
        return found

    async def _fetched(self, file: ModelFile) -> Blob:
        if self._fetch is None or self._key is None:
            raise AssertionError("a file of the hub was to be fetched without one")
        blob = await self._fetch(file)
        self._watch.admit(file.file, blob)
        self.keys.add(self._key(file))
        return blob


def _read(path: PurePath) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a PurePath: in Pyodide its file system is memory
            return file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def _exists(path: PurePath) -> bool:
    try:
        open(path, "rb").close()  # noqa: PTH123  the same
    except OSError:
        return False
    return True
