"""Archives in memory: packed, unpacked, and refused. Damaged ones are imported in `test_sharing`."""

from __future__ import annotations

import io
import tarfile
from hashlib import sha256

import pytest

from modelden.errors import InputError, IntegrityError
from modelden.hub.archive import INDEX, MEDIA_TYPE, ArchiveEntry, ArchiveIndex, pack, unpack
from tests.simulators.blobs import MemoryBlob, MemoryBlobs

BODIES = {
    "config.json": b"{}",
    "onnx/" + "long" * 60 + ".onnx": bytes(range(256)) * 5,
    "empty.txt": b"",
    "block": b"x" * 512,
}


def entry(path: str, body: bytes) -> ArchiveEntry:
    return ArchiveEntry(path, len(body), sha256(body).hexdigest(), "application/octet-stream", None)


def packed(bodies: dict[str, bytes], listed: dict[str, bytes] | None = None) -> MemoryBlob:
    files = tuple(entry(path, body) for path, body in (listed or bodies).items())
    index = ArchiveIndex("org/model", "v1", files)
    blob = pack(MemoryBlobs(), index, {path: MemoryBlob(body) for path, body in bodies.items()})
    assert isinstance(blob, MemoryBlob)
    return blob


async def test_what_is_packed_is_unpacked() -> None:
    archive = packed(BODIES)
    index, bodies = await unpack(archive, "a.tar")

    assert {path: await body.read() for path, body in bodies.items()} == BODIES
    assert index == ArchiveIndex("org/model", "v1", tuple(entry(path, body) for path, body in BODIES.items()))
    assert archive.content_type == MEDIA_TYPE


def test_other_programs_can_read_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(BODIES).data), mode="r:") as tar:
        assert tar.getnames() == [INDEX, *(f"org/model/v1/{path}" for path in BODIES)]


async def test_an_archive_without_files_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\.tar has no files"):
        await unpack(packed({}), "a.tar")


async def test_a_tar_that_has_only_its_end_is_refused() -> None:
    with pytest.raises(InputError, match="it is empty"):
        await unpack(MemoryBlob(bytes(1024)), "a.tar")


async def test_an_index_that_is_too_large_is_not_read() -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:") as file:
        info = tarfile.TarInfo(INDEX)
        info.size = 5 * 1024 * 1024
        file.addfile(info, io.BytesIO(bytes(info.size)))
    with pytest.raises(InputError, match=f"it begins with '{INDEX}'"):
        await unpack(MemoryBlob(tar.getvalue()), "a.tar")


async def test_sizes_are_those_of_the_index() -> None:
    archive = packed({"a.txt": b"some"}, listed={"a.txt": b"other"})
    with pytest.raises(IntegrityError, match=r"a\.tar: org/model/v1/a\.txt.*expected 5 bytes, got 4 bytes"):
        await unpack(archive, "a.tar")


@pytest.mark.parametrize("wrong", [{"size": "5"}, {"size": True}, {"path": None}, {"etag": 5}])
def test_an_entry_has_the_right_types(wrong: dict[str, object]) -> None:
    fields = {"path": "a", "size": 5, "sha256": "a" * 64, "content_type": "", "etag": None, **wrong}
    with pytest.raises(TypeError, match="other types"):
        ArchiveEntry(**fields)  # type: ignore[arg-type]  # that is the test


def bomb(*members: tuple[str, bytes]) -> MemoryBlob:
    """An archive with these members before its end."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:") as file:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
    return MemoryBlob(tar.getvalue())


@pytest.mark.parametrize("name", ["org/model/v1/other.txt", "org/model/v1/a.txt"], ids=["another", "again"])
async def test_a_member_that_the_index_does_not_name_ends_the_reading(name: str) -> None:
    index = ArchiveIndex("org/model", "v1", (entry("a.txt", b"some"),)).to_json()
    members = [(INDEX, index), ("org/model/v1/a.txt", b"some"), *[(name, b"some")] * 50]
    reads = 0

    class CountedBlob(MemoryBlob):
        def slice(self, start: int, end: int) -> MemoryBlob:
            nonlocal reads
            reads += 1
            return super().slice(start, end)

    with pytest.raises(IntegrityError, match="expected no such file, got 4 bytes"):
        await unpack(CountedBlob(bomb(*members).data), "a.tar")
    assert reads <= 6


async def test_a_member_of_a_negative_size_is_refused() -> None:
    index = ArchiveIndex("org/model", "v1", (entry("a.txt", b"some"),)).to_json()
    header = tarfile.TarInfo("org/model/v1/a.txt")
    header.size = -1024
    data = bomb((INDEX, index)).data[: 512 - -len(index) // 512 * 512] + header.tobuf(tarfile.GNU_FORMAT)

    with pytest.raises((InputError, IntegrityError)):
        await unpack(MemoryBlob(data + bytes(1024)), "a.tar")
