from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelden.core.printable import printable
from modelden.errors import (
    EngineError,
    FileNotFoundOnHub,
    HttpError,
    InputError,
    IntegrityError,
    InvalidRecord,
    InvalidResponse,
    ModelDenError,
)

ATTACK = "\x1b]0;title\x07 \x9b31m red \u202egnp.exe"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grüße 😀", "grüße 😀"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x1b]52;c;ZXZpbA==\x07", "\\x1b]52;c;ZXZpbA==\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\rb"),
        ("a\nb", "a\\nb"),
        ("a\tb\x00\x7f\x08", "a\\tb\\x00\\x7f\\x08"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069\u200b\u2028", "\\u2066x\\u2069\\u200b\\u2028"),
        ("\udc80", "\\udc80"),
        ("3\u00a0MB", "3\u00a0MB"),
    ],
)
def test_control_characters_become_escapes(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_lines_may_stay() -> None:
    assert printable("a\n\x1bb\r\n", lines=True) == "a\n\\x1bb\\r\n"


@given(st.text(st.characters()))
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    assert all(character.isprintable() or character in "\u00a0\u202f\u3000" for character in printable(text))


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError("https://hub.example/a", "the file a", f"a web page ({ATTACK})"),
        HttpError("https://hub.example/a", 500, ATTACK),
        InvalidResponse("https://hub.example/a", "JSON", ATTACK),
        InvalidRecord(ATTACK),
        EngineError(ATTACK),
        InputError(ATTACK),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_has_no_control_characters(error: ModelDenError) -> None:
    assert "\\x1b]0;title\\x07" in str(error)
    assert not any(character in str(error) for character in ATTACK if not character.isprintable())


def test_an_error_keeps_its_lines_and_its_members() -> None:
    error = FileNotFoundOnHub("https://hub.example/\x1b", 404, model="o/m", revision="v1", file="a\nb")
    assert (error.url, error.file) == ("https://hub.example/\x1b", "a\nb")
    assert "https://hub.example/\\x1b" in str(error)
    assert str(InputError("one\ntwo")) == "one\ntwo"
