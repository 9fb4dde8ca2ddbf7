"""JSON from servers, with limited nesting. Pure.

Python's parser is recursive. In a page, some thousand levels of nesting overflow the browser's stack, and Python does
not survive that. So the nesting is measured first, without recursion.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 32
"""Largest nesting of an answer, in levels. Mozilla's have about six."""

_NO_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))


def parse_json(text: str) -> Any:
    """Parse JSON by RFC 8259, nested at most `MAX_DEPTH` levels deep.

    Raises:
        ValueError: For anything else, NaN and infinities too.
    """
    if _is_deep(text):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return json.loads(text, parse_constant=_refuse)


def _is_deep(text: str) -> bool:
    """Return True if brackets nest too deep. Up to three times as many levels may pass."""
    # Escaped backslashes first: in \\" the quote ends the string, in \" it does not.
    plain = text.encode("utf-8", errors="replace").replace(b"\\\\", b"").replace(b'\\"', b"")
    # Every second piece between quotes is outside of strings.
    brackets = b"".join(plain.translate(None, _NO_BRACKETS).split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        # Each pass removes the innermost level, at the speed of C.
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if fewer == brackets:
            break
        brackets = fewer
    return len(brackets) > MAX_DEPTH


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
