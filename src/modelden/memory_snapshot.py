"""The state of Python in a memory snapshot of Pyodide: every module imported, nothing of the page that made it.

`modelden snapshot` calls `import_modules` in the Pyodide that it takes the snapshot of. `web/boot` calls `resume` in
each page that starts from it.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import time
from collections.abc import Mapping
from importlib import import_module
from pkgutil import walk_packages

import modelden
from modelden.default_context import page

_HOST = ("modelden.host", "modelden.__main__")
"""Modules for other Pythons than Pyodide's."""


def import_modules(*others: str) -> None:
    """Import all modules that a page may need, so that no page imports any.

    No module reads a value of ``js`` while it is imported: the snapshot would keep the value of the page that made it.

    Args:
        *others: Further modules.
    """
    names = [module.name for module in walk_packages(modelden.__path__, "modelden.")]
    for name in (*names, *others):
        if not name.startswith(_HOST):
            import_module(name)
    page.complete = True
    gc.collect()


def resume(environment: Mapping[str, str]) -> None:
    """Replace the values of Python that belong to one page: its random numbers, its clock, its environment.

    Args:
        environment: Environment variables of this page.
    """
    random.seed()
    os.environ.update(environment)
    logging._startTime = time.time_ns()  # type: ignore[attr-defined]  # noqa: SLF001  of `LogRecord.relativeCreated`
    _set_time_zone()


def _set_time_zone() -> None:
    """Set the time zone of `time` as the C library does it when Python starts."""
    year = time.gmtime().tm_year
    offsets = [time.localtime(time.mktime((year, month, 1, 12, 0, 0, 0, 0, -1))).tm_gmtoff for month in (1, 7)]
    standard, summer = min(offsets), max(offsets)
    time.timezone, time.altzone = -standard, -summer
    time.daylight = int(standard != summer)
    time.tzname = (_zone_name(standard), _zone_name(summer))


def _zone_name(offset: int) -> str:
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"UTC{'-' if offset < 0 else '+'}{hours:02}{minutes:02}"
