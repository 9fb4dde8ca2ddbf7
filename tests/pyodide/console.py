"""The console of a test's tabs and of their workers. A test fails on each warning and error that it does not expect.

Expected in every test are `PROVOKED`. Whatever else a test provokes, it names in ``@pytest.mark.console("pattern")``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import BrowserContext, ConsoleMessage, WebError

LEVELS = {"warning", "error", "assert"}

PROVOKED = (
    # The browsers' own reports of requests that a server refused, cut or did not answer.
    r"^Failed to load resource: ",
    r"^Access to fetch at \S+ from origin \S+ has been blocked by CORS policy: ",
    r"^(uncaught: )?(Cross-Origin Request Blocked: )?The Same Origin Policy disallows reading the remote resource at ",
    # The words in which modelden says what it did about a fault. An unexpected error is logged as ERROR, and a failed
    # task that nobody awaits by asyncio.
    r"^WARNING modelden\.",
    r"^WARNING py\.warnings: .*StorageWarning",
)

NEVER = r"numThreads|multi-threading is not supported"
"""No fault is a reason for these: onnxruntime is asked for no more threads than there can be."""

MARKED = """
    for (const level of ["warn", "error"]) {
        const log = console[level];
        console[level] = (...args) => log(`${level}: ${args.join(" ")}`);
    }
"""
"""JavaScript. The pages of pytest-pyodide keep what is logged in one list, without its level."""

LOGGING = """
import logging

class OneLine(logging.Formatter):
    def format(self, record):
        return " | ".join(super().format(record).splitlines())

handler = logging.StreamHandler()
handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
logging.basicConfig(handlers=[handler])
logging.captureWarnings(True)
"""
"""Python. By default a message has neither its level nor its logger, and a traceback is many messages."""

_MARK = re.compile(r"^(?:warn|error): ")


class Console:
    """Collects what the tabs of a context and their workers log."""

    def __init__(self) -> None:
        self._messages: list[str] = []

    def watch(self, context: BrowserContext) -> None:
        """Begin to collect."""
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)

    def take(self, logs: str = "") -> list[str]:
        """Return the warnings and errors since the last call, and those of the page's own list.

        Args:
            logs: The page's list, a message a line.
        """
        messages, self._messages = self._messages, []
        return messages + [line[match.end() :] for line in logs.splitlines() if (match := _MARK.match(line))]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in LEVELS:
            self._messages.append(message.text)

    def _on_error(self, error: WebError) -> None:
        self._messages.append(f"uncaught: {error.error.message}")


def unexpected(messages: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Return the messages in which none of these patterns is found, nor one of `PROVOKED`."""
    patterns = [*PROVOKED, *expected]
    return [message for message in messages if not any(re.search(pattern, message) for pattern in patterns)]


def never(messages: Sequence[str]) -> list[str]:
    """Return the messages of `NEVER`."""
    return [message for message in messages if re.search(NEVER, message)]
