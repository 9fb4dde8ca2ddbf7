from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from modelden.host.commands.run import run

OUTCOME: dict[str, Any] = {
    "browser": "chromium",
    "engine": {"task": "feature-extraction", "model": "acme/minilm"},
    "outputs": [[0.5]],
    "load_ms": 812.4,
    "run_ms": [10.2],
    "python_heap": 41_000_000,
    "memory": None,
    "requests": [{"method": "GET", "path": "/v1/"}, {"method": "GET", "path": "/hub/config.json"}],
    "error": None,
}


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelden.host.browser.model_run.run_job", lambda *_, **__: OUTCOME)
    monkeypatch.setattr("modelden.host.browser.page_site.find_pyodide", lambda _: Path("pyodide"))
    monkeypatch.setattr("modelden.host.browser.browsers.check_browser", lambda name: name)


def printed(capsys: pytest.CaptureFixture[str], *, requests: bool = False) -> list[str]:
    with pytest.raises(typer.Exit) as ended:
        run(
            ["a cat"],
            task="feature-extraction",
            server="https://models.example/v1",
            root_hash="AB" * 32,
            requests=requests,
        )
    assert ended.value.exit_code == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("browser")
def test_people_read_the_result_and_then_the_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys) == [
        "outputs      [0.5]",
        "loaded in    812 ms",
        "ran in       10 ms",
        "task         feature-extraction",
        "model        acme/minilm",
        "browser      chromium",
        "python heap  41.0 MB",
        "memory       unknown",
        "requests     2 (--requests lists them)",
    ]


@pytest.mark.usefixtures("browser")
def test_requests_are_listed_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, requests=True)[-2:] == ["requests     GET /v1/", "             GET /hub/config.json"]
