"""A large file in a browser that nothing drives: stored in little memory, and there after the browser was ended."""

from __future__ import annotations

from bench.big import measure

MIB = 1024 * 1024

SIZE = 64 * MIB
"""``python bench/big.py`` does the same with a GiB."""


def test_a_large_file_survives_a_restart_and_takes_little_memory(runtime: str) -> None:
    found = measure({"chrome": "chromium"}.get(runtime, runtime), SIZE)

    assert found["same hash after a restart"]
    assert found["bytes"] == found["served"] == SIZE
    assert found["Python's heap grew by, bytes"] < SIZE // 100
    assert found["memory while storing, MiB"]["all"] < 150  # MiB
