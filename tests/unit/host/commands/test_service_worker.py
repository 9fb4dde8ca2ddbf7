from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.host.publishing import facts_of, run


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<title>page</title>")
    for number in range(6):
        (folder / f"{number}.bin").write_bytes(b"x" * 1000 * (number + 1))
    return folder


def test_people_read_what_visitors_download(site: Path) -> None:
    result = run("service-worker", "site", cwd=site.parent)

    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["written", "version", "changed", "bytes", "files"]
    assert lines[3].endswith("21.0 kB")
    assert lines[4].endswith("5.bin: 6.0 kB")
    assert "and 2 smaller ones" in result.stdout
    assert '<script src="/service-worker.js"></script>' in result.stdout
    assert lines[-1].endswith("modelden serve TREE --site site")


def test_machines_read_the_whole_list(site: Path) -> None:
    facts = facts_of("service-worker", "site", "--exclude", "*.bin", cwd=site.parent)

    assert [(file["path"], file["size"]) for file in facts["files"]] == [("index.html", 19)]
    assert facts["bytes"] == 19


def test_a_limit_in_megabytes(site: Path) -> None:
    (site / "video.mp4").write_bytes(bytes(1_100_000))

    result = run("service-worker", "site", "--max-size", "1", cwd=site.parent)

    assert result.returncode == 2
    assert "video.mp4 (1.1 MB)" in result.stderr


def test_the_removal_is_a_file_in_its_place(site: Path) -> None:
    facts_of("service-worker", "site", cwd=site.parent)
    facts = facts_of("service-worker", "site", "--remove", cwd=site.parent)

    assert facts["written"] == "site/service-worker.js"
    assert "MODELDEN_SITE=null" in (site / "service-worker.js").read_text()
