"""The files of an ONNX session: a model of the hub, of Python's file system or of memory, and its external data."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from modelden.engine.memory_guard import LoadWatch
from modelden.engine.onnx_errors import status_error
from modelden.errors import FileNotFoundOnHub, InputError, ModelDenError
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.records import FileKey
from modelden.loading.file_provider import check_count
from modelden.ports import Blob, Ports


@dataclass(frozen=True, slots=True)
class OnnxSource:
    """The source of a raw model: a file on the hub, a path, bytes, or a ``Blob`` of the page.

    Attributes:
        model: The file, path, bytes or ``Blob``.
        external: External data of the model, by the paths that it names. A path and a file of the hub need none: their
            external data is beside them.
    """

    model: ModelFile | PurePath | bytes | Any
    external: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in messages."""
        if isinstance(self.model, ModelFile):
            return f"{self.model.model} {self.model.file}"
        return str(self.model) if isinstance(self.model, PurePath) else "a model"


class OnnxFileProvider:
    """The files of one model; a `ports.FileProvider` for its external data.

    Attributes:
        files: The files that came from the hub by their keys in the store.
        first_error: The error of the first file that could not be provided.
    """

    def __init__(
        self,
        source: OnnxSource,
        ports: Ports,
        watch: LoadWatch,
        fetch: Callable[[ModelFile], Awaitable[Blob]] | None = None,
        key: Callable[[ModelFile], FileKey] | None = None,
        revalidate: Callable[[Mapping[FileKey, ModelFile]], Awaitable[list[FileKey]]] | None = None,
    ) -> None:
        """Create a provider.

        Args:
            source: The model.
            ports: The browser.
            watch: Accounts for each file before it is loaded.
            fetch: Fetches a file of the hub.
            key: Returns the key of a file of the hub in the store.
            revalidate: Downloads files again of which the hub has other bytes.
        """
        self._source = source
        self._ports = ports
        self._watch = watch
        self._fetch = fetch
        self._key = key
        self._revalidate = revalidate
        self.files: dict[FileKey, ModelFile] = {}
        self.first_error: ModelDenError | None = None
        self._requested: set[str] = set()
        self._blob: Blob | None = None

    def reusable_source(self) -> OnnxSource:
        """Return the source of the model for another worker: bytes as the ``Blob`` that was made of them."""
        if self._blob is None or isinstance(self._source.model, ModelFile | PurePath):
            return self._source
        return replace(self._source, model=self._blob)

    async def revalidate(self) -> list[FileKey]:
        """Download the files again of which the hub has other bytes; as `EngineFileProvider.revalidate`."""
        return [] if self._revalidate is None else await self._revalidate(self.files)

    async def model(self) -> Blob:
        """Return the model itself.

        Raises:
            InputError: If it cannot be read, or is not of a type that a model can have.
            ModelDenError: As `HubFiles.get`.
        """
        model = self._source.model
        if isinstance(model, ModelFile):
            return await self._fetch_from_hub(model)
        blob = self._ports.sessions.to_blob(_read(model) if isinstance(model, PurePath) else model)
        self._blob = blob
        self._watch.account_loaded(self._source.name, blob)
        return blob

    async def __call__(self, path: str) -> Blob | None:
        """Return the external data at ``path``, as the model names it; None if there is none."""
        try:
            self._requested.add(path)
            check_count(len(self._requested))
            return await self._external_data(path)
        except FileNotFoundOnHub as error:
            self.first_error = self.first_error or error
            return None
        except ModelDenError as error:
            self.first_error = self.first_error or error
            raise

    async def _external_data(self, path: str) -> Blob | None:
        model, data = self._source.model, self._source.external.get(path)
        if data is None:
            if path.startswith("/") or ".." in path.split("/"):
                raise InputError(f"The model names {path} for its data, which is not beside it.")
            if isinstance(model, ModelFile):
                name = posixpath.normpath(posixpath.join(posixpath.dirname(model.file), path))
                return await self._fetch_from_hub(replace(model, file=name))
            if not isinstance(model, PurePath) or not _exists(model.parent / path):
                return None
            data = _read(model.parent / path)
        blob = self._ports.sessions.to_blob(data)
        self._watch.account_loaded(path, blob)
        return blob

    async def _fetch_from_hub(self, file: ModelFile) -> Blob:
        if self._fetch is None or self._key is None:
            raise AssertionError("a file of the hub was requested without a hub")
        blob = await self._fetch(file)
        self._watch.account_loaded(file.file, blob)
        self.files[self._key(file)] = file
        return blob


def _read(path: PurePath) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  a PurePath: in Pyodide its file system is memory
            return file.read()
    except FileNotFoundError as error:
        text = f"Load model from {path} failed:Load model {path} failed. File doesn't exist"
        raise status_error(3, text) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def _exists(path: PurePath) -> bool:
    try:
        open(path, "rb").close()  # noqa: PTH123  the same
    except (OSError, ValueError):
        return False
    return True
