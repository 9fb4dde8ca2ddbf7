"""A large file in a browser that nothing drives: stored in little memory, and there after the browser was ended."""

from __future__ import annotations

from bench.big import measure

MIB = 1024 * 1024

LIMIT = 150  # MiB, as in bench/big.py, which does the same with a GiB

SIZES = {"chrome": 192 * MIB, "firefox": 64 * MIB}
"""Chromium's file is larger than the limit: held in memory, it would show. Firefox frees late what it read."""


def test_a_large_file_survives_a_restart_and_takes_little_memory(runtime: str) -> None:
    size = SIZES[runtime]
    found = measure({"chrome": "chromium"}.get(runtime, runtime), size)

    assert found["same hash after a restart"]
    assert found["bytes"] == found["served"] == size
    assert found["Python's heap grew by, bytes"] < size // 100
    assert found["memory while storing, MiB"]["all"] < LIMIT
