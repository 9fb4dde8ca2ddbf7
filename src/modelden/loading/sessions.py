"""From a model's name, or its bytes, to an open session: settings, runtime, files, worker."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from modelden.config import Configuration
from modelden.engine import runtime
from modelden.engine.onnx import SessionInfo
from modelden.engine.runtime import Bundle
from modelden.errors import EngineError, FileNotFoundOnHub, InputError
from modelden.hub.allow_list import AllowList
from modelden.hub.cache import Use
from modelden.hub.model_hub import HubFiles
from modelden.hub.names import ModelFile
from modelden.loading.loader import ALLOW_DENY_LIST
from modelden.ports import Blob, Ports, SessionWorker
from modelden.progress import ProgressCallback
from modelden.settings.service import SettingsService

TASK = "onnx"
"""The task by which files of raw models are counted."""


@dataclass(frozen=True, slots=True)
class Source:
    """A model: a file on the hub, a path, bytes, or a ``Blob`` of the page.

    Attributes:
        model: Which one.
        external: Files with more of its data, by the paths that the model names; a path's and the hub's are found.
    """

    model: ModelFile | PurePath | bytes | Any
    external: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A model in a worker of its own."""

    worker: SessionWorker
    info: SessionInfo


class SessionLoader:
    """Opens raw models for one configuration."""

    def __init__(
        self,
        config: Configuration,
        ports: Ports,
        bundles: Sequence[Bundle],
        settings: Callable[[], Awaitable[SettingsService]],
        hub: Callable[[], Awaitable[HubFiles]],
    ) -> None:
        """Nothing is opened yet; the arguments are a `Den`'s."""
        self._config = config
        self._ports = ports
        self._bundles = bundles
        self._settings = settings
        self._hub = hub

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
        settings = await self._settings()
        records = await settings.client.get(runtime.COLLECTION, on_progress)
        major, device = self._config.runtime_major, options["device"]
        record = runtime.choose(records, self._bundles, major=major, device=device)
        bundle = runtime.bundle_of(record, self._bundles)
        runtime.check_fits(record, bundle)
        worker = self._ports.sessions.start_session(bundle.bundle)
        try:
            wasm = await settings.attachments.get(self._config.cid(runtime.COLLECTION), record, on_progress)
            files = await self._files(source, settings, on_progress)
            model = await files.model()
            try:
                told = await worker.open(options, wasm, model, files)
            except EngineError as error:
                raise files.failure or error from error
        except BaseException:
            worker.close()
            raise
        return Opened(worker, SessionInfo.of(told))

    async def _files(
        self, source: Source, settings: SettingsService, on_progress: ProgressCallback | None
    ) -> SessionFiles:
        if not isinstance(source.model, ModelFile):
            return SessionFiles(source, self._ports)
        allow_list = AllowList.of(await settings.client.get(ALLOW_DENY_LIST, on_progress))
        hub = await self._hub()

        async def fetch(file: ModelFile) -> Blob:
            return (await hub.get(file, Use(TASK, f"{TASK}-session"), allow_list, on_progress)).blob

        return SessionFiles(source, self._ports, fetch)


class SessionFiles:
    """The files of one model; a `ports.FileProvider` for those beside it."""

    def __init__(
        self, source: Source, ports: Ports, fetch: Callable[[ModelFile], Awaitable[Blob]] | None = None
    ) -> None:
        """For one model; ``fetch`` gets files of the hub."""
        self._source = source
        self._ports = ports
        self._fetch = fetch
        self.failure: Exception | None = None

    async def model(self) -> Blob:
        """Return the model itself.

        Raises:
            InputError: If it cannot be read, or is nothing that a model can be.
            ModelDenError: As `HubFiles.get`.
        """
        model = self._source.model
        if isinstance(model, ModelFile) and self._fetch is not None:
            return await self._fetch(model)
        if isinstance(model, PurePath):
            return self._ports.sessions.blob(_read(model))
        return self._ports.sessions.blob(model)

    async def __call__(self, path: str) -> Blob | None:
        """Return the file at ``path``, as the model names it; None if there is none."""
        if path in self._source.external:
            return self._ports.sessions.blob(self._source.external[path])
        if path.startswith("/") or ".." in path.split("/"):
            self.failure = InputError(f"The model names {path} for its data, which is not beside it.")
            return None
        model = self._source.model
        if isinstance(model, PurePath):
            beside = model.parent / path
            return self._ports.sessions.blob(_read(beside)) if _exists(beside) else None
        if isinstance(model, ModelFile) and self._fetch is not None:
            name = posixpath.normpath(posixpath.join(posixpath.dirname(model.file), path))
            try:
                return await self._fetch(ModelFile(model.model, model.revision, name))
            except FileNotFoundOnHub as error:
                self.failure = error
        return None


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
