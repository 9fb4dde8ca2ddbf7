from __future__ import annotations

import pytest

from modelden.core.cleanup import clean_up
from modelden.errors import NotEnoughMemory


def test_a_step_that_fails_hides_neither_the_error_nor_the_next_step(caplog: pytest.LogCaptureFixture) -> None:
    steps: list[str] = []

    def fail() -> None:
        steps.append("first")
        raise RuntimeError("the worker is gone")

    def load() -> None:
        try:
            raise NotEnoughMemory(2, 1)
        finally:
            clean_up(fail, lambda: steps.append("second"))

    with pytest.raises(NotEnoughMemory):
        load()
    assert steps == ["first", "second"]
    assert "the worker is gone" in caplog.text
