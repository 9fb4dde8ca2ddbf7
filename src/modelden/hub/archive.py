"""Archives of models: one uncompressed tar for each, to be carried to a place without network.

The first member is the index `INDEX`. The others are the files at ``organization/name/revision/path``, as on a hub.
Python's `tarfile` writes and reads the headers. The files themselves stay outside of Python and are not copied.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

from modelden.errors import InputError, IntegrityError
from modelden.hub.catalog.names import ModelFile
from modelden.ports import Blob, Blobs
from modelden.settings.json_text import parse_json

INDEX = "modelden.json"
"""Name of the index: the fields of `ArchiveIndex` as JSON, and the version of this format."""

VERSION = 1

MEDIA_TYPE = "application/x-tar"

_BLOCK = tarfile.BLOCKSIZE
_HEADER_SIZE = 16 * _BLOCK
"""Bytes that are read for a header: an extended one, for a long name or a large file, has three blocks or more."""

_INDEX_LIMIT = 4 * 1024 * 1024
"""Maximum bytes of an index: some ten thousand files."""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file of an archive, as the index describes it.

    Attributes:
        path: Path in the repository.
        size: In bytes.
        sha256: SHA-256 in lower-case hexadecimal.
        content_type: Media type.
        etag: The hub's entity tag, or None.
    """

    path: str
    size: int
    sha256: str
    content_type: str
    etag: str | None

    def __post_init__(self) -> None:
        """Check the types: the index may be anybody's.

        Raises:
            TypeError: For a field of another type.
        """
        texts = (self.path, self.sha256, self.content_type, self.etag or "")
        if type(self.size) is not int or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"a file's entry with other types: {self}")


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """The index of an archive.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        files: The files, in the order of their members.
    """

    model: str
    revision: str
    files: tuple[ArchiveEntry, ...]

    def name(self, path: str) -> str:
        """Return the name of the member with a file."""
        return f"{self.model}/{self.revision}/{path}"

    def to_json(self) -> bytes:
        """Return the index as it is written."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1).encode()


def pack(blobs: Blobs, index: ArchiveIndex, bodies: Mapping[str, Blob]) -> Blob:
    """Return an archive; nothing is copied or read.

    Args:
        blobs: Makes blobs.
        index: The index.
        bodies: The bytes of each file, by path.
    """
    parts = [*_member(blobs, INDEX, blobs.from_bytes(index.to_json()))]
    for file in index.files:
        parts += _member(blobs, index.name(file.path), bodies[file.path])
    return blobs.join([*parts, blobs.from_bytes(bytes(2 * _BLOCK))], MEDIA_TYPE)


async def unpack(archive: Blob, name: str) -> tuple[ArchiveIndex, dict[str, Blob]]:
    """Return the index and the bytes of each file, by path. Their hashes are not checked yet.

    Args:
        archive: The archive.
        name: Its name in errors.

    Raises:
        InputError: If `pack` did not make it, or a newer version did.
        IntegrityError: If it is cut, or its members differ from its index.
    """
    index: ArchiveIndex | None = None
    expected: set[str] = set()
    bodies: dict[str, Blob] = {}
    async for member, body in _members(archive, name):
        if index is None:
            if member != INDEX or body.size > _INDEX_LIMIT:
                raise _format_error(name, f"it begins with {member!r}, not with {INDEX}")
            index = _parse_index(name, await body.read())
            expected = {index.name(file.path) for file in index.files}
        elif member not in expected or member in bodies:  # headers without end would fill the memory
            raise IntegrityError(f"{name}: {member}", _describe(None), _describe(body.size))
        else:
            bodies[member] = body
    if index is None:
        raise _format_error(name, "it is empty")
    _check_sizes(name, index, bodies)
    return index, {file.path: bodies[index.name(file.path)] for file in index.files}


def _check_sizes(name: str, index: ArchiveIndex, bodies: Mapping[str, Blob]) -> None:
    expected = {index.name(file.path): file.size for file in index.files}
    actual = {member: body.size for member, body in bodies.items()}
    for member in expected.keys() | actual.keys():
        if expected.get(member) != actual.get(member):
            raise IntegrityError(f"{name}: {member}", _describe(expected.get(member)), _describe(actual.get(member)))


def _member(blobs: Blobs, name: str, body: Blob) -> Iterable[Blob]:
    info = tarfile.TarInfo(name)
    info.size = body.size
    yield blobs.from_bytes(info.tobuf(tarfile.PAX_FORMAT))
    yield body
    yield blobs.from_bytes(bytes(-body.size % _BLOCK))


async def _members(archive: Blob, name: str) -> AsyncIterator[tuple[str, Blob]]:
    offset = 0
    while offset < archive.size:
        member = _parse_header(name, offset, await archive.slice(offset, offset + _HEADER_SIZE).read())
        if member is None:
            return
        start = offset + member.offset_data
        if not member.isfile() or member.size < 0:
            raise _format_error(name, f"{member.name} is no file")
        yield member.name, archive.slice(start, start + member.size)
        offset = start + member.size + -member.size % _BLOCK
    raise IntegrityError(name, "the end of an archive", f"nothing after {archive.size} bytes: it is cut")


def _parse_header(name: str, offset: int, data: bytes) -> tarfile.TarInfo | None:
    """Return the member whose header is at the start of the data; None at the end of the archive."""
    if not any(data[:_BLOCK]):
        return None
    try:
        # From these bytes tarfile can read only the header.
        with tarfile.open(fileobj=BytesIO(data), mode="r:") as tar:
            return tar.next()
    except tarfile.TarError as error:
        if offset == 0:
            raise _format_error(name, f"it is no tar ({error})") from error
        raise IntegrityError(name, f"a file's header at byte {offset}", f"something else ({error})") from error


def _parse_index(name: str, data: bytes) -> ArchiveIndex:
    try:
        members: dict[str, Any] = parse_json(data.decode())
        version, entries = members["version"], members["files"]
        if version != VERSION:
            raise InputError(f"{name} has version {version} of this format, and modelden {VERSION}: update modelden.")
        files = tuple(ArchiveEntry(**entry) for entry in entries)
        index = ArchiveIndex(members["model"], members["revision"], files)
        if not files:
            raise InputError(f"{name} has no files.")
        for file in files:
            ModelFile(index.model, index.revision, file.path)  # checks the names
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _format_error(name, f"its index cannot be understood ({error!r})") from error
    return index


def _format_error(name: str, reason: str) -> InputError:
    return InputError(f"{name}: expected an archive that export_model() made, but {reason}.")


def _describe(size: int | None) -> str:
    return "no such file" if size is None else f"{size} bytes"
