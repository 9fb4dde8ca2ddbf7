"""The trust worker (``web/worker/trust.ts``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelden._js.worker import WorkerPort
from modelden._js.worker_scripts import Script


class TrustWorker:
    """Lives while somebody needs it: what it is asked is asked once in days, and a worker takes memory."""

    def __init__(self, worker_url: str | None) -> None:
        """Start nothing yet."""
        self._worker_url = worker_url
        self._port: WorkerPort | None = None
        self._users = 0

    @contextmanager
    def kept_ready(self) -> Iterator[None]:
        """Have the worker while the context is open."""
        self._users += 1
        try:
            self._start()
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                self._end()

    async def ask(self, **message: Any) -> Any:
        """Ask one question.

        Returns:
            The reply's JSON.

        Raises:
            EngineError: If the worker says that it failed.
            WorkerRefused: If the browser does not start it.
            EngineCrashed: If it died.
        """
        with self.kept_ready():
            return json.loads((await self._start().request(**message)).json)

    def _start(self) -> WorkerPort:
        if self._port is None:
            self._port = WorkerPort(Script("trust.js", self._worker_url))
            self._port.watch(lambda _: self._end())  # the next question starts another one
        return self._port

    def _end(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None
