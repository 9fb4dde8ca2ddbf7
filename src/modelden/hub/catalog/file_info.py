"""The record of a repository file, and the protocol of a reader that gets such records from signed manifests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from modelden.settings.records import is_sha256

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


_GIT_OID = re.compile(r"[0-9a-f]{40}")


def checked_info(path: object, size: object, sha256: object, git_oid: object) -> FileInfo:
    """Return the record of a file of a hub's list; hashes of other forms are unknown.

    Raises:
        TypeError: If path or size are none.
    """
    if not isinstance(path, str) or type(size) is not int or size < 0:
        raise TypeError(f"a file has a path and a size, not {path!r} and {size!r}")
    oid = git_oid if isinstance(git_oid, str) and _GIT_OID.fullmatch(git_oid) else None
    return FileInfo(path, size, sha256 if isinstance(sha256, str) and is_sha256(sha256) else None, oid)


class ManifestReader(Protocol):
    """Looks up files in signed manifests: `manifests.Manifests`."""

    async def expected(self, file: ModelFile, /) -> ExpectedFile:
        """Return the expected size and SHA-256 of a file."""

    async def expected_stored(self, files: Sequence[ModelFile], /) -> list[ExpectedFile]:
        """Return the same for files that are stored already."""

    async def files(self, model: str, revision: str, /) -> tuple[FileInfo, ...] | None:
        """Return the files of a revision; None when no manifest names it."""
