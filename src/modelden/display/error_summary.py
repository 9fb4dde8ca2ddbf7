"""The lines that IPython shows of an error, in place of all frames: the caller's line and the message. Pure.

Source: IPython's ``InteractiveShell.showtraceback``, which asks an exception for ``_render_traceback_``.
"""

from __future__ import annotations

import linecache
import traceback

_PACKAGE = __name__.partition(".")[0]

FULL_TRACE = "All frames: import sys, traceback; traceback.print_exception(sys.last_exc)"
"""The call for all frames. IPython's ``%tb`` would show the same lines again."""


def summarize_error(error: BaseException) -> list[str]:
    """Return the caller's line, the error's class and message, its notes, and the call for all frames."""
    notes = getattr(error, "__notes__", ())
    return [*_caller(error), f"{type(error).__name__}: {error}", *notes, "", FULL_TRACE]


def _caller(error: BaseException) -> list[str]:
    """Return the last line of code before this package's own frames."""
    caller = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE:
            break
        caller = frame, number
    if caller is None:
        return []
    frame, number = caller
    source = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
    return [f"line {number}: {source}", ""] if source else []
