"""A model as one file, to be carried to where there is no network: an uncompressed tar.

Its first member is the index `INDEX`; the others are the files at ``organization/name/revision/path``, as a hub has
them. Headers are made and read by Python's `tarfile`; the files themselves stay outside Python, and none is copied.
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
"""Bytes that are looked at for a header: extended ones, for long names and large files, are three blocks and more."""

_INDEX_LIMIT = 4 * 1024 * 1024
"""Bytes that an index may have: some ten thousand files."""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file of an archive, as its index tells.

    Attributes:
        path: Path in the repository.
        size: In bytes.
        sha256: SHA-256 in lower-case hexadecimal.
        content_type: Media type.
        etag: The hub's entity tag, or None when it sent none.
    """

    path: str
    size: int
    sha256: str
    content_type: str
    etag: str | None

    def __post_init__(self) -> None:
        """Check the types, which may come from an index that somebody else wrote.

        Raises:
            TypeError: For a field that is something else.
        """
        texts = (self.path, self.sha256, self.content_type, self.etag or "")
        if type(self.size) is not int or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"a file's entry with other types: {self}")


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """What an archive has.

    Attributes:
        model: ``organization/name``.
        revision: Branch or version.
        files: Its files, in the order in which they follow.
    """

    model: str
    revision: str
    files: tuple[ArchiveEntry, ...]

    def name(self, path: str) -> str:
        """Return the name of a file's member."""
        return f"{self.model}/{self.revision}/{path}"

    def to_json(self) -> bytes:
        """Return the index."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1).encode()


def pack(blobs: Blobs, contents: ArchiveIndex, bodies: Mapping[str, Blob]) -> Blob:
    """Return an archive; nothing is copied or read.

    Args:
        blobs: Makes blobs.
        contents: What it is to have.
        bodies: Each file's bytes, by its path.
    """
    index = blobs.from_bytes(contents.to_json())
    parts = [*_member(blobs, INDEX, index)]
    for file in contents.files:
        parts += _member(blobs, contents.name(file.path), bodies[file.path])
    return blobs.join([*parts, blobs.from_bytes(bytes(2 * _BLOCK))], MEDIA_TYPE)


async def unpack(archive: Blob, name: str) -> tuple[ArchiveIndex, dict[str, Blob]]:
    """Return what an archive has, and its files' bytes by path; their hashes are still to be checked.

    Args:
        archive: The archive.
        name: What it is called in errors.

    Raises:
        InputError: If it is no archive of `pack`, or of a newer version.
        IntegrityError: If it is cut, or its members are not what its index says.
    """
    contents: ArchiveIndex | None = None
    bodies: dict[str, Blob] = {}
    async for member, body in _members(archive, name):
        if contents is None:
            if member != INDEX or body.size > _INDEX_LIMIT:
                raise _no_archive(name, f"it begins with {member!r}, not with {INDEX}")
            contents = _contents(name, await body.read())
        else:
            bodies[member] = body
    if contents is None:
        raise _no_archive(name, "it is empty")
    sizes = {contents.name(file.path): file.size for file in contents.files}
    found = {member: body.size for member, body in bodies.items()}
    for member in sizes.keys() | found.keys():
        if sizes.get(member) != found.get(member):
            raise IntegrityError(f"{name}: {member}", _bytes(sizes.get(member)), _bytes(found.get(member)))
    return contents, {file.path: bodies[contents.name(file.path)] for file in contents.files}


def _member(blobs: Blobs, name: str, body: Blob) -> Iterable[Blob]:
    info = tarfile.TarInfo(name)
    info.size = body.size
    yield blobs.from_bytes(info.tobuf(tarfile.PAX_FORMAT))
    yield body
    yield blobs.from_bytes(bytes(-body.size % _BLOCK))


async def _members(archive: Blob, name: str) -> AsyncIterator[tuple[str, Blob]]:
    at = 0
    while at < archive.size:
        member = _header(name, at, await archive.slice(at, at + _HEADER_SIZE).read())
        if member is None:
            return
        start = at + member.offset_data
        if not member.isfile():
            raise _no_archive(name, f"{member.name} is no file")
        yield member.name, archive.slice(start, start + member.size)
        at = start + member.size + -member.size % _BLOCK
    raise IntegrityError(name, "the end of an archive", f"nothing after {archive.size} bytes: it is cut")


def _header(name: str, at: int, data: bytes) -> tarfile.TarInfo | None:
    """Return the member whose header begins the data; None at the end of the archive."""
    if not any(data[:_BLOCK]):
        return None
    try:
        # With nothing but the header at hand, tarfile reads just that.
        with tarfile.open(fileobj=BytesIO(data), mode="r:") as tar:
            return tar.next()
    except tarfile.TarError as error:
        if at == 0:
            raise _no_archive(name, f"it is no tar ({error})") from error
        raise IntegrityError(name, f"a file's header at byte {at}", f"something else ({error})") from error


def _contents(name: str, index: bytes) -> ArchiveIndex:
    try:
        found: dict[str, Any] = parse_json(index.decode())
        version, listed = found["version"], found["files"]
        if version != VERSION:
            raise InputError(f"{name} has version {version} of this format, and modelden {VERSION}: update modelden.")
        files = tuple(ArchiveEntry(**each) for each in listed)
        contents = ArchiveIndex(found["model"], found["revision"], files)
        if not files:
            raise InputError(f"{name} has no files.")
        for file in files:
            ModelFile(contents.model, contents.revision, file.path)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _no_archive(name, f"its index cannot be understood ({error!r})") from error
    return contents


def _no_archive(name: str, reason: str) -> InputError:
    return InputError(f"{name}: expected an archive that export_model() made, but {reason}.")


def _bytes(size: int | None) -> str:
    return "no such file" if size is None else f"{size} bytes"
