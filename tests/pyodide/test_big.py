"""A large file in a browser without WebDriver: stored in little memory, and complete after a restart of the browser."""

from __future__ import annotations

from bench.big import measure

MIB = 1024 * 1024

SIZES = {"chrome": 192 * MIB, "firefox": 128 * MIB}

MAX_EXCESS = 0.75
"""Memory while storing above that of a bare fetch of the same bytes in the same run, as a ratio to the size.

A file that is held in memory has 1. Browsers free late: Firefox has about 0.3."""


def test_a_large_file_survives_a_restart_and_takes_little_memory(runtime: str) -> None:
    size = SIZES[runtime]
    outcome = measure({"chrome": "chromium"}.get(runtime, runtime), size)

    assert outcome["same hash after a restart"]
    assert outcome["bytes"] == outcome["served"] == size
    assert outcome["Python's heap grew by, bytes"] < size // 100
    excess = outcome["memory while storing, MiB"]["all"] - outcome["memory of a bare fetch, MiB"]["all"]
    assert excess * MIB < MAX_EXCESS * size
