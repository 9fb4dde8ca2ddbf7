from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "modelden"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own command
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def test_help_names_the_command() -> None:
    result = run("--help")

    assert result.returncode == 0
    assert "serve" in result.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from modelden.host.cli import app\n"
        "from typer.testing import CliRunner\n"
        "CliRunner().invoke(app, ['serve', '--help'], catch_exceptions=False)\n"
        "print([name for name in ('cryptography', 'starlette', 'uvicorn', 'httpx') if name in sys.modules])\n"
    )
    result = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "/nowhere"], "not a modelden tree"),
        (["serve", "{tree}", "--site", "/nowhere"], "no folder /nowhere"),
        (["serve", "{tree}", "--host", "192.0.2.1"], "Cannot listen at 192.0.2.1"),
        (["serve"], "Missing argument"),
    ],
)
def test_bad_input_is_exit_code_2_in_words(tree: Path, arguments: list[str], message: str) -> None:
    result = run(*(argument.format(tree=tree) for argument in arguments))

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_where_and_whom_to_trust_and_stops_when_told(tree: Path, site: Path, stop: signal.Signals) -> None:
    arguments = ["serve", str(tree), "--site", str(site), "--port", "0"]
    with subprocess.Popen(  # noqa: S603  our own command
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        printed = dict(re.split(r"  +", server.stdout.readline().strip()) for _ in range(4))
        config = httpx.get(f"{printed['site']}config.json").json()
        assert config == {
            "settingsServer": printed["settings"],
            "rootHash": printed["root hash"],
            "hubRootUrl": printed["hub"],
        }
        server.send_signal(stop)
        server.wait(10)
        assert server.stderr.read() == ""
