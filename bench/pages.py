"""Pages with Pyodide in a new browser, for measurements."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.pyodide.runners import page_with_pyodide  # noqa: E402  the path above is needed first

__all__ = ["BROWSERS", "ROOT", "page_with_pyodide", "report"]

BROWSERS = ["chrome", "firefox"]


def report(measure: Callable[[str], Any], names: list[str]) -> None:
    """Measure in these browsers, or in both, and print the result as JSON."""
    results = {name: measure(name) for name in names or BROWSERS}
    print(json.dumps({"load average": os.getloadavg()[0], **results}, indent=2))  # noqa: T201  its one result
