"""The runtime of the last visit's engine starts while Python imports what will decide whether it is the right one.

A guess, from what was verified when it was stored: it costs a visit nothing when it is right, and half a second of
another core when settings, or the caller, want another runtime.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence

from modelden.config import Configuration
from modelden.engine import runtime_selection
from modelden.engine.last_engine import MODELDEN, latest
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError
from modelden.ports import Blob, Databases, EngineHost, WorkerSpec
from modelden.settings.attachment_store import AttachmentStore
from modelden.settings.schema import REMOTE_SETTINGS

logger = logging.getLogger(__name__)


async def prewarm(
    config: Configuration, bundles: Sequence[Bundle], databases: Databases, engines: Awaitable[EngineHost]
) -> None:
    """Start the worker that the next engine will want if nothing has changed. What fails here fails later, in words.

    Args:
        config: What is configured.
        bundles: The JavaScript in this wheel.
        databases: The browser's.
        engines: Starts workers; awaited while the databases answer.
    """
    expecting = asyncio.ensure_future(_expected(config, bundles, databases))
    try:
        host = await engines
        expected = await expecting
        if expected is not None:
            # Nothing is imported beside this: browsers fetch a worker's script on the page's thread.
            await host.prewarm(*expected)
    except ModelDenError as error:
        logger.debug("No engine is started ahead: %s", error)
    finally:
        expecting.cancel()  # where the caller was


async def _expected(
    config: Configuration, bundles: Sequence[Bundle], databases: Databases
) -> tuple[WorkerSpec, Blob] | None:
    modelden, settings = await asyncio.gather(databases.open(MODELDEN), databases.open(REMOTE_SETTINGS))
    last = await latest(modelden, config.trust_source)
    if last is None:
        return None
    bundle = runtime_selection.find_bundle(last.runtime, bundles)
    runtime_selection.check_build(last.runtime, bundle)
    wasm = await AttachmentStore(settings).read(config.cid(runtime_selection.COLLECTION), last.runtime)
    if wasm is None or config.runtime_major not in (None, bundle.major):
        return None
    return WorkerSpec(bundle.bundle, bundle.glue, bundle.sha256, last.threads), wasm
