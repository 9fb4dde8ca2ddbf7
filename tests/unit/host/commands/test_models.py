from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.host.publishing import run

DAY = 86_400_000

MODEL = {
    "name": "models.example/acme/minilm",
    "revision": "v1",
    "root_url": "https://models.example/hub/",
    "task_names": ["feature-extraction"],
    "size": 23_290_851,
    "files": 4,
    "partial_files": 0,
    "partial_size": 0,
    "last_updated": 0,
    "pinned": False,
}

FILE = {"path": "onnx/model.onnx", "ok": True, "actual": "aa", "model": MODEL["name"], "revision": "v1"}


class ScriptedPage:
    """A page whose store has one model, which was used 40 days ago."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [{**MODEL, "last_used": time.time_ns() // 1_000_000 - 40 * DAY}]
        self.results: list[dict[str, Any]] = [FILE]
        self.origins: list[str] = []

    def evaluate(self, _source: str, argument: str) -> Any:
        name, arguments = json.loads(argument)
        if name == "delete":
            self.models = [each for each in self.models if each["name"] not in {key[0] for key in arguments["models"]}]
        return {"list": self.models, "verify": self.results, "delete": None}[name]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ScriptedPage:
    scripted = ScriptedPage()

    @contextmanager
    def opened(_folder: Path, origin: str, _pyodide: Path) -> Iterator[ScriptedPage]:
        scripted.origins.append(origin)
        yield scripted

    monkeypatch.setattr("modelden.host.browser.profile_page.open_profile_page", opened)
    monkeypatch.setattr("modelden.host.browser.page_site.find_pyodide", lambda _: Path("pyodide"))
    return scripted


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    folder = tmp_path / "profile"
    folder.mkdir()
    (folder / "prefs.js").touch()
    (folder / "modelden-port").write_text("8642")
    return folder


def test_people_read_a_table(profile: Path, page: ScriptedPage) -> None:
    result = run("models", "list", profile)

    heading, row = result.stdout.splitlines()
    assert heading.split() == ["model", "revision", "size", "files", "last", "used", "tasks"]
    assert row.startswith("models.example/acme/minilm  v1        23.3 MB  4      ")
    assert page.origins == ["http://localhost:8642"]


def test_an_empty_store_is_a_sentence(profile: Path, page: ScriptedPage) -> None:
    page.models = []

    assert run("models", "list", profile).stdout == "No model is stored.\n"
    assert json.loads(run("models", "list", profile, "--json").stdout) == {"models": [], "bytes": 0}


def test_a_damaged_file_is_exit_code_1_with_its_name(profile: Path, page: ScriptedPage) -> None:
    assert run("models", "verify", profile).returncode == 0

    runtime = {"path": "runtime.wasm", "ok": False, "actual": "", "model": None, "revision": None}
    page.results = [{**FILE, "ok": False}, FILE, runtime]
    result = run("models", "verify", profile)
    assert result.returncode == 1
    assert "models.example/acme/minilm v1 onnx/model.onnx: damaged, and deleted" in result.stdout
    assert "runtime runtime.wasm: cannot be read" in result.stdout
    assert json.loads(run("models", "verify", profile, "--json").stdout)["good"] is False


def test_nobody_can_be_asked_in_a_pipe(profile: Path, page: ScriptedPage) -> None:
    result = run("models", "prune", profile, "--unused-for", "30")

    assert result.returncode == 2
    assert "--yes deletes, --dry-run only lists" in result.stderr
    assert "unused for 40 days" in result.stdout
    assert len(page.models) == 1


def test_a_dry_run_only_lists(profile: Path, page: ScriptedPage) -> None:
    facts = json.loads(run("models", "prune", profile, "--max-size", "1", "--dry-run", "--json").stdout)

    assert (facts["deleted"], facts["bytes"], facts["models"][0]["reason"]) == (
        False,
        23_290_851,
        "least recently used",
    )
    assert len(page.models) == 1


@pytest.mark.parametrize(("answer", "count"), [(True, 0), (False, 1)])
def test_a_terminal_is_asked(
    profile: Path, page: ScriptedPage, monkeypatch: pytest.MonkeyPatch, *, answer: bool, count: int
) -> None:
    questions: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        questions.append(text)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", confirm)

    result = run("models", "prune", profile, "--unused-for", "30")

    assert questions == ["Delete 1 models, 23.3 MB?"]
    assert len(page.models) == count
    assert result.stdout.splitlines()[-1].endswith("0 B" if count else "23.3 MB")


def test_nothing_to_delete_is_no_question(profile: Path, page: ScriptedPage) -> None:
    result = run("models", "prune", profile, "--unused-for", "90")

    assert result.returncode == 0
    assert result.stdout.startswith("Nothing is to be deleted.\n")
    assert len(page.models) == 1
