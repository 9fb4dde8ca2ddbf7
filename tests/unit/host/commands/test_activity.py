from __future__ import annotations

import io
import sys
import threading

import pytest

from modelden.host.commands.activity import activity


class Terminal(io.StringIO):
    """A stream that is a terminal, and says when something was written."""

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self.written = threading.Event()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        count = super().write(text)
        if "tree" in text:
            self.written.set()
        return count


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def test_a_terminal_shows_words_and_time_and_none_of_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with activity("verifying tree[1]", delay=0):
        assert stream.written.wait(10)

    assert "verifying tree[1]" in stream.getvalue()
    assert "0:00:0" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K")


def test_a_log_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal(is_terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)
    with activity("verifying tree", delay=0):
        assert stream.written.wait(10)

    assert stream.getvalue() == "verifying tree …\n"


def test_a_short_command_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with activity("verifying tree", delay=600):
        pass

    assert "tree" not in stream.getvalue()


def test_an_error_ends_the_spinner(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)

    def fail() -> None:
        assert stream.written.wait(10)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), activity("verifying tree", delay=0):
        fail()

    assert stream.getvalue().endswith("\x1b[1A\x1b[2K")
