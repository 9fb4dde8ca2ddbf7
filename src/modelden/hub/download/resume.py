"""May a download go on where an earlier one broke off? Pure.

As RFC 9110, sections 13.1.5 and 14: the rest is asked for with ``Range``, and with ``If-Range`` only if the file is
still the same. The answer is believed only where it says which bytes it brings, and of what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from modelden.hub.store.records import PartialFile

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class ResponseKind(Enum):
    """What an answer to a download's request brings."""

    WHOLE = "the file from its first byte"
    REST = "exactly the bytes that were asked for"
    USELESS = "something else: ask again for the whole file"
    ERROR = "no file"


def validator(headers: Mapping[str, str]) -> str | None:
    """Return what may stand in ``If-Range``; a weak entity tag may not, as it allows other bytes."""
    etag = headers.get("etag", "")
    return etag if etag.startswith('"') else headers.get("last-modified")


def range_headers(partial: PartialFile) -> dict[str, str]:
    """Return the request headers that ask for the rest; none when only the whole file can be asked for."""
    if not partial.received or partial.validator is None:
        return {}
    return {"Range": f"bytes={partial.received}-", "If-Range": partial.validator}


def classify(partial: PartialFile, asked: Mapping[str, str], status: int, headers: Mapping[str, str]) -> ResponseKind:
    """Tell what an answer brings.

    Args:
        partial: What is stored.
        asked: What `range_headers` gave for the request.
        status: The answer's status.
        headers: Its readable headers, names in lower case.
    """
    if status == 200:
        return ResponseKind.WHOLE
    if status == 416:
        return ResponseKind.USELESS if asked else ResponseKind.ERROR
    if status != 206 or not asked:
        return ResponseKind.ERROR
    fits = _brings(partial, headers) and validator(headers) in (None, partial.validator)
    return ResponseKind.REST if fits else ResponseKind.USELESS


def total_size(headers: Mapping[str, str]) -> int | None:
    """Return the whole file's size that a 206 tells."""
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    return int(match[3]) if match and match[3] != "*" else None


def _brings(partial: PartialFile, headers: Mapping[str, str]) -> bool:
    # Not readable (Access-Control-Expose-Headers does not name it) counts as wrong.
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if match is None or int(match[1]) != partial.received:
        return False
    if match[3] == "*":
        return True
    total = int(match[3])
    return int(match[2]) == total - 1 and partial.total in (None, total)
