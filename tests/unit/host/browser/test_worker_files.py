"""The files that `modelden assets` writes: those of workers, the script that starts Python, and the list of models."""

from __future__ import annotations

from pathlib import Path

from modelden.host.publish.runtimes import bundles
from tests.unit.host.publishing import run


def test_a_folder_gets_all_that_a_site_serves(tmp_path: Path) -> None:
    folder = tmp_path / "site/modelden"

    for _ in range(2):  # the second time it replaces them
        result = run("assets", folder)
        assert result.returncode == 0
        assert result.stdout.splitlines() == [str(path) for path in sorted(folder.iterdir())]

    glues = {bundle.glue for bundle in bundles()}
    workers = {bundle.bundle for bundle in bundles()} | {"trust.js", "vectors.js"}
    assert {path.name for path in folder.iterdir()} == {
        *glues,
        *workers,
        "boot.js",
        "models.js",
        "THIRD_PARTY_LICENSES.txt",
    }


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    result = run("assets", tmp_path / "file")

    assert result.returncode == 4
    assert "Cannot write to" in result.stderr
