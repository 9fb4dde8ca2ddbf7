"""`ports.Expressions`: JEXL by the trust worker (``web/worker/expressions.ts``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelden._js.trust import TrustWorker


class JsExpressions:
    """Evaluates JEXL with Mozilla's own library, as Firefox does."""

    def __init__(self, worker: TrustWorker) -> None:
        """Start nothing yet."""
        self._worker = worker

    async def evaluate(self, expressions: Sequence[str], context: Mapping[str, Any]) -> list[bool | str]:
        """Return for each expression whether it is true, or why it cannot be evaluated."""
        question = json.dumps({"expressions": list(expressions), "context": dict(context)})
        verdicts: list[bool | str] = await self._worker.ask(type="evaluate", json=question)
        return verdicts
