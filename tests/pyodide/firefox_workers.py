"""Frees workers of Firefox that WebDriver has blocked, through Firefox's own debugger server.

While WebDriver listens for workers, a worker that starts another one waits on the new worker's condition variable until
the main thread has registered it (``WorkerPrivate::WaitForIsDebuggerRegistered``). The new worker's thread waits on the
same variable for work, and the one notification can wake the wrong one of the two: then both wait for good. Whatever
notifies the variable again frees them. A memory report does: it asks every worker for its figures.
"""

from __future__ import annotations

import json
import logging
import socket
from contextlib import suppress
from typing import Any, Self

logger = logging.getLogger(__name__)

type Json = dict[str, Any]

SECONDS = 20
"""The debugger server has this long for one answer."""

_REPORT = (
    'Cc["@mozilla.org/memory-reporter-manager;1"].getService(Ci.nsIMemoryReporterManager)'
    ".getReports(() => {}, null, () => {}, null, false)"
)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


PORT = free_port()
"""This process' Firefox has its debugger server there."""

ARGUMENTS = [f"--start-debugger-server={PORT}"]

PREFERENCES = {
    "devtools.debugger.remote-enabled": True,
    "devtools.debugger.prompt-connection": False,
    "devtools.chrome.enabled": True,
}


def wake_workers() -> None:
    """Notify every worker once."""
    with suppress(OSError), _Debugger() as debugger:
        process = debugger.ask("root", "getProcess", id=0)["processDescriptor"]["actor"]
        console = debugger.ask(process, "getTarget")["process"]["consoleActor"]
        debugger.ask(console, "evaluateJSAsync", text=_REPORT)
        logger.warning("A worker of Firefox did not answer; all workers were woken")


class _Debugger:
    """A connection to the debugger server: messages are JSON, each after its length."""

    def __init__(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", PORT), SECONDS)
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        self._read()  # its greeting
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def ask(self, actor: str, request: str, **arguments: Any) -> Json:
        """Send one request and return its answer."""
        data = json.dumps({"to": actor, "type": request, **arguments}).encode()
        self._socket.sendall(b"%d:%b" % (len(data), data))
        while True:
            message = self._read()
            if message["from"] == actor and "type" not in message:  # the others are events
                return message

    def _read(self) -> Json:
        length = b""
        while not length.endswith(b":"):
            byte = self._stream.read(1)
            if not byte:
                raise ConnectionError("Firefox closed the connection")
            length += byte
        message: Json = json.loads(self._stream.read(int(length[:-1])))
        return message
