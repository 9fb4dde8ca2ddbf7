"""Records that are meant for some clients only: their ``filter_expression`` is JEXL, and is asked about this client.

Source: Firefox ``remote-settings.sys.mjs`` (``jexlFilterFunc``) and ``ClientEnvironment.sys.mjs``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from modelden.ports import Expressions
from modelden.settings.changeset import Record

logger = logging.getLogger(__name__)


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
