"""The worker that the boot script started before Python (``web/boot/early_worker.ts``), for the first engine to take.

It has a runtime and no model, as one that `JsEngineHost.prewarm` starts. Which one is taken, and what it loads, Python
decides afterwards, as of any worker.
"""

from __future__ import annotations

from typing import Any

from modelden._js.worker_scripts import Script
from modelden.ports import WorkerSpec

_offered: list[Any] = []
"""The ``EarlyWorker`` that waits for an engine; at most one."""


class EarlyScript(Script):
    """The script of a worker that runs already.

    Attributes:
        events: Events of the worker that nobody has handled, in their order.
    """

    def __init__(self, js_worker: Any, bundle: str, folder: str, js_events: Any) -> None:
        """Wrap a worker.

        Args:
            js_worker: The ``Worker``.
            bundle: File name of its script.
            folder: URL of the folder that it was started from.
            js_events: Its events so far.
        """
        super().__init__(bundle, folder)
        self._js_worker = js_worker
        self.events = list(js_events)

    def start(self) -> Any:
        """Return the worker."""
        return self._js_worker


def offer(js_early: Any) -> None:
    """Let the page's first engine take a worker. The boot script calls this.

    Args:
        js_early: The ``EarlyWorker``.
    """
    end()
    _offered.append(js_early)


def take(spec: WorkerSpec) -> EarlyScript | None:
    """Return the worker that was offered, once. One with another specification is ended, and one that failed."""
    if not _offered:
        return None
    js_early = _offered.pop()
    if WorkerSpec(js_early.bundle, js_early.glue, js_early.wasm, js_early.threads) != spec:
        js_early.end()
        return None
    js_worker = js_early.take()
    return None if js_worker is None else EarlyScript(js_worker, spec.bundle, js_early.folder, js_early.events)


def end() -> None:
    """End the worker that was offered, if no engine took it."""
    while _offered:
        _offered.pop().end()
