"""JSON from servers. Pure.

Python's parser is recursive: in a page some thousand levels of nesting overflow the browser's stack, which no Python
code survives. So nesting is measured before, without recursion.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 32
"""Levels of nesting that any answer may have; Mozilla's have about six."""

_NO_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))


def parse_json(text: str) -> Any:
    """Read JSON as RFC 8259 has it, nested `MAX_DEPTH` levels deep at most.

    Raises:
        ValueError: For anything else, NaN and infinities too.
    """
    if _is_deep(text):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return json.loads(text, parse_constant=_refuse)


def _is_deep(text: str) -> bool:
    """Tell whether brackets nest too deep. Up to three times as many levels may pass."""
    # Escaped backslashes first: in \\" the quote ends the string, in \" it does not.
    plain = text.encode("utf-8", errors="replace").replace(b"\\\\", b"").replace(b'\\"', b"")
    # Every second piece between quotes is outside of strings.
    brackets = b"".join(plain.translate(None, _NO_BRACKETS).split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        # Each pass takes the innermost level away, at the speed of C.
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if fewer == brackets:
            break
        brackets = fewer
    return len(brackets) > MAX_DEPTH


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
