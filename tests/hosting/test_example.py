"""The example project of the docs, run as its readers run it: in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosting.conftest import ROOT
from tests.unit.host.publishing import ORT, write_repository


@pytest.mark.timeout(600)
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_the_documented_example_passes(tmp_path: Path, browser: str) -> None:
    shutil.copy(ROOT / "docs/example/test_search.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    write_repository(tmp_path / "models/minilm")
    options = ["--den-browser", browser, "--den-pyodide", str(ROOT / "build/pyodide"), "--den-runtime", str(ORT)]
    plugins = ["-p", "no:cacheprovider", "-p", "no:pytest_pyodide", "-p", "no:pytest_pyodide_hook"]

    result = subprocess.run(  # noqa: S603  pytest on a file of ours
        [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-W", "error", *plugins, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout


def test_the_example_is_short() -> None:
    code = [line for line in (ROOT / "docs/example/test_search.py").read_text(encoding="utf-8").splitlines() if line]

    assert len(code) <= 20
