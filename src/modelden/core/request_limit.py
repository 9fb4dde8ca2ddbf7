"""A time limit for a whole request: connection, headers and body.

Settings and certificates are small. A server that sends a byte now and then must not hold a page up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from modelden.errors import RequestTimeout


@asynccontextmanager
async def limit_request(url: str, seconds: float) -> AsyncIterator[None]:
    """End the context after a time.

    Args:
        url: The requested URL, for the error.
        seconds: The time limit.

    Raises:
        RequestTimeout: If the time passed.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise RequestTimeout(url, seconds) from error
