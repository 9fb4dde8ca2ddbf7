"""Runs the visitor's own Python: top-level await, the last expression is the result."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from pyodide.code import eval_code_async

NAME = "<your code>"
"""The file name in the visitor's tracebacks."""


class Cell:
    """One namespace for all runs.

    Attributes:
        names: What the code sees and sets.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        """Hand what the code prints to ``write``."""
        self._output = _Output(write)
        self.names: dict[str, Any] = {"__name__": "__main__"}

    async def run(self, code: str) -> tuple[str | None, str | None]:
        """Run ``code``.

        Returns:
            The representation of the last expression's value if it has one, and the error in words if there was one.
        """
        try:
            with redirect_stdout(self._output), redirect_stderr(self._output):
                value = await eval_code_async(code, self.names, filename=NAME)
                return (None if value is None else repr(value)), None
        # exit() is shown like an error: there is nothing to leave.
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - it may be anything
            return None, in_words(error)


class _Output(io.TextIOBase):
    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def write(self, text: str) -> int:
        self._write(text)
        return len(text)


def in_words(error: BaseException) -> str:
    """Return an error with its class and the line of the visitor's code in which it arose."""
    line = error.lineno if isinstance(error, SyntaxError) else _line(error)
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    where = f"Line {line}: " if line else ""
    return f"{where}{type(error).__name__}{f': {what}' if what else ''}"


def _line(error: BaseException) -> int | None:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
