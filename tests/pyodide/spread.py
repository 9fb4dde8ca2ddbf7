"""Spreads tests over pytest-xdist's processes: each process drives one browser, and takes whole modules of its tests.

A second browser in a process would cost its start and that of Pyodide, seconds each. Modules go to whoever is free.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

NO_BROWSER = "-"
"""Tests without a browser are one group, which is begun before all others.

Once Playwright's synchronous API has started, its event loop runs for good in that process, and no coroutine test can.
"""


def group(runtime: str, module: str) -> str:
    """Return the name of the group of a module's tests in one browser."""
    return f"{runtime} {module}" if runtime else NO_BROWSER


class BrowserScheduling(LoadGroupScheduling):
    """Gives each process the groups of one browser."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._browser_by_node: dict[WorkerController, str | None] = {}

    def _assign_work_unit(self, node: WorkerController) -> None:
        wanted = self._next_group(node)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self.workqueue and self._next_group(node) is None:
            if not node.shutting_down:
                node.shutdown()
        else:
            super()._reschedule(node)

    def _next_group(self, node: WorkerController) -> str | None:
        browser = self._browser_of(node)
        return next(
            (each for each in self.workqueue if browser is None or _browser(each) in (browser, NO_BROWSER)), None
        )

    def _browser_of(self, node: WorkerController) -> str | None:
        """Return the browser of a process; None for one that takes what is left, as one does that replaces another."""
        if node not in self._browser_by_node:
            number, browsers = len(self._browser_by_node), self._browsers
            all_are_covered = 0 < len(browsers) <= self.numnodes
            bound = all_are_covered and number < self.numnodes
            self._browser_by_node[node] = browsers[number % len(browsers)] if bound else None
        return self._browser_by_node[node]

    @cached_property
    def _browsers(self) -> list[str]:
        groups = {self._split_scope(nodeid) for nodeid in self.collection or []}
        return sorted({_browser(each) for each in groups} - {NO_BROWSER})


def _browser(name: str) -> str:
    return name.partition(" ")[0]
