"""Prewarming: starts the worker of the last visit's engine while Python imports what decides on the new one.

The guess is made from files that were verified when they were stored. A right guess costs a visit nothing. A wrong one
costs half a second of another core, when settings or the caller want another runtime.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence

from modelden.config import Configuration
from modelden.engine import runtime_selection
from modelden.engine.last_engine import MODELDEN, read_last_engine
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError
from modelden.ports import Blob, Databases, EngineHost, WorkerSpec
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.store import AttachmentStore

logger = logging.getLogger(__name__)


async def prewarm(
    config: Configuration, bundles: Sequence[Bundle], databases: Databases, engines: Awaitable[EngineHost]
) -> None:
    """Start the worker that the next engine will want if nothing has changed.

    A failure is logged: whatever was wrong fails again where the engine is created.

    Args:
        config: The configuration.
        bundles: The JavaScript in this wheel.
        databases: The browser's databases.
        engines: The host of workers; awaited while the databases answer.
    """
    prediction = asyncio.ensure_future(_predict_worker(config, bundles, databases))
    prediction.add_done_callback(lambda done: done.cancelled() or done.exception())  # retrieved, if the host fails
    try:
        host = await engines
        predicted = await prediction
        if predicted is not None:
            # Nothing is imported at the same time: browsers fetch a worker's script on the page's thread.
            await host.prewarm(*predicted)
    except ModelDenError as error:
        logger.debug("No worker is started ahead: %s", error)
    except Exception:
        logger.exception("No worker is started ahead.")
    finally:
        prediction.cancel()  # if this call was cancelled, or the host failed


async def _predict_worker(
    config: Configuration, bundles: Sequence[Bundle], databases: Databases
) -> tuple[WorkerSpec, Blob] | None:
    modelden, settings = await asyncio.gather(databases.open(MODELDEN), databases.open(REMOTE_SETTINGS))
    last = await read_last_engine(modelden, config.trust_source, time.time_ns() // 1_000_000)
    if last is None:
        return None
    bundle = runtime_selection.find_bundle(last.runtime, bundles)
    wasm = await AttachmentStore(settings).read(config.cid(runtime_selection.COLLECTION), last.runtime)
    if wasm is None or config.runtime_major not in (None, bundle.major):
        return None
    return WorkerSpec(bundle.bundle, bundle.glue, bundle.sha256, last.threads), wasm
