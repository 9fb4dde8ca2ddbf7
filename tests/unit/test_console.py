"""The messages of a browser's console that fail a test."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tests.pyodide.console import LOGGING, Console, never, unexpected

THREADS = "env.wasm.numThreads is set to 2, but this will not work unless you enable crossOriginIsolated mode."


class Context:
    """A browser's context, whose listeners the test calls."""

    def __init__(self) -> None:
        self.listeners: dict[str, Any] = {}

    def on(self, event: str, listener: Any) -> None:
        self.listeners[event] = listener


def test_warnings_and_errors_of_tabs_workers_and_the_page_are_collected_once() -> None:
    console, context = Console(), Context()
    console.watch(context)  # type: ignore[arg-type]  # all that it reads of a context
    for level in ("log", "warning", "error", "info"):
        context.listeners["console"](SimpleNamespace(type=level, text=f"a {level}"))
    context.listeners["weberror"](SimpleNamespace(error=SimpleNamespace(message="nobody caught it")))

    messages = console.take("loaded\nwarn: from the page\nerror: from the page, too")

    assert messages == [
        *("a warning", "a error", "uncaught: nobody caught it"),
        *("from the page", "from the page, too"),
    ]
    assert console.take() == []


@pytest.mark.parametrize(
    "message",
    [
        THREADS,
        "uncaught: TypeError: s is null",
        "ERROR asyncio: Task exception was never retrieved | Traceback (most recent call last): | CancelledError",
        "ERROR modelden.core.events: A listener failed on the event update available",
        "WARNING py.warnings: page.py:1: DeprecationWarning: old",
    ],
)
def test_a_test_fails_on_what_it_does_not_expect(message: str) -> None:
    assert unexpected([message], ["another pattern"]) == [message]
    assert unexpected([message], [message[:10]]) == []


def test_what_may_never_be_there_is_found() -> None:
    assert never(["anything else", THREADS]) == [THREADS]


@pytest.mark.parametrize(
    "message",
    [
        "Failed to load resource: the server responded with a status of 404 (Not Found)",
        "Access to fetch at 'http://localhost:1/a' from origin 'http://a' has been blocked by CORS policy: …",
        "uncaught: The Same Origin Policy disallows reading the remote resource at http://localhost:1/a. (Reason: …)",
        "WARNING modelden.settings.sync: https://models.example/v1 Trying once more from scratch.",
        "WARNING py.warnings: storage_fallback.py:27: StorageWarning: The browser refuses storage.",
    ],
)
def test_what_a_fault_provokes_is_expected(message: str) -> None:
    assert unexpected([message], []) == []


def test_a_traceback_is_one_message() -> None:
    code = f"{LOGGING}\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.getLogger('part').exception('Oh.')\n"

    process = subprocess.run(  # noqa: S603  this Python
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("ERROR part: Oh. | Traceback (most recent call last): | ")
