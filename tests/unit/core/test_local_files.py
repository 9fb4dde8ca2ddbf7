from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelden.core import local_files
from modelden.core.local_files import to_blob, write_file
from modelden.errors import InputError
from modelden.ports import Blob
from tests.simulators.blobs import MemoryBlob, MemoryBlobs, MemoryChunk

DATA = bytes(range(256)) * 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


async def content(blob: Blob) -> bytes:
    return b"".join([bytes(buffer) async for chunk in blob.chunks() for buffer in chunk.buffers()])


@pytest.mark.parametrize("size", [1, 1000, len(DATA) - 1, len(DATA), len(DATA) + 1])
async def test_a_file_is_read_in_chunks(file: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(local_files, "CHUNK_SIZE", max(size, 1000))
    blob = to_blob(file, MemoryBlobs(), "source")

    assert blob.size == len(DATA)
    assert await content(blob) == await blob.read() == DATA


@pytest.mark.parametrize(("start", "end"), [(0, 10), (10, 20), (len(DATA) - 5, len(DATA) + 5), (20, 10), (7, 7)])
async def test_a_slice_is_that_of_the_bytes(file: Path, start: int, end: int) -> None:
    part = to_blob(str(file), MemoryBlobs(), "source").slice(start, end)

    assert part.size == len(DATA[start:end])
    assert await content(part) == await part.read() == DATA[start:end]


async def test_bytes_and_blobs_are_taken_as_they_are() -> None:
    blob = MemoryBlob(b"blob")

    assert to_blob(blob, MemoryBlobs(), "source") is blob
    for data in (b"data", bytearray(b"data"), memoryview(b"data")):
        assert await to_blob(data, MemoryBlobs(), "source").read() == b"data"


@pytest.mark.parametrize("source", [None, 1, ["a"], object()])
def test_other_sources_are_refused_by_the_arguments_name(source: object) -> None:
    with pytest.raises(InputError, match=f"weights: expected .*, got {type(source).__name__}"):
        to_blob(source, MemoryBlobs(), "weights")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"weights: there is no file .*missing"):
        to_blob(tmp_path / "missing", MemoryBlobs(), "weights")


async def test_a_written_file_replaces_the_old_one(file: Path) -> None:
    target = file.parent / "new/folder/file"
    await write_file(MemoryBlob(DATA), target)
    await write_file(MemoryBlob(b"short"), target)

    assert target.read_bytes() == b"short"
    assert list(target.parent.iterdir()) == [target]


class BrokenBlob(MemoryBlob):
    async def chunks(self) -> AsyncIterator[MemoryChunk]:
        yield MemoryChunk(self.data[:5])
        raise OSError("the file system is full")


async def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(file: Path) -> None:
    with pytest.raises(InputError, match="full"):
        await write_file(BrokenBlob(b"0123456789"), file)

    assert await to_blob(file, MemoryBlobs(), "source").read() == DATA
    assert list(file.parent.iterdir()) == [file]
