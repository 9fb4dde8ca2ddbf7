"""A file of a model, as `ModelHub.get_model_file` gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
