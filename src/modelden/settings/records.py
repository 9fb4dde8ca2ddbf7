"""Records: their attachments, filters and orders as in Firefox's ``Utils.sys.mjs``, and when they were signed. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.errors import InvalidRecord

if TYPE_CHECKING:
    from modelden.ports import Expressions
    from modelden.settings.changeset import Record

logger = logging.getLogger(__name__)


def may_deny(kind: object) -> bool:
    """Return True for the ``filter`` DENY of ``ml-model-allow-deny-list``, in whatever spelling or structure."""
    return "DENY" in str(kind).upper()


MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer that JavaScript counts exactly (ECMA-262, ``Number.MAX_SAFE_INTEGER``)."""


MAX_FUTURE = 24 * 60 * 60 * 1000
"""Milliseconds by which a signed timestamp may be ahead of the client's clock, which may be slow."""


def is_sha256(value: object) -> bool:
    """Return True for a SHA-256 in lower-case hexadecimal."""
    return isinstance(value, str) and len(value) == 64 and not value.strip("0123456789abcdef")


def whole_number(value: object) -> int | None:
    """Return a number that is whole and not negative, as an integer; None for anything else.

    ``256004.0`` is whole, because JSON has one kind of number (RFC 8259, 6). True is none. Above 2**53 - 1 numbers are
    not exact in JavaScript.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MAX_SAFE_INTEGER and value == int(value) else None


class SigningPeriod(NamedTuple):
    """The period in which a collection can have been signed: the certificate of its signer was valid.

    Attributes:
        since: Begin, milliseconds since the epoch.
        until: End, milliseconds since the epoch.
    """

    since: int
    until: int

    def timestamp_fault(self, timestamp: int, now: int) -> str | None:
        """Return why a timestamp that was signed in this period is impossible; None if it is not.

        A timestamp far in the future would make every later state an older one (TUF: fast-forward attack).

        Args:
            timestamp: The timestamp, milliseconds since the epoch.
            now: The time, milliseconds since the epoch.
        """
        if timestamp > now + MAX_FUTURE:
            return f"its timestamp {timestamp} lies in the future, it is {now}: is the clock of this device right?"
        if timestamp > self.until:
            return f"its timestamp {timestamp} is after the end of its signer's certificate, {self.until}"
        return None


class Attachment(NamedTuple):
    """Size, hash and location of a record's attachment.

    Attributes:
        location: Path below the server's ``base_url``.
        size: Size in bytes.
        hash: SHA-256 in lower-case hexadecimal.
    """

    location: str
    size: int
    hash: str

    @classmethod
    def of(cls, record: Record) -> Attachment:
        """Read the attachment of a record.

        Raises:
            InvalidRecord: If the record has no attachment, or if one of its fields is missing or wrong.
        """
        match record.get("attachment"):
            case {"location": str(location), "size": size, "hash": str(digest)} if location and is_sha256(digest):
                if (length := whole_number(size)) is not None:
                    return cls(location, length, digest)
        raise InvalidRecord(
            f"The record {record.get('id')} of Remote Settings should have an attachment with location, size and "
            f"SHA-256 hash, but has {repr(record.get('attachment'))[:300]}."
        )


def filter_records(records: Iterable[Record], filters: Mapping[str, Any]) -> list[Record]:
    """Return the records whose fields have the filters' values.

    Args:
        records: Any records.
        filters: Expected value by field. A list matches any of its values, a mapping filters the members of the field.
    """
    return [record for record in records if _matches(record, filters)]


def sort_records(records: Iterable[Record], order: str) -> list[Record]:
    """Return the records sorted by a field. Records without it are first, as in Firefox.

    Args:
        records: Any records.
        order: A field's name, with a leading ``-`` for descending order; empty for no order.
    """
    if not order:
        return list(records)
    field, direction = order.removeprefix("-"), -1 if order.startswith("-") else 1

    def compare(one: Record, other: Record) -> int:
        left, right = one.get(field), other.get(field)
        if left is None or right is None:
            return direction * ((left is not None) - (right is not None))
        left, right = _comparable(left), _comparable(right)
        return direction * ((left > right) - (left < right))

    return sorted(records, key=cmp_to_key(compare))


def _matches(value: Any, filters: Mapping[str, Any]) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(_has(value.get(name), expected) for name, expected in filters.items())


def _has(value: Any, expected: Any) -> bool:
    if isinstance(expected, list | tuple):
        return any(_is_equal(value, item) for item in expected)
    if isinstance(expected, Mapping):
        return _matches(value, expected)
    return _is_equal(value, expected)


def _is_equal(value: Any, expected: Any) -> bool:
    # JavaScript's ===: true is not 1.
    return type(value) is type(expected) and bool(value == expected)


def _comparable(value: Any) -> tuple[int, Any]:
    # Numbers before texts. In JavaScript neither is less than the other, so their order is open.
    if isinstance(value, int | float):
        return 0, value
    return 1, str(value)


class ExpressionFilter:
    """Filters records by their JEXL expressions."""

    def __init__(self, expressions: Expressions, environment: Callable[[], Mapping[str, Any]]) -> None:
        """Create a filter.

        Args:
            expressions: Evaluator of JEXL.
            environment: Returns the value of ``env`` in the expressions; most collections have none.
        """
        self._expressions = expressions
        self._environment = environment
        self._results: dict[str, bool | None] = {"": True, "true": True, "false": False}

    async def filter(self, cid: str, records: Iterable[Record]) -> list[Record]:
        """Return the records without an expression and those whose expression is true here.

        An expression that cannot be evaluated, or is no text, excludes its record, with a warning. Only a record that
        denies something stays then: without it more would be allowed.

        Args:
            cid: ``bucket/collection``, for the warning.
            records: Any records.
        """
        records = list(records)
        expressions = {expression for record in records if (expression := _expression(record)) is not None}
        await self._evaluate(cid, sorted(expressions - set(self._results)))
        return [record for record in records if self._holds(cid, record)]

    def _holds(self, cid: str, record: Record) -> bool:
        expression = _expression(record)
        if expression is None:
            found = repr(record["filter_expression"])[:100]
            logger.warning("%s: the filter_expression of %r should be a text, but is %s", cid, record["id"], found)
        result = None if expression is None else self._results[expression]
        return may_deny(record.get("filter")) if result is None else result

    async def _evaluate(self, cid: str, expressions: list[str]) -> None:
        if not expressions:
            return
        results = await self._expressions.evaluate(expressions, {"env": dict(self._environment())})
        for expression, result in zip(expressions, results, strict=True):
            if isinstance(result, str):
                logger.warning("%s: the filter %r of a record fails: %s", cid, expression, result)
            self._results[expression] = None if isinstance(result, str) else result


def _expression(record: Record) -> str | None:
    """Return the filter expression of a record; None for one that is no text."""
    # Firefox: an absent or empty expression means everybody.
    expression = record.get("filter_expression", "")
    if expression is None:
        return ""
    return expression if isinstance(expression, str) else None
