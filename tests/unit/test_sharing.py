"""Models carried from one browser to another: archives and loose files."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from modelden.config import Configuration
from modelden.core import local_files
from modelden.core.events import ProgressEvent
from modelden.engine.runtime_selection import Bundle
from modelden.errors import InputError, IntegrityError, NoHash, QuotaExceeded, StorageUnavailable
from modelden.host.publish.tree import Tree
from modelden.host.serve.server import Application
from modelden.hub.archive import INDEX
from modelden.hub.catalog.names import ModelFile
from modelden.hub.download import chunk_writer
from modelden.sharing import ModelArchive, export_model, import_files
from tests.onnx_bodies import onnx_body
from tests.progress_figures import check_figures
from tests.simulators.blobs import MemoryBlob
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import AsgiFetcher
from tests.simulators.profile import Profile
from tests.unit.conftest import ORIGIN, TIMESTAMP, configured, write

WEIGHTS = onnx_body(640_000)
LONG = "/".join(["a-folder-with-a-name"] * 12) + "/model.onnx"
FILES = {"config.json": b'{"model_type": "bert"}', LONG: WEIGHTS[:1000], "empty.txt": b"", "onnx/model.onnx": WEIGHTS}
MODEL, REVISION = "localhost/org/big", "v1"
DIGESTS = {path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()}


class Rooms:
    """Two browsers: one that can reach the hub, and one that nobody has told anything yet."""

    def __init__(self, application: Application, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = configured(application, ORIGIN)
        self._monkeypatch = monkeypatch
        self.online, self.offline = (
            Profile(self.config, AsgiFetcher(application), bundle, ScriptedEngines([])) for _ in range(2)
        )

    def enter(self, room: Profile, **config: Any) -> None:
        """From now on the calls are made in a new page there."""
        values = {name: getattr(self.config, name) for name in Configuration.__dataclass_fields__}
        self._monkeypatch.setattr(
            "modelden.default_context.page.context", room.visit(Configuration(**{**values, **config}))
        )

    async def exported(self) -> ModelArchive:
        """The model, loaded and exported where the hub is."""
        from modelden.model_hub import ModelHub

        self.enter(self.online)
        for path in FILES:
            await ModelHub().get_model_file(task_name="task", model="org/big", revision=REVISION, file=path)
        archive = await export_model(MODEL, REVISION)
        self.enter(self.offline)
        return archive

    async def contents(self) -> dict[str, list[Any]]:
        return (await self.offline.database("modelFiles")).contents()


@pytest.fixture
async def rooms(tree: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    # A size, not behaviour: with the real one every file would be one chunk.
    monkeypatch.setattr(chunk_writer, "CHUNK_SIZE", 200_000)
    monkeypatch.setattr(local_files, "CHUNK_SIZE", 100_000)
    for path, data in FILES.items():
        write(tree / "hub/org/big/v1" / path, data)
    listed = [{"path": path, "size": len(data), "sha256": DIGESTS[path]} for path, data in FILES.items()]
    manifest = {"id": "big", "modelId": "org/big", "revision": "v1", "files": listed, "last_modified": TIMESTAMP}
    records = json.dumps({"timestamp": TIMESTAMP, "records": [manifest]})
    write(tree / "settings/main/ml-model-manifests.json", records.encode())
    made = Rooms(Application(Tree(tree)), bundle, monkeypatch)
    yield made
    await made.online.close()
    await made.offline.close()


def data_of(archive: ModelArchive) -> bytes:
    return cast("MemoryBlob", archive.blob).data


async def kept() -> dict[str, bytes]:
    """The stored files of this hub, read as an engine does."""
    from modelden.model_hub import ModelHub

    hub = await ModelHub().open()
    found = {}
    for path in FILES:
        file = await hub.store.cache.get(hub.key(ModelFile("org/big", REVISION, path)), None)
        if file is not None:
            assert file.sha256 == DIGESTS[path]
            found[path] = await file.blob.read()
    return found


async def test_an_archive_is_a_tar_that_unpacks_into_a_hub(rooms: Rooms) -> None:
    archive = await rooms.exported()

    with tarfile.open(fileobj=io.BytesIO(data_of(archive)), mode="r:") as tar:
        members = {member.name: cast("io.BufferedReader", tar.extractfile(member)).read() for member in tar}
    index = json.loads(members.pop(INDEX))
    assert members == {f"org/big/v1/{path}": data for path, data in FILES.items()}
    assert {file["path"]: file["sha256"] for file in index["files"]} == DIGESTS
    assert (archive.name, archive.size, set(archive.paths)) == ("big-v1.tar", len(data_of(archive)), set(FILES))
    assert data_of(await export_of(rooms)) == data_of(archive)


async def export_of(rooms: Rooms) -> ModelArchive:
    rooms.enter(rooms.online)
    return await export_model(MODEL, REVISION)


async def test_what_was_exported_here_is_there_without_a_request(rooms: Rooms) -> None:
    archive = await rooms.exported()
    events: list[ProgressEvent] = []

    imported = await import_files(archive, on_progress=events.append)

    assert await kept() == FILES
    assert {file.path: (file.sha256, file.integrity, file.hub) for file in imported} == {
        path: (digest, "first-seen", None) for path, digest in DIGESTS.items()
    }
    assert {file.etag for file in imported} == {f'"{digest}"' for digest in DIGESTS.values()}
    assert rooms.offline.requests() == []
    assert {event.type for event in events} == {"planning", "importing"}
    check_figures(events, completes=True)
    assert sum(event.current_loaded or 0 for event in events) == sum(map(len, FILES.values()))
    contents = await rooms.contents()
    assert {row["taskName"] for row in contents["tasks"]} == {"import"}
    assert "partials" not in contents


async def test_the_hub_finds_the_imported_files_current(rooms: Rooms) -> None:
    from modelden.model_hub import ModelHub

    await import_files(await rooms.exported())
    got = await ModelHub(allow_deny_list=[]).get_model_file(
        task_name="task", model="org/big", revision=REVISION, file="onnx/model.onnx"
    )

    assert await got.read() == WEIGHTS
    assert rooms.offline.requests() == []


@pytest.mark.parametrize("way", ["blob", "bytes", "path"])
async def test_an_archive_may_be_given_in_every_way(rooms: Rooms, tmp_path: Path, way: str) -> None:
    archive = await rooms.exported()
    path = await archive.save(tmp_path / "new" / archive.name)
    ways: dict[str, object] = {"blob": archive.blob, "bytes": data_of(archive), "path": path}

    await import_files(ways[way])
    assert await kept() == FILES


async def test_a_tar_that_others_packed_with_our_index_is_read(rooms: Rooms) -> None:
    archive = await rooms.exported()
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(data_of(archive)), mode="r:") as ours,
        tarfile.open(fileobj=packed, mode="w:", format=tarfile.GNU_FORMAT) as theirs,
    ):
        for member in ours:
            theirs.addfile(member, ours.extractfile(member))

    await import_files(packed.getvalue())
    assert await kept() == FILES


async def test_files_are_imported_by_their_paths(rooms: Rooms, tmp_path: Path) -> None:
    write(tmp_path / "model.onnx", WEIGHTS)
    rooms.enter(rooms.offline)
    files = {"onnx/model.onnx": tmp_path / "model.onnx", "config.json": FILES["config.json"]}

    await import_files(files, model="org/big", revision=REVISION, task_name="task")
    assert await kept() == {path: FILES[path] for path in files}


async def test_what_is_kept_already_is_not_stored_again(rooms: Rooms) -> None:
    archive = await rooms.exported()
    await import_files(archive)
    before = await rooms.contents()
    await import_files(archive)
    assert (await rooms.contents())["chunks"] == before["chunks"]

    await import_files({"again.onnx": WEIGHTS}, model="org/other", revision="v2")
    assert (await rooms.contents())["chunks"] == before["chunks"]
    rooms.enter(rooms.online)
    imported = await import_files(archive)
    assert {file.integrity for file in imported} == {"hub"}, "an import must not take the hub's word away"


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def with_index(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The archive with another index."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as ours, tarfile.open(fileobj=packed, mode="w:") as theirs:
        for member in ours:
            body = cast("io.BufferedReader", ours.extractfile(member)).read()
            if member.name == INDEX:
                index = json.loads(body)
                change(index)
                body = json.dumps(index).encode()
                member.size = len(body)
            theirs.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def add_link(data: bytes) -> bytes:
    packed = io.BytesIO(data)
    with tarfile.open(fileobj=packed, mode="a:") as tar:
        link = tarfile.TarInfo("org/big/v1/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return packed.getvalue()


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], type[Exception], str]] = {
    "a flipped bit of a file": (lambda data: changed(data, data.index(WEIGHTS) + 5), IntegrityError, "SHA-256"),
    "cut in a file": (lambda data: data[: data.index(WEIGHTS) + 1000], IntegrityError, "it is cut"),
    "cut between files": (lambda data: data[: data.index(WEIGHTS) - 512], IntegrityError, "it is cut"),
    "a damaged header": (lambda data: changed(data, data.index(WEIGHTS) - 500), IntegrityError, "header"),
    "empty": (lambda _: b"", IntegrityError, "it is cut"),
    "no tar": (lambda _: b"PK" + bytes(range(1, 200)) * 20, InputError, "it is no tar"),
    "another tar": (lambda data: data[1024:], InputError, "expected an archive that export_model"),
    "a link": (add_link, InputError, "is no file"),
    "another size": (
        lambda data: with_index(data, lambda index: index["files"][0].update(size=5)),
        IntegrityError,
        "expected 5 bytes",
    ),
    "another hash": (
        lambda data: with_index(data, lambda index: index["files"][3].update(sha256="0" * 64)),
        IntegrityError,
        "SHA-256 0000",
    ),
    "a missing file": (
        lambda data: with_index(data, lambda index: index["files"].append({**index["files"][0], "path": "more.txt"})),
        IntegrityError,
        "got no such file",
    ),
    "an unlisted file": (
        lambda data: with_index(data, lambda index: index["files"].pop()),
        IntegrityError,
        "expected no such file",
    ),
    "out of the folder": (
        lambda data: with_index(data, lambda index: index["files"][0].update(path="../../x")),
        InputError,
        "Invalid file name",
    ),
    "another model": (lambda data: with_index(data, lambda index: index.update(model="a/..")), InputError, "Invalid"),
    "wrong types": (
        lambda data: with_index(data, lambda index: index["files"][0].update(content_type=7)),
        InputError,
        "cannot be understood",
    ),
    "a newer version": (lambda data: with_index(data, lambda index: index.update(version=2)), InputError, "version 2"),
    "an index that is no object": (
        lambda data: data.replace(b'{\n "version"', b'[\n "version"'),
        InputError,
        "cannot be understood",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_of_a_damaged_archive_nothing_is_kept(rooms: Rooms, damage: str) -> None:
    archive = await rooms.exported()
    harm, error, said = DAMAGES[damage]
    with pytest.raises(error, match=said):
        await import_files(harm(data_of(archive)))

    assert await rooms.contents() == {}


async def test_of_an_archive_that_is_cut_on_disk_nothing_is_kept(rooms: Rooms, tmp_path: Path) -> None:
    archive = await rooms.exported()
    write(tmp_path / "cut.tar", data_of(archive)[:-2000])
    with pytest.raises(IntegrityError, match="it is cut"):
        await import_files(tmp_path / "cut.tar")
    assert await rooms.contents() == {}


async def test_an_import_that_is_cancelled_leaves_whole_files(rooms: Rooms) -> None:
    archive = await rooms.exported()

    def cancel(event: ProgressEvent) -> None:
        if (event.total_loaded or 0) > len(WEIGHTS) // 2:
            importing.cancel()

    importing = asyncio.ensure_future(import_files(archive, on_progress=cancel))
    with pytest.raises(asyncio.CancelledError):
        await importing

    contents = await rooms.contents()
    assert "partials" not in contents
    assert {row["content"] for row in contents["chunks"]} == {row["content"] for row in contents["files"]}
    await import_files(archive)
    assert await kept() == FILES


async def test_damaged_bytes_of_another_model_are_not_taken(rooms: Rooms) -> None:
    archive = await rooms.exported()
    await import_files({"other.onnx": WEIGHTS}, model="org/other", revision="v1")
    database = await rooms.offline.database("modelFiles")
    del database.rows["chunks"][next(iter(database.rows["chunks"]))]

    await import_files(archive)
    assert await kept() == FILES


async def test_files_that_cannot_be_right_are_refused(rooms: Rooms) -> None:
    rooms.enter(rooms.offline)
    for path, data in {"config.json": b"{", "model.onnx": b"<!doctype html><p>Sign in"}.items():
        with pytest.raises(IntegrityError):
            await import_files({"good.txt": b"good", path: data}, model="org/big", revision=REVISION)
    assert await rooms.contents() == {}


async def test_wrong_calls_say_what_to_give(rooms: Rooms, tmp_path: Path) -> None:
    archive = await rooms.exported()
    with pytest.raises(InputError, match="name model and revision"):
        await import_files({"a.txt": b""}, model="org/big")
    with pytest.raises(InputError, match="there is no file"):
        await import_files(tmp_path / "none.tar")
    with pytest.raises(InputError, match="expected a Blob or File of the page, bytes or a path, got int"):
        await import_files({"a.txt": 7}, model="org/big", revision=REVISION)
    with pytest.raises(InputError, match="the archive has org/big v1, not org/other"):
        await import_files(archive, model="org/other")
    with pytest.raises(InputError, match="Nothing is kept of localhost/org/big v2"):
        await export_model(MODEL, "v2")


async def test_no_room_is_told_and_what_was_there_stays(rooms: Rooms) -> None:
    archive = await rooms.exported()
    rooms.offline.page.quota = 300_000
    with pytest.raises(QuotaExceeded):
        await import_files(archive)
    assert "onnx/model.onnx" not in await kept()
    assert "partials" not in await rooms.contents()

    rooms.enter(rooms.offline, memory_when_full=True)
    with pytest.warns(UserWarning, match="from memory"):
        await import_files(archive)


async def test_where_hashes_are_required_an_archives_own_do_not_do(rooms: Rooms) -> None:
    archive = await rooms.exported()
    rooms.enter(rooms.offline, require_hashes=True)
    with pytest.raises(NoHash):
        await import_files(archive)
    assert await rooms.contents() == {}


async def test_the_signed_manifest_vouches_for_what_is_imported(rooms: Rooms) -> None:
    archive = await rooms.exported()
    rooms.enter(rooms.offline, manifests=True, require_hashes=True)
    assert {file.integrity for file in await import_files(archive)} == {"signed"}

    with pytest.raises(IntegrityError, match=f"expected {len(WEIGHTS)} bytes"):
        await import_files({"onnx/model.onnx": WEIGHTS[1:]}, model="org/big", revision=REVISION)


async def test_a_model_that_is_not_whole_is_not_exported(rooms: Rooms) -> None:
    await rooms.exported()
    database = await rooms.online.database("modelFiles")
    del database.rows["chunks"][next(iter(database.rows["chunks"]))]
    with pytest.raises(StorageUnavailable, match="not whole"):
        await export_of(rooms)


async def test_a_file_that_cannot_be_written_leaves_nothing(rooms: Rooms, tmp_path: Path) -> None:
    archive = await rooms.exported()
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(InputError, match="taken cannot be written"):
        await archive.save(tmp_path / "taken")
    assert hidden(tmp_path) == []


def hidden(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/.*"))
