"""Filters and orders over records, as in Firefox's ``Utils.sys.mjs`` (``filterObjects``, ``sortObjects``). Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cmp_to_key
from typing import Any

from modelden.ports import Expressions
from modelden.settings.changeset import Record

logger = logging.getLogger(__name__)


def filter_records(records: Iterable[Record], filters: Mapping[str, Any]) -> list[Record]:
    """Return the records whose fields have the filters' values.

    Args:
        records: Any records.
        filters: Wanted value by field; of a list one has to be there, a mapping filters the field's own fields.
    """
    return [record for record in records if _matches(record, filters)]


def sort_records(records: Iterable[Record], order: str) -> list[Record]:
    """Return the records sorted by a field; those without it come first, as in Firefox.

    Args:
        records: Any records.
        order: A field's name, with a leading ``-`` from large to small; empty for no order.
    """
    found = list(records)
    if not order:
        return found
    field, direction = order.removeprefix("-"), -1 if order.startswith("-") else 1

    def compare(one: Record, other: Record) -> int:
        left, right = one.get(field), other.get(field)
        if left is None or right is None:
            return direction * ((left is not None) - (right is not None))
        left, right = _comparable(left), _comparable(right)
        return direction * ((left > right) - (left < right))

    return sorted(found, key=cmp_to_key(compare))


def _matches(value: Any, filters: Mapping[str, Any]) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(_has(value.get(name), wanted) for name, wanted in filters.items())


def _has(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple):
        return any(_same(value, item) for item in wanted)
    if isinstance(wanted, Mapping):
        return _matches(value, wanted)
    return _same(value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    # JavaScript's ===: true is not 1.
    return type(value) is type(wanted) and bool(value == wanted)


def _comparable(value: Any) -> tuple[int, Any]:
    # Numbers before texts; JavaScript compares the two as neither, which leaves their order open.
    if isinstance(value, int | float):
        return 0, value
    return 1, str(value)


class ExpressionFilter:
    """Keeps the records that are meant for this client."""

    def __init__(self, expressions: Expressions, environment: Mapping[str, Any]) -> None:
        """Evaluate nothing yet.

        Args:
            expressions: Evaluates JEXL.
            environment: What expressions find under ``env``.
        """
        self._expressions = expressions
        self._environment = environment
        self._verdicts: dict[str, bool] = {}

    async def keep(self, cid: str, records: Iterable[Record]) -> list[Record]:
        """Return the records without an expression, and those whose expression is true here.

        An expression that cannot be evaluated excludes its record, with a warning.

        Args:
            cid: ``bucket/collection``, for the warning.
            records: Any records.
        """
        found = list(records)
        wanted = {expression for record in found if (expression := _expression(record))}
        await self._evaluate(cid, sorted(wanted - set(self._verdicts)))
        return [record for record in found if not (expression := _expression(record)) or self._verdicts[expression]]

    async def _evaluate(self, cid: str, expressions: list[str]) -> None:
        if not expressions:
            return
        results = await self._expressions.evaluate(expressions, {"env": dict(self._environment)})
        for expression, result in zip(expressions, results, strict=True):
            if isinstance(result, str):
                logger.warning("%s: a record is left out, its filter %r fails: %s", cid, expression, result)
            self._verdicts[expression] = result is True


def _expression(record: Record) -> str:
    # Firefox: an absent or empty expression means everybody.
    expression = record.get("filter_expression")
    return expression if isinstance(expression, str) else ""
