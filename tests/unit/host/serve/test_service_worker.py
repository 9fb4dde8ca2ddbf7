from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from modelden.host.errors import HostError
from modelden.host.serve.service_worker import list_files, write_removal, write_service_worker


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    write(folder, "index.html", b"<title>page</title>")
    write(folder, "pyodide/pyodide.asm.wasm", b"\0asm" * 1000)
    write(folder, "pictures/a b (1).png", b"picture")
    return folder


def write(folder: Path, name: str, data: bytes = b"x") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def paths(folder: Path, *exclude: str) -> list[str]:
    return [file.path for file in list_files(folder, exclude)]


def list_in(file: Path) -> dict[str, object]:
    match = re.search(r"MODELDEN_SITE=(.*);$", file.read_text("utf-8"), re.MULTILINE)
    assert match
    content: dict[str, object] = json.loads(match[1])
    return content


def test_the_list_has_each_file_with_its_hash(site: Path) -> None:
    written = write_service_worker(site)

    picture = next(file for file in written.files if file.path.startswith("pictures"))
    assert (picture.path, picture.size) == ("pictures/a b (1).png", 7)
    assert picture.sha256 == hashlib.sha256(b"picture").hexdigest()
    assert list_in(site / "service-worker.js")["files"] == [
        [file.path, file.size, file.sha256] for file in written.files
    ]
    assert written.size == 19 + 4000 + 7


def test_hidden_files_and_the_file_itself_are_left_out(site: Path) -> None:
    before = paths(site)
    write(site, ".git/config")
    write(site, "pyodide/.part")
    write_service_worker(site)

    assert paths(site) == before


def test_a_tree_in_the_site_is_left_out(site: Path) -> None:
    write(site, "hub/acme/minilm/v1/config.json")
    assert "hub/acme/minilm/v1/config.json" in paths(site)

    write(site, "modelden.json")
    for folder in ("v1", "keys", "settings", "attachments", "chains"):
        write(site, f"{folder}/main/file.json")
    write(site, "guide/hub/index.html")

    assert paths(site) == ["guide/hub/index.html", "index.html", "pictures/a b (1).png", "pyodide/pyodide.asm.wasm"]


def test_patterns_leave_files_out(site: Path) -> None:
    assert paths(site, "pictures/*", "*.wasm") == ["index.html"]


def test_a_pattern_that_matches_nothing_is_an_error(site: Path) -> None:
    with pytest.raises(HostError, match=r"--exclude '\*.mp4' matches no file in .*site"):
        list_files(site, ["*.mp4"])


@pytest.mark.parametrize(
    ("names", "words"),
    [([], "is empty"), (["main.js"], "has no page"), (None, "There is no folder")],
)
def test_a_folder_that_is_no_site(tmp_path: Path, names: list[str] | None, words: str) -> None:
    folder = tmp_path / "other"
    if names is not None:
        folder.mkdir()
    for name in names or ():
        write(folder, name)

    with pytest.raises(HostError, match=words):
        write_service_worker(folder)


def test_other_files_make_another_version(site: Path) -> None:
    first = write_service_worker(site)
    again = write_service_worker(site)
    write(site, "index.html", b"<title>other</title>")
    third = write_service_worker(site)

    assert (first.is_changed, again.is_changed, third.is_changed) == (True, False, True)
    assert first.version == again.version != third.version
    assert list_in(third.path)["version"] == third.version


def test_a_dry_run_writes_nothing(site: Path) -> None:
    assert write_service_worker(site, dry_run=True).is_changed is True
    assert not (site / "service-worker.js").exists()


def test_a_site_that_is_too_large_is_refused_with_its_largest_files(site: Path) -> None:
    with pytest.raises(HostError, match=r"has 4.0 kB.* expected 4.0 kB at most.* pyodide/pyodide.asm.wasm \(4.0 kB\)"):
        write_service_worker(site, max_size=4000)

    assert not (site / "service-worker.js").exists()


@pytest.mark.parametrize("write_file", [write_service_worker, write_removal])
def test_a_service_worker_of_another_program_stays(site: Path, write_file: object) -> None:
    assert callable(write_file)
    write(site, "service-worker.js", b"importScripts('workbox.js')")

    with pytest.raises(HostError, match="another program"):
        write_file(site)

    assert (site / "service-worker.js").read_bytes() == b"importScripts('workbox.js')"


def test_the_removal_takes_the_place_of_the_file(site: Path) -> None:
    write_service_worker(site)

    assert list_in(write_removal(site)) is None
    assert write_service_worker(site).is_changed is True


def test_a_removal_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="There is no folder"):
        write_removal(tmp_path / "site")
