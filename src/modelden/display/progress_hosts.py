"""The places that can show a line of progress: kernels of IPython, marimo, PyScript, elements, terminals and logs.

No host is imported: one that runs this Python has imported itself.
"""

from __future__ import annotations

import sys
from html import escape
from itertools import count
from typing import IO, Any

from modelden.display.progress_display import ProgressHost
from modelden.display.progress_line import ProgressState

_NUMBERS = count(1)
_CLEAR_LINE = "\r\x1b[K"  # ECMA-48, EL
_QUARTERS = 4


def find_host(progress: Any) -> ProgressHost:
    """Return the place for a line: the element that is given, else the one that this Python's host has."""
    if not (progress is None or progress is True):
        return ElementHost(progress)
    marimo: Any = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        return MarimoHost(marimo)
    if in_kernel():
        return KernelHost()
    for stream in (sys.stderr, sys.stdout):
        if stream is not None and stream.isatty():
            return TerminalHost(stream)
    pyscript: Any = sys.modules.get("pyscript")
    return PyScriptHost(pyscript) if hasattr(pyscript, "display") else LogHost()


def in_kernel() -> bool:
    """Return True in a notebook of Jupyter; IPython in a terminal is none."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    return shell is not None and not any(each.__name__ == "TerminalInteractiveShell" for each in type(shell).__mro__)


class ProgressView:
    """One state as HTML and as text."""

    def __init__(self, state: ProgressState) -> None:
        value = "" if state.is_estimate and not state.is_done else f' value="{state.fraction:.3f}"'
        self._line = str(state)
        text = escape(self._line.rpartition("│")[2].strip())
        self._html = f'<progress max="1"{value} aria-label="{text}"></progress> <span>{text}</span>'

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        """Return the line."""
        return self._line


class KernelHost:
    """An output of a cell, updated by its ``display_id``."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, state: ProgressState) -> None:
        """Show a state."""
        if self._handle is None:
            self._handle = sys.modules["IPython"].display.display(ProgressView(state), display_id=True)
        else:
            self._handle.update(ProgressView(state))


class MarimoHost:
    """The progress bar of marimo."""

    def __init__(self, marimo: Any) -> None:
        self._marimo = marimo
        self._bar: Any = None
        self._shown = 0

    def show(self, state: ProgressState) -> None:
        """Show a state."""
        if self._bar is None:
            self._context = self._marimo.status.progress_bar(
                total=100, title="modelden", show_rate=False, show_eta=False
            )
            self._bar = self._context.__enter__()
        percent = round(100 * state.fraction)
        self._bar.update(percent - self._shown, subtitle=str(state).rpartition("│")[2].strip())
        self._shown = percent
        if state.is_done:
            self._context.__exit__(None, None, None)


class PyScriptHost:
    """An element of its own, which ``pyscript.display`` adds and updates, on the main thread and in a worker."""

    def __init__(self, pyscript: Any) -> None:
        self._pyscript = pyscript
        self._target: str | None = None

    def show(self, state: ProgressState) -> None:
        """Show a state."""
        if self._target is None:
            self._target = f"modelden-progress-{next(_NUMBERS)}"
            self._pyscript.display(self._pyscript.HTML(f'<div id="{self._target}"></div>'))
        self._pyscript.display(ProgressView(state), target=self._target, append=False)


class ElementHost:
    """An element of the page: its text, its ARIA attributes, and the value of a ``<progress>``."""

    def __init__(self, element: Any) -> None:
        self._element = element

    def show(self, state: ProgressState) -> None:
        """Show a state."""
        if str(self._element.tagName).upper() == "PROGRESS":
            self._element.max, self._element.value = 1, state.fraction
            self._element.title = str(state).rpartition("│")[2].strip()
            return
        self._element.setAttribute("role", "progressbar")
        self._element.setAttribute("aria-valuenow", f"{100 * state.fraction:.0f}")
        self._element.textContent = str(state)


class TerminalHost:
    """A line of a terminal, written over itself."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def show(self, state: ProgressState) -> None:
        """Show a state."""
        self._stream.write(f"{_CLEAR_LINE}{state}{'\n' if state.is_done else ''}")
        self._stream.flush()


class LogHost:
    """Lines of the page's console, one for each quarter."""

    def __init__(self) -> None:
        self._quarter = -1

    def show(self, state: ProgressState) -> None:
        """Show a state."""
        quarter = int(state.fraction * _QUARTERS)
        if state.is_done or quarter > self._quarter:
            self._quarter = quarter
            sys.stdout.write(f"{state}\n")
