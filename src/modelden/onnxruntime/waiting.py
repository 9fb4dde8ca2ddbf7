"""The wait of a synchronous call, where the browser can suspend Python."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from modelden.errors import NotInBrowser, SyncUnavailable


def wait[T](start: Callable[[], Awaitable[T]], instead: str) -> T:
    """Wait for the result of an asynchronous call.

    Args:
        start: The call.
        instead: The call that does not wait, for the error.

    Raises:
        SyncUnavailable: If Python cannot be suspended here.
        NotInBrowser: Outside Pyodide.
    """
    from modelden.default_context import suspender

    host = suspender()
    if host is None:
        raise NotInBrowser("modelden.onnxruntime runs models in a browser; on this Python use onnxruntime itself.")
    if not host.can_suspend():
        raise SyncUnavailable(f"Python cannot be suspended here, so it cannot wait for the model: use {instead}.")

    async def outcome() -> tuple[Any, Exception | None]:
        # As a value: an error that passes through JavaScript stays there, and with its frames the session.
        try:
            return await start(), None
        except Exception as error:  # noqa: BLE001  raised below
            return None, error

    result, error = host.wait_for(outcome())
    if error is not None:
        raise error
    value: T = result
    return value
