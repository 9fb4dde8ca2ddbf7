"""The files of a raw model: of the hub, of Python's file system, or bytes; and what the model keeps beside itself."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from modelden.engine.memory_guard import LoadWatch
from modelden.errors import FileNotFoundOnHub, InputError, ModelDenError
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.partials import FileKey
from modelden.ports import Blob, Ports


@dataclass(frozen=True, slots=True)
class OnnxSource:
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


class OnnxFileProvider:
    """The files of one model; a `ports.FileProvider` for those beside it."""

    def __init__(
        self,
        source: OnnxSource,
        ports: Ports,
        watch: LoadWatch,
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
        blob = self._ports.sessions.to_blob(_read(model) if isinstance(model, PurePath) else model)
        self._watch.account_loaded(self._source.name, blob)
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
        source, blob = self._source, self._ports.sessions.to_blob
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
        self._watch.account_loaded(path, found)
        return found

    async def _fetched(self, file: ModelFile) -> Blob:
        if self._fetch is None or self._key is None:
            raise AssertionError("a file of the hub was to be fetched without one")
        blob = await self._fetch(file)
        self._watch.account_loaded(file.file, blob)
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
