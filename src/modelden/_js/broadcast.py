"""`ports.Tabs` over a BroadcastChannel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from js import BroadcastChannel
from pyodide.ffi import create_proxy

NAME = "modelden"
"""The channel's name; all contexts of one origin hear it."""


class JsTabs:
    """The other pages and workers of the same origin. Opened when it is first listened to."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._channel: Any = None
        self._receiver: Any = None

    def post(self, message: Mapping[str, Any]) -> None:
        """Tell them something; nobody hears it before `listen` or after `close`."""
        if self._channel is not None:
            self._channel.postMessage(json.dumps(dict(message)))

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call ``listener`` with what they tell."""
        self._receiver = create_proxy(lambda event: listener(json.loads(event.data)))
        self._channel = BroadcastChannel.new(NAME)
        self._channel.onmessage = self._receiver

    def close(self) -> None:
        """Hear and tell no more."""
        if self._channel is not None:
            self._channel.onmessage = None
            self._channel.close()
            self._channel = None
            self._receiver.destroy()
