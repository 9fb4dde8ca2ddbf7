"""A file of a model, as `ModelHub.get_model_file` gives it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelden.hub.store.records import etag_of

if TYPE_CHECKING:
    from modelden.ports import Blob


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a model, its bytes outside Python until they are read.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        path: Path in the repository.
        size: In bytes.
        sha256: SHA-256 in lower-case hexadecimal.
        integrity: Who vouches for it: ``signed``, ``hub`` or ``first-seen``.
        headers: Firefox's header record: ``Content-Type``, ``Content-Length``, ``ETag``, ``fileSize``, ``lastUpdated``,
            ``lastUsed``.
        blob: Handle of the browser's ``Blob``.
    """

    __module__ = "modelden"

    model: str
    revision: str
    path: str
    size: int
    sha256: str
    integrity: str
    headers: Mapping[str, Any]
    blob: Blob = field(repr=False)

    async def read(self) -> bytes:
        """Copy all bytes into Python."""
        return await self.blob.read()

    def response(self) -> FileResponse:
        """Return the file as an answer to a request for it (Firefox: ``getModelFileAsResponse``)."""
        told = {"content-type": self.headers["Content-Type"], "content-length": str(self.size)}
        etag = etag_of(self.headers)
        return FileResponse(told if etag is None else {**told, "etag": etag}, self.blob)


@dataclass(frozen=True, slots=True)
class FileResponse:
    """A file as an answer: headers, and a body that may be read as often as wanted, a piece at a time.

    Attributes:
        headers: ``content-type``, ``content-length`` and, if the hub gave one, ``etag``, of the bytes as they are kept.
        blob: The body: the handle of the browser's ``Blob``, for JavaScript that wants one.
    """

    __module__ = "modelden"

    headers: Mapping[str, str]
    blob: Blob = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Copy the body into Python piece by piece, in its order."""
        async for chunk in self.blob.chunks():
            for piece in chunk.buffers():
                yield bytes(piece)

    async def read(self) -> bytes:
        """Copy the whole body into Python."""
        return await self.blob.read()

    async def text(self) -> str:
        """Return the body as text.

        Raises:
            UnicodeDecodeError: If it is not UTF-8.
        """
        return (await self.read()).decode()

    async def json(self) -> Any:
        """Return the body's JSON as Python's own data.

        Raises:
            ValueError: If it is none.
        """
        return json.loads(await self.read())
