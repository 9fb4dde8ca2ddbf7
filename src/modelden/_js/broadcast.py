"""`ports.Tabs` over a BroadcastChannel."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy

logger = logging.getLogger(__name__)

NAME = "modelden"
"""The channel's name; all contexts of one origin receive its messages."""


class JsTabs:
    """The other pages and workers of the same origin. `listen` opens the channel, `close` closes it."""

    def __init__(self) -> None:
        self._channel: Any = None
        self._receiver: Any = None

    def post(self, message: Mapping[str, Any]) -> None:
        """Send a message to the others. Without `listen` the channel is open for it alone."""
        try:
            channel = self._channel or js.BroadcastChannel.new(NAME)
            channel.postMessage(json.dumps(dict(message)))
            if self._channel is None:
                channel.close()
        except (AttributeError, JsException) as error:  # a browser without it; Firefox where site data are blocked
            logger.debug("A message to other tabs was not sent: %s", error)

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Open the channel, and call ``listener`` with each message."""
        try:
            self._channel = js.BroadcastChannel.new(NAME)
        except (AttributeError, JsException) as error:  # a browser without it; Firefox where site data are blocked
            logger.debug("There are no messages between tabs: %s", error)
            return
        self._receiver = create_proxy(lambda event: _receive(event.data, listener))
        self._channel.onmessage = self._receiver

    def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            self._channel.onmessage = None
            self._channel.close()
            self._channel = None
            self._receiver.destroy()


def _receive(data: Any, listener: Callable[[dict[str, Any]], None]) -> None:
    """Call the listener with a message. Other scripts may use the channel's name: what is no JSON object is ignored."""
    try:
        message = json.loads(data)
    except (TypeError, ValueError):
        return
    if not isinstance(message, dict):
        return
    try:
        listener(message)
    except Exception:  # an event handler has no caller
        logger.exception("A message of another tab could not be handled.")
