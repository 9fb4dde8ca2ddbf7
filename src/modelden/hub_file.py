"""`HubFile`: a file of a model, as `ModelHub.get_model_file` returns it, and its form as a response."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelden.errors import InputError
from modelden.hub.store.records import etag_of

if TYPE_CHECKING:
    from modelden.ports import Blob


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a model. Its bytes are outside Python until they are read.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        path: Path in the repository.
        size: Size in bytes.
        sha256: SHA-256 in lower-case hexadecimal.
        integrity: Source of the hash: ``signed``, ``hub`` or ``first-seen``.
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
        """Return the file as the response to a request for it (Firefox: ``getModelFileAsResponse``)."""
        headers = {"content-type": self.headers["Content-Type"], "content-length": str(self.size)}
        etag = etag_of(self.headers)
        return FileResponse(headers if etag is None else {**headers, "etag": etag}, self.blob)


@dataclass(frozen=True, slots=True)
class FileResponse:
    """A file as a response: headers, and a body that can be read repeatedly, a chunk at a time.

    Attributes:
        headers: ``content-type``, ``content-length`` and, if the hub sent one, ``etag``, of the stored bytes.
        blob: The body: the handle of the browser's ``Blob``, for JavaScript that needs one.
    """

    __module__ = "modelden"

    headers: Mapping[str, str]
    blob: Blob = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Copy the body into Python chunk by chunk, in its order."""
        async for chunk in self.blob.chunks():
            for buffer in chunk.buffers():
                yield bytes(buffer)

    async def read(self) -> bytes:
        """Copy the body into Python."""
        return await self.blob.read()

    async def text(self) -> str:
        """Return the body as text.

        Raises:
            InputError: If the body is not UTF-8.
        """
        try:
            return (await self.read()).decode()
        except UnicodeDecodeError as error:
            raise InputError(f"The file is no text in UTF-8: {error}.") from error

    async def json(self) -> Any:
        """Return the body's JSON as Python's own data.

        Raises:
            InputError: If the body is not JSON.
        """
        from modelden.settings.json_text import check_depth  # rare

        data = await self.read()
        try:
            text = data.decode(json.detect_encoding(data))
            check_depth(text)
            return json.loads(text)
        except ValueError as error:
            raise InputError(f"The file is no JSON: {error}.") from error
