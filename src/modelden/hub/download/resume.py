"""Rules for resuming a download: the request for the remaining bytes, and the interpretation of its response. Pure.

RFC 9110, sections 13.1.5 and 14: ``Range`` requests the remaining bytes, ``If-Range`` only those of an unchanged file.
A partial response is used only if it states which bytes it has, and of which total.

Firefox stores the body of every successful response. Here 202 is no file, because its body describes the request
(section 15.3.3), nor is 204, which has no body. A 206 that nobody requested is a file only if it states that it has all
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from modelden.core.response_body import parse_whole
from modelden.hub.store.records import PartialFile

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")


FILE_STATUSES = (200, 201, 203)
"""Statuses of a response with a whole file (sections 15.3.1, 15.3.2, 15.3.4). Proxies that change a file send 203."""


class ResponseKind(Enum):
    """The content of a response to a download's request."""

    FULL = "the file from its first byte"
    REMAINDER = "exactly the requested bytes"
    UNUSABLE = "something else: request the whole file"
    ERROR = "no file"


class Interpretation(NamedTuple):
    """The facts in a response that decide how a download continues.

    Attributes:
        kind: The content.
        validator: The value for a later ``If-Range``; None if there is none.
        total: The size of the whole file; None when unknown. Of a compressed response it is the size on the wire.
    """

    kind: ResponseKind
    validator: str | None
    total: int | None


def range_headers(partial: PartialFile) -> dict[str, str]:
    """Return the headers that request the remaining bytes; none when only the whole file can be requested."""
    if not partial.received or partial.validator is None:
        return {}
    return {"Range": f"bytes={partial.received}-", "If-Range": partial.validator}


def interpret(
    partial: PartialFile, request_headers: Mapping[str, str], status: int, headers: Mapping[str, str]
) -> Interpretation:
    """Interpret the response to a download's request.

    Args:
        partial: The stored beginning.
        request_headers: The result of `range_headers` that was sent.
        status: The status of the response.
        headers: Its readable headers, names in lower case.
    """
    kind = _kind(partial, request_headers, status, headers)
    total = _range_total(headers) if kind is ResponseKind.REMAINDER else _content_length(headers)
    return Interpretation(kind, _validator(headers), total)


def _kind(
    partial: PartialFile, request_headers: Mapping[str, str], status: int, headers: Mapping[str, str]
) -> ResponseKind:
    if status in FILE_STATUSES:
        return ResponseKind.FULL
    if status == 416:
        return ResponseKind.UNUSABLE if request_headers else ResponseKind.ERROR
    if status == 206 and not request_headers and _is_whole(headers):
        return ResponseKind.FULL
    if status != 206 or not request_headers:
        return ResponseKind.ERROR
    fits = _is_remainder(partial, headers) and _validator(headers) in (None, partial.validator)
    return ResponseKind.REMAINDER if fits else ResponseKind.UNUSABLE


def _validator(headers: Mapping[str, str]) -> str | None:
    # A weak entity tag may not be sent in If-Range: it allows other bytes.
    etag = headers.get("etag", "")
    return etag if etag.startswith('"') else headers.get("last-modified")


def _content_length(headers: Mapping[str, str]) -> int | None:
    return parse_whole(headers.get("content-length", ""))


def _range_total(headers: Mapping[str, str]) -> int | None:
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    return int(match[3]) if match and match[3] != "*" else None


def _is_whole(headers: Mapping[str, str]) -> bool:
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    return match is not None and int(match[1]) == 0 and match[3] == str(int(match[2]) + 1)


def _is_remainder(partial: PartialFile, headers: Mapping[str, str]) -> bool:
    # An unreadable header (Access-Control-Expose-Headers does not name it) counts as a wrong one.
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if match is None or int(match[1]) != partial.received:
        return False
    if match[3] == "*":
        return True
    total = int(match[3])
    return int(match[2]) == total - 1 and partial.total in (None, total)
