"""Records: their attachments, and their filters and orders as in Firefox's ``Utils.sys.mjs``. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, NamedTuple

from modelden.errors import InvalidRecord

if TYPE_CHECKING:
    from modelden.ports import Expressions
    from modelden.settings.changeset import Record

logger = logging.getLogger(__name__)


def is_sha256(value: object) -> bool:
    """Return True for a SHA-256 in lower-case hexadecimal."""
    return isinstance(value, str) and len(value) == 64 and not value.strip("0123456789abcdef")


class SigningPeriod(NamedTuple):
    """The period in which a collection can have been signed: the certificate of its signer was valid.

    Attributes:
        since: Begin, milliseconds since the epoch.
        until: End, milliseconds since the epoch.
    """

    since: int
    until: int


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
            case {"location": str(location), "size": int(size), "hash": str(digest)} if is_sha256(digest):
                return cls(location, size, digest)
            case other:
                raise InvalidRecord(
                    f"The record {record['id']} of Remote Settings should have an attachment with location, size and "
                    f"SHA-256 hash, but has {other!r}."
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

    def __init__(self, expressions: Expressions, environment: Mapping[str, Any]) -> None:
        """Create a filter.

        Args:
            expressions: Evaluator of JEXL.
            environment: Value of ``env`` in the expressions.
        """
        self._expressions = expressions
        self._environment = environment
        self._results: dict[str, bool] = {}

    async def filter(self, cid: str, records: Iterable[Record]) -> list[Record]:
        """Return the records without an expression and those whose expression is true here.

        An expression that cannot be evaluated excludes its record, with a warning.

        Args:
            cid: ``bucket/collection``, for the warning.
            records: Any records.
        """
        records = list(records)
        expressions = {expression for record in records if (expression := _expression(record))}
        await self._evaluate(cid, sorted(expressions - set(self._results)))
        return [record for record in records if not (expression := _expression(record)) or self._results[expression]]

    async def _evaluate(self, cid: str, expressions: list[str]) -> None:
        if not expressions:
            return
        results = await self._expressions.evaluate(expressions, {"env": dict(self._environment)})
        for expression, result in zip(expressions, results, strict=True):
            if isinstance(result, str):
                logger.warning("%s: a record is left out, its filter %r fails: %s", cid, expression, result)
            self._results[expression] = result is True


def _expression(record: Record) -> str:
    # Firefox: an absent or empty expression means everybody.
    expression = record.get("filter_expression")
    return expression if isinstance(expression, str) else ""
