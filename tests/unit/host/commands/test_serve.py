"""`modelden serve`: its output, its errors, and how it stops."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.host.publishing import run
from tests.unit.host.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 16_000_000
"""More bytes than the buffers of a connection take."""


def accepts(origin: str) -> bool:
    try:
        httpx.get(f"{origin}/v1/")
    except httpx.TransportError:
        return False
    return True


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
def test_serve_prints_its_urls_and_the_root_hash_and_stops_at_a_signal(
    tree: Path, site: Path, stop: signal.Signals
) -> None:
    arguments = ["serve", str(tree), "--site", str(site), "--port", "0"]
    with subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, "-m", "modelden", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        printed = dict(re.split(r"  +", server.stdout.readline().strip()) for _ in range(4))
        config = httpx.get(f"{printed['site']}config.json").json()
        assert config == {
            "settingsServer": printed["settings"],
            "rootHash": printed["root hash"],
            "hubRootUrl": printed["hub"],
        }
        script = httpx.get(f"{printed['site']}modelden/boot.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert any("modulepreload" in line for line in server.stdout)
        server.send_signal(stop)
        _, errors = server.communicate()

    assert errors == ""


def test_a_running_download_ends_before_the_server_does(published: Path) -> None:
    (published / "hub/acme/tiny/v1/large.bin").write_bytes(bytes(LARGE))
    with serving(published) as (process, origin):
        with httpx.stream("GET", f"{origin}/hub/acme/tiny/v1/large.bin") as response:
            chunks = response.iter_raw(1024)
            received = len(next(chunks))
            process.send_signal(signal.SIGTERM)
            while accepts(origin):  # it handles the signal by closing its port
                pass
            received += sum(map(len, chunks))
        # uvicorn stops and then raises the signal again, as the sender expects
        assert process.wait() == -signal.SIGTERM

    assert received == LARGE
