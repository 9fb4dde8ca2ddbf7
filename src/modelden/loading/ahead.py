"""The runtime of the last visit's engine starts while Python imports what will decide whether it is the right one.

A guess, from what was verified when it was stored: it costs a visit nothing when it is right, and half a second of
another core when settings, or the caller, want another runtime.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from modelden.config import Configuration
from modelden.engine import runtime
from modelden.engine.latest import latest
from modelden.engine.runtime import Bundle
from modelden.engine.schema import MODELDEN
from modelden.errors import ModelDenError
from modelden.ports import Databases, EngineHost, Start
from modelden.settings.attachment_store import AttachmentStore
from modelden.settings.schema import REMOTE_SETTINGS

logger = logging.getLogger(__name__)


async def start_ahead(
    config: Configuration, bundles: Sequence[Bundle], databases: Databases, engines: EngineHost
) -> None:
    """Start the worker that the next engine will want if nothing has changed. What fails here fails later, in words.

    Args:
        config: What is configured.
        bundles: The JavaScript in this wheel.
        databases: The browser's.
        engines: Starts workers.
    """
    try:
        last = await latest(await databases.open(MODELDEN), config.trust_source)
        if last is None:
            return
        bundle = runtime.bundle_of(last.runtime, bundles)
        runtime.check_fits(last.runtime, bundle)
        kept = AttachmentStore(await databases.open(REMOTE_SETTINGS))
        wasm = await kept.read(config.cid(runtime.COLLECTION), last.runtime)
        if wasm is not None and config.runtime_major in (None, bundle.major):
            start = Start(bundle.bundle, bundle.glue, bundle.sha256, last.threads)
            await engines.start_ahead(start, wasm)
    except ModelDenError as error:
        logger.debug("No engine is started ahead: %s", error)
