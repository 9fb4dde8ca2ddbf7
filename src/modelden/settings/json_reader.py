"""JSON of servers in steps: nobody signed it yet, and a page must stay alive whatever it is. Pure.

A large text is cut into windows. In a window the values below the two uppermost levels are parsed by `json_text`'s
decoder: the records of a changeset, the files of a list.
"""

from __future__ import annotations

import re
from typing import Any

from modelden.core.event_loop import Steps
from modelden.settings.json_text import DECODER, WINDOW, check_depth, parse_json

MAX_VALUE = 1024 * 1024
"""Largest record of a text that is larger than `WINDOW`, in characters. Mozilla's have some thousand."""

_NUMBER = ("", ".", "e", "E")
"""A number may go on behind a window that ends so."""

_SPACE = re.compile(r"[ \t\n\r]*")


def parse_in_steps(text: str) -> Steps[Any]:
    """Parse JSON as `parse_json` does.

    Raises:
        ValueError: As `parse_json`, and for a value of more than `MAX_VALUE` characters in a large text.
    """
    if len(text) <= WINDOW:
        return parse_json(text)
    reader = _Reader(text)
    value = yield from reader.document()
    return value


class _Reader:
    """Reads a text from its beginning.

    Attributes:
        _at: Index of the next character.
        _window: Part of the text, from `_start`, that is parsed without a turn.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._start = 0
        self._window = ""

    def document(self) -> Steps[Any]:
        """Read the whole text: an object whose lists are read item by item, a list, or another value."""
        opening = self._peek()
        value: Any
        if opening == "{":
            value = yield from self._object()
        elif opening == "[":
            value = yield from self._list()
        else:
            value = yield from self._value()
        if self._peek():
            raise ValueError(f"something follows its end, at character {self._at}")
        return value

    def _object(self) -> Steps[dict[str, Any]]:
        members: dict[str, Any] = {}
        if self._is_empty("}"):
            return members
        while True:
            self._peek()
            name = yield from self._value()
            if not isinstance(name, str):
                raise ValueError(f"the name of a member is no text, at character {self._at}")  # noqa: TRY004  a fault of the text
            self._skip(":")
            members[name] = yield from (self._list() if self._peek() == "[" else self._value())
            if self._skip(",}") == "}":
                return members

    def _list(self) -> Steps[list[Any]]:
        items: list[Any] = []
        if self._is_empty("]"):
            return items
        while True:
            self._peek()
            items.append((yield from self._value()))
            if self._skip(",]") == "]":
                return items

    def _value(self) -> Steps[Any]:
        """Read a value that lies in one window; the window grows with it, up to `MAX_VALUE`."""
        if self._at == len(self._text):
            raise ValueError(f"it ends where a value begins, at character {self._at}")
        size = WINDOW
        while True:
            is_last = bool(self._window) and self._start + len(self._window) == len(self._text)
            try:
                value, length = DECODER.raw_decode(self._window, self._at - self._start)
            except ValueError:
                if is_last:
                    raise
            else:
                if is_last or self._window[length : length + 1] not in _NUMBER:
                    self._at = self._start + length
                    return value
            if self._window and self._at == self._start:
                if size >= MAX_VALUE:
                    raise ValueError(f"no value of {MAX_VALUE} characters at most begins at {self._at}")
                size *= 2
            yield
            self._start, self._window = self._at, self._text[self._at : self._at + size]
            check_depth(self._window)

    def _is_empty(self, closing: str) -> bool:
        """Skip an opening bracket; return True for an empty container, and skip its end too."""
        self._at += 1
        if self._peek() != closing:
            return False
        self._at += 1
        return True

    def _peek(self) -> str:
        """Skip white space; return the next character, or nothing at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = self._at if space is None else space.end()
        return self._text[self._at : self._at + 1]

    def _skip(self, expected: str) -> str:
        """Skip one of the expected characters, and return it."""
        found = self._peek()
        if not found or found not in expected:
            raise ValueError(f"expected one of {expected!r} at character {self._at}, found {found!r}")
        self._at += 1
        return found
