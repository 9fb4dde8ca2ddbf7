"""The record of a repository file, and the protocol of a reader that gets such records from signed manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from modelden.hub.catalog.integrity import ExpectedFile
    from modelden.hub.catalog.names import ModelFile


class FileInfo(NamedTuple):
    """A file of a repository, as a manifest or a listing describes it.

    Attributes:
        path: Path in the repository.
        size: In bytes; None when unknown.
        sha256: SHA-256 in lower-case hexadecimal; None when unknown.
        git_oid: Name as a git blob, a SHA-1 in hexadecimal; None when unknown.
    """

    path: str
    size: int | None = None
    sha256: str | None = None
    git_oid: str | None = None


class ManifestReader(Protocol):
    """Looks up files in signed manifests: `manifests.Manifests`."""

    async def expected(self, file: ModelFile, /) -> ExpectedFile:
        """Return the expected size and SHA-256 of a file."""

    async def expected_stored(self, file: ModelFile, /) -> ExpectedFile:
        """Return the same for a file that is stored already."""

    async def files(self, model: str, revision: str, /) -> tuple[FileInfo, ...] | None:
        """Return the files of a revision; None when no manifest names it."""
