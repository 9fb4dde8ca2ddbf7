"""huggingface_hub's calls over a hub with a signed list of its files, and over one that lists nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelden.engine.runtime_selection import Bundle
from modelden.errors import FileNotFoundOnHub, InputError, QuotaExceeded, UnavailableError
from modelden.host.publish.tree import Tree
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub_file import HubFile
from modelden.huggingface import hub_download, snapshot_download
from modelden.model_hub import ModelHub
from modelden.sharing import import_files
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import AsgiFetcher
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN, TIMESTAMP, configured, write

WEIGHTS = "onnx/model_quantized.onnx"


class Hub:
    """A page, and the hub that it asks."""

    def __init__(self, application: Application, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        self.faults = application.faults
        self._monkeypatch = monkeypatch
        config = replace(configured(application, ORIGIN), manifests=True)
        self.profile = Profile(config, AsgiFetcher(application), bundle, ScriptedEngines([]))
        self.visit()

    def visit(self) -> None:
        """Load the page again."""
        self._monkeypatch.setattr("modelden.default_context.page.context", self.profile.visit())

    def downloads(self) -> list[str]:
        """The files that were asked for since the last call."""
        return [asked.split("/hub/")[1].partition("?")[0] for asked in self.profile.requests() if "GET /hub/" in asked]


@pytest.fixture
async def hub(tree: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    listed = [
        {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in FILES.items()
    ]
    manifest = {"id": "tiny", "modelId": "org/tiny", "revision": "v1.0", "files": listed, "last_modified": TIMESTAMP}
    records = json.dumps({"timestamp": TIMESTAMP, "records": [manifest]})
    write(tree / "settings/main/ml-model-manifests.json", records.encode())
    made = Hub(Application(Tree(tree)), bundle, monkeypatch)
    yield made
    await made.profile.close()


async def test_a_file_is_downloaded_once_and_stays_outside(hub: Hub) -> None:
    for _ in range(2):
        file = await hub_download("org/tiny", WEIGHTS, revision="v1.0")
        assert isinstance(file, HubFile)
        assert await file.read() == FILES[WEIGHTS]
        hub.visit()

    assert hub.downloads() == [f"org/tiny/v1.0/{WEIGHTS}"]
    (kept,) = await ModelHub().list_files(task_name="hub-download")
    assert kept.path == WEIGHTS


async def test_a_file_is_written_where_it_is_wanted(hub: Hub, tmp_path: Path) -> None:
    path = await hub_download("org/tiny", "model_quantized.onnx", subfolder="onnx", local_dir=tmp_path / "new")

    assert path == str(tmp_path / "new" / WEIGHTS)
    assert read(path) == FILES[WEIGHTS]
    assert hub.downloads() == [f"org/tiny/main/{WEIGHTS}"]


async def test_without_room_for_all_of_a_snapshot_none_of_it_is_asked_for(hub: Hub) -> None:
    page, total = hub.profile.page, sum(len(data) for data in FILES.values())
    page.leave(total - 1)
    with pytest.raises(QuotaExceeded, match=r"localhost/org/tiny/v1\.0 ") as caught:
        await snapshot_download("org/tiny", revision="v1.0")
    assert caught.value.needed == total
    assert hub.downloads() == []

    await snapshot_download("org/tiny", revision="v1.0", ignore_patterns="config.json")
    hub.downloads()


async def test_what_is_not_there_is_told(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundOnHub):
        await hub_download("org/tiny", "none.json", local_dir=tmp_path / "new")
    with pytest.raises(InputError):
        await hub_download("org/tiny", "../etc/passwd", local_dir=tmp_path / "new")
    assert sorted(folder.name for folder in within(tmp_path)) == ["tree"]
    hub.downloads()


@pytest.mark.parametrize(
    ("allow", "ignore", "expected"),
    [
        (None, None, sorted(FILES)),
        ("*.json", None, ["config.json", "tokenizer.json"]),
        (["onnx/"], None, [WEIGHTS]),
        (None, ["*.onnx", "tok*"], ["config.json"]),
        (["*.json"], "config*", ["tokenizer.json"]),
        (["*.safetensors"], None, []),
        ([], None, []),
    ],
)
async def test_patterns_choose_as_in_huggingface_hub(
    hub: Hub, allow: str | list[str] | None, ignore: str | list[str] | None, expected: list[str]
) -> None:
    files = await snapshot_download("org/tiny", revision="v1.0", allow_patterns=allow, ignore_patterns=ignore)

    assert [file.path for file in files] == expected
    assert sorted(hub.downloads()) == [f"org/tiny/v1.0/{path}" for path in expected]


@pytest.mark.usefixtures("hub")
async def test_a_revision_is_written_to_a_folder(tmp_path: Path) -> None:
    folder = await snapshot_download("org/tiny", revision="v1.0", local_dir=tmp_path / "new")

    assert folder == str(tmp_path / "new")
    assert {path: read(tmp_path / "new" / path) for path in FILES} == FILES


@pytest.mark.usefixtures("hub")
async def test_a_name_that_begins_with_a_slash_stays_in_the_folder(tmp_path: Path) -> None:
    """A hub could write Python's own modules otherwise."""
    outside = tmp_path / "outside.json"
    await import_files({str(outside): b"{}"}, model="org/tiny", revision="v9")

    await snapshot_download("org/tiny", revision="v9", local_dir=tmp_path / "new")
    file = await hub_download("org/tiny", str(outside), revision="v9", local_dir=tmp_path / "one")

    assert not outside.exists()
    assert read(file) == read(tmp_path / "new" / str(outside)[1:]) == b"{}"
    assert Path(str(file)).is_relative_to(tmp_path / "one")


@pytest.mark.usefixtures("hub")
async def test_where_nobody_lists_files_what_is_kept_is_taken() -> None:
    with pytest.raises(UnavailableError, match="Nobody lists the files of org/tiny main, and none is kept"):
        await snapshot_download("org/tiny")
    await hub_download("org/tiny", "config.json")

    assert [file.path for file in await snapshot_download("org/tiny")] == ["config.json"]


async def test_when_one_file_fails_the_others_end(hub: Hub) -> None:
    hub.faults.set(Fault(path="*/config.json", status=403), Fault(path=f"*/{WEIGHTS}", delay_ms=3_600_000))
    with pytest.raises(UnavailableError, match="403"):
        await snapshot_download("org/tiny", revision="v1.0")

    kept = await ModelHub().list_files(model="localhost/org/tiny", revision="v1.0")
    assert WEIGHTS not in [file.path for file in kept]


def read(path: str | Path) -> bytes:
    return Path(path).read_bytes()


def within(folder: Path) -> list[Path]:
    return list(folder.iterdir())
