"""The worker that was started before there is an engine to take it: by the boot script or by `last_worker`.

It has a runtime and no model. Whether it is taken, and what it loads, is decided afterwards, as of any worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelden._js.worker_scripts import Script

if TYPE_CHECKING:
    from modelden.ports import WorkerSpec

_offered: list[Any] = []
"""The ``EarlyWorker`` (``web/boot/early_worker.ts``) or `LastWorker` that waits for an engine; at most one."""


class EarlyScript(Script):
    """The script of a worker that runs already.

    Attributes:
        events: Events of the worker that nobody has handled, in their order.
    """

    def __init__(self, js_worker: Any, early: Any) -> None:
        """Wrap a worker.

        Args:
            js_worker: The ``Worker``.
            early: The ``EarlyWorker`` or `LastWorker` that it was taken from.
        """
        super().__init__(early.bundle, early.folder)
        self.url = early.url
        self._js_worker = js_worker
        self.events = list(early.events)

    def start(self) -> Any:
        """Return the worker."""
        return self._js_worker


def offer(early: Any) -> None:
    """Let the page's first engine take a worker. The boot script calls this, too.

    Args:
        early: The ``EarlyWorker`` or `LastWorker`.
    """
    end()
    _offered.append(early)


def is_offered() -> bool:
    """Return True if a worker waits for an engine."""
    return bool(_offered)


def take(spec: WorkerSpec) -> EarlyScript | None:
    """Return the worker that was offered, once. One with another specification is ended, and one that failed."""
    if not _offered:
        return None
    early = _offered.pop()
    if (early.bundle, early.glue, early.wasm, early.threads) != spec:
        early.end()
        return None
    js_worker = early.take()
    return None if js_worker is None else EarlyScript(js_worker, early)


def end() -> None:
    """End the worker that was offered, if no engine took it."""
    while _offered:
        _offered.pop().end()
