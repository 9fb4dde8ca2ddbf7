"""Prewarming: starts the worker of the last visit's engine while Python imports what decides on the new one.

The guess is made from files that were verified when they were stored. A right guess costs a visit nothing. A wrong one
costs half a second of another core, when settings or the caller want another runtime.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from modelden.core.event_loop import start_eagerly
from modelden.engine.last_engine import MODELDEN, LastEngine, read_last_engine
from modelden.errors import ModelDenError
from modelden.ports import Blob, WorkerSpec
from modelden.settings.schema import REMOTE_SETTINGS

if TYPE_CHECKING:
    from modelden.config import Configuration
    from modelden.engine.runtime_selection import Bundle
    from modelden.ports import Databases, EngineHost

logger = logging.getLogger(__name__)


async def prewarm(
    config: Configuration, databases: Databases, workers: Awaitable[tuple[EngineHost, Sequence[Bundle]]]
) -> None:
    """Start the worker that the next engine will want if nothing has changed.

    A failure is logged: whatever was wrong fails again where the engine is created.

    Args:
        config: The configuration.
        databases: The browser's databases.
        workers: The host of workers, and the JavaScript in this wheel; awaited while the databases answer.
    """
    reading = start_eagerly(_read_stored(config, databases))
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # retrieved, if the host fails
    try:
        host, bundles = await workers
        stored = await reading
        if stored is not None and (spec := _worker_spec(config, stored.engine, bundles)) is not None:
            # Nothing is imported at the same time: browsers fetch a worker's script on the page's thread.
            await host.prewarm(spec, stored.wasm)
    except ModelDenError as error:
        logger.debug("No worker is started ahead: %s", error)
    except Exception:
        logger.exception("No worker is started ahead.")
    finally:
        reading.cancel()  # if this call was cancelled, or the host failed


class _Stored(NamedTuple):
    engine: LastEngine
    wasm: Blob


async def _read_stored(config: Configuration, databases: Databases) -> _Stored | None:
    # Eagerly: before the first of the worker's modules is imported.
    opening = [start_eagerly(databases.open(schema)) for schema in (MODELDEN, REMOTE_SETTINGS)]
    modelden, settings = await asyncio.gather(*opening)
    engine = await read_last_engine(modelden, config.trust_source, time.time_ns() // 1_000_000)
    if engine is None:
        return None
    # Imported while the databases were opened.
    from modelden.engine.runtime_selection import COLLECTION
    from modelden.settings.store import AttachmentStore

    wasm = await AttachmentStore(settings).read(config.cid(COLLECTION), engine.runtime)
    return None if wasm is None else _Stored(engine, wasm)


def _worker_spec(config: Configuration, engine: LastEngine, bundles: Sequence[Bundle]) -> WorkerSpec | None:
    from modelden.engine.runtime_selection import find_bundle

    bundle = find_bundle(engine.runtime, bundles)
    if config.runtime_major not in (None, bundle.major):
        return None
    return WorkerSpec(bundle.bundle, bundle.glue, bundle.sha256, engine.threads)
