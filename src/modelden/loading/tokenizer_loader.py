"""The loader of tokenizers: a worker with transformers.js, the tokenizer's files, and neither weights nor a runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelden.core.cleanup import clean_up
from modelden.engine.runtime_selection import Bundle
from modelden.errors import EngineError, FileNotFoundOnHub, NoRuntime
from modelden.hub.store.usage import Consumer
from modelden.loading.file_provider import EngineFileProvider
from modelden.ports import EngineHost, EngineWorker, WorkerSpec

if TYPE_CHECKING:
    from modelden.core.events import ProgressCallback
    from modelden.hub.catalog.allow_list import AllowList
    from modelden.hub.files import HubFiles
    from modelden.hub.store.usage import ModelLease

TOKENIZER = "tokenizer"
"""The worker's task, and the task that the files are stored for."""


async def load_tokenizer(
    hub: HubFiles,
    allow_list: AllowList,
    bundles: Sequence[Bundle],
    engines: EngineHost,
    model: str,
    revision: str,
    root_url: str,
    url_template: str,
    on_progress: ProgressCallback | None,
) -> tuple[EngineWorker, ModelLease]:
    """Return a worker with a tokenizer, and the lease of its files.

    Raises:
        ModelDenError: As `modelden.load_tokenizer`.
    """
    bundle = max(bundles, key=lambda each: each.major, default=None)
    if bundle is None:
        raise NoRuntime("This modelden has no JavaScript of transformers.js, which has the tokenizers.")
    message = {
        "task": TOKENIZER,
        "modelId": model,
        "modelRevision": revision,
        "hubRootUrl": root_url,
        "hubUrlTemplate": url_template,
        "dtype": None,
        "device": None,
        "logSeverity": 3,
        "useExternalDataFormat": None,
    }
    async with hub.update_branch() as branch:
        worker = engines.start(WorkerSpec(bundle.bundle, bundle.glue, bundle.sha256, 1))
        files = EngineFileProvider(hub, Consumer(TOKENIZER, TOKENIZER), allow_list, on_progress, branch=branch)
        try:
            try:
                await worker.create(message, None, files, {})
            except EngineError as error:
                cause = files.cause_of(error)
                if isinstance(cause, FileNotFoundOnHub):
                    cause = await files.missing_model(cause)
                if cause is error:
                    raise
                raise cause from error
            await branch.commit()
            await files.remember_missing()
        except BaseException:
            clean_up(worker.close, files.lease.end)
            raise
    return worker, files.lease
