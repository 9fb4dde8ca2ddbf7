"""One question to the trust worker (``web/worker/trust.ts``)."""

from __future__ import annotations

import json
from typing import Any

from modelden._js.worker import WorkerPort


async def ask_trust_worker(**message: Any) -> Any:
    """Start the worker, ask, end it: what it is asked is asked once in days.

    Returns:
        The reply's JSON.

    Raises:
        EngineError: If the worker says that it failed.
        EngineCrashed: If it died.
    """
    port = WorkerPort("trust.js")
    try:
        text = (await port.request(**message)).json
    finally:
        port.close()
    return json.loads(text)
