r"""JSON text of Remote Settings: parsed with limited nesting, and in the canonical form that is signed. Pure.

Python's parser is recursive. In a page, some thousand levels of nesting overflow the browser's stack, and Python does
not survive that. So the nesting is measured first, without recursion.

The rules of the canonical form are those of Firefox's ``toolkit/modules/CanonicalJSON.sys.mjs``: no white space, keys
sorted by UTF-16 code units, everything outside printable ASCII escaped as lower-case ``\uXXXX``, numbers as ECMAScript
writes them (``Number::toString``, ECMA-262 section 6.1.6.1.20; minus zero stays ``-0``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

MAX_DEPTH = 32
"""Largest nesting of an answer, in levels. Mozilla's have about six."""

_NO_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))


WINDOW = 64 * 1024
"""Characters that are parsed without a turn for the page. Some milliseconds."""


def parse_json(text: str) -> Any:
    """Parse JSON by RFC 8259, nested at most `MAX_DEPTH` levels deep. Whole numbers are integers: ``256004.0`` too.

    Raises:
        ValueError: For anything else, NaN, infinities and numbers beyond a double such as ``1e999`` too.
    """
    check_depth(text)
    return DECODER.decode(text)


def check_depth(text: str) -> None:
    """Check the nesting of JSON text, or of its beginning. Up to three times as many levels may pass.

    Raises:
        ValueError: If brackets nest too deep.
    """
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
    if len(brackets) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    # Minus zero has a canonical form of its own, and integers beyond 2**53 are not exact.
    is_minus_zero = number == 0 and text.startswith("-")
    return int(number) if number.is_integer() and abs(number) < _MAX_SAFE_INTEGER and not is_minus_zero else number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_parse_float)
"""The decoder of `parse_json`, for text whose nesting was checked."""

PART_SIZE = 64 * 1024
"""Characters after which a part of the signed text ends. Some milliseconds in a page."""

SIGNATURE_PREFIX = b"Content-Signature:\x00"
"""Prefix of the canonical text in the signed message (Mozilla's content-signature protocol)."""

_MAX_SAFE_INTEGER = 2**53


def canonical_json(value: Any) -> str:
    """Return the canonical JSON text of ``value``.

    Args:
        value: Plain JSON data: ``None``, ``bool``, ``int``, ``float``, ``str``, lists and dicts with string keys.

    Raises:
        ValueError: For values without a canonical form: NaN, infinities and integers of that size, lone surrogates,
            keys that are not strings, other types, hundreds of levels of nesting.
    """
    try:
        return _text(value)
    except RecursionError as error:
        raise ValueError("canonical JSON has no form for what is nested that deep") from error


def signed_text(records: Iterable[Mapping[str, Any]], timestamp: int) -> bytes:
    """Return the message that a collection's signature covers, with its prefix.

    Args:
        records: All live records of the collection, in any order, without tombstones.
        timestamp: The collection's timestamp in milliseconds, as in the changeset's ``timestamp``.

    Raises:
        ValueError: When a record has no canonical form (see `canonical_json`).
    """
    # Firefox: RemoteSettingsClient.sys.mjs, validateCollectionSignature; the worker sorts by id, never by locale.
    return b"".join(signed_parts(sorted(records, key=lambda record: _utf16(record["id"])), timestamp))


def signed_parts(records: Iterable[Mapping[str, Any]], timestamp: int) -> Iterator[bytes]:
    """Yield `signed_text` in parts: a page has its turn between them. The records are in the order of their ids."""
    part, size = [SIGNATURE_PREFIX.decode("ascii") + '{"data":['], 0
    separator = ""
    for record in records:
        part.append(separator + canonical_json(record))
        size, separator = size + len(part[-1]), ","
        if size >= PART_SIZE:
            yield "".join(part).encode("ascii")
            part, size = [], 0
    yield f'{"".join(part)}],"last_modified":"{timestamp}"}}'.encode("ascii")


def _text(value: Any) -> str:
    # The most frequent types first: a collection has a hundred thousand values.
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join([text + _text(value[key]) for key, text in _members(tuple(value))]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([_text(item) for item in value]) + "]"
    raise ValueError(f"canonical JSON has no form for {type(value).__name__}")


@lru_cache(1000)
def _members(keys: tuple[Any, ...]) -> list[tuple[str, str]]:
    """Return keys in their order, with their text. The records of a collection have the same keys."""
    return [(key, _string(key) + ":") for key in sorted(keys, key=_utf16)]


def _utf16(key: Any) -> bytes:
    if not isinstance(key, str):
        raise ValueError(f"canonical JSON keys are strings, not {type(key).__name__}")  # noqa: TRY004  as documented
    try:
        return key.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise ValueError("canonical JSON has no form for a lone surrogate") from error


def _string(value: str) -> str:
    if not value.isascii():
        _utf16(value)  # refuses lone surrogates
    text = encode_basestring_ascii(value)
    # The C encoder escapes as JavaScript does, but leaves DEL, which is ASCII and not printable.
    return text.replace("\x7f", "\\u007f") if "\x7f" in text else text


def _number(value: float) -> str:
    if isinstance(value, int) and abs(value) <= _MAX_SAFE_INTEGER:
        return str(value)
    try:
        return _ecmascript_number(float(value))
    except OverflowError:  # an integer that JavaScript reads as Infinity
        return _ecmascript_number(math.inf)


def _ecmascript_number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("canonical JSON has no form for NaN and infinities")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    plain = repr(value)
    if "e" not in plain and not plain.endswith(".0"):
        return plain  # most fractions: both languages write them alike
    from decimal import Decimal  # slow to import, and records hardly ever have fractions

    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that round-trip, as ECMAScript asks; only their layout differs.
    _, digit_tuple, exponent = Decimal(repr(abs(value))).as_tuple()
    all_digits = "".join(map(str, digit_tuple)).lstrip("0")
    point = len(all_digits) + int(exponent)  # value == 0.DIGITS * 10**point
    digits = all_digits.rstrip("0")
    return sign + _layout(digits, point)


def _layout(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits[0] + (f".{digits[1:]}" if count > 1 else "")
    return f"{mantissa}e{point - 1:+d}"
