"""Downloads that stop where the test wants: a hub with a limit, and what is stored of the file then.

Nothing here depends on how fast a machine is: the hub waits at its limit until the test lets it go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.hub import FaultyHub, Request
    from tests.pyodide.browser_page import Page

CHUNK = 16 * 1024 * 1024
"""What a kill may cost."""


def kept_at_limit(page: Page, hub: FaultyHub, path: str) -> int:
    """Bytes that are stored when all that the hub may send has come: all but a chunk at most, and more than half."""
    page.until(lambda: hub.at_limit(path), "the hub has sent what it may")
    answer = hub.last(path)
    came = first_byte(answer) + answer.sent
    page.until(lambda: came - kept(page) < min(CHUNK, came // 2), f"what is due of {came} bytes is stored")
    return kept(page)


def kept(page: Page) -> int:
    """Bytes that are stored of downloads that are not complete."""
    return sum(row["received"] for row in page.stored()["modelFiles"]["partials"])


def first_byte(request: Request) -> int:
    """The byte of the file with which the answer begins."""
    return int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
