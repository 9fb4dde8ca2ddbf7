"""Text of a server or of a file, made safe for a terminal and for a line of a log. Pure.

Control characters move the cursor, change colours, set the clipboard or begin a new line (ECMA-48). Marks of the
writing direction show a text in another order than it has (CVE-2021-42574). Each becomes an escape of Python's.
"""

from __future__ import annotations

_SPACES = frozenset("\u00a0\u202f\u3000")
"""Spaces that `str.isprintable` refuses, and that do no harm."""


def printable(text: str, *, lines: bool = False) -> str:
    """Return a text without control characters.

    Args:
        text: The text.
        lines: Keep line breaks; otherwise they are escaped, too.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in _SPACES or (lines and character == "\n")
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
