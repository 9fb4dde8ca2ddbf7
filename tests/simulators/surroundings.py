"""What is around the core in a browser: filter expressions, other tabs, the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class ScriptedExpressions:
    """Knows the verdicts that it was given; anything else cannot be evaluated. Keeps what it was asked."""

    def __init__(self, **verdicts: bool) -> None:
        self.verdicts: dict[str, bool] = verdicts
        self.asked: list[str] = []
        self.contexts: list[Mapping[str, Any]] = []

    async def evaluate(self, expressions: Sequence[str], context: Mapping[str, Any]) -> list[bool | str]:
        self.asked += expressions
        self.contexts.append(context)
        return [self.verdicts.get(expression, f"unknown: {expression}") for expression in expressions]


class MemoryTabs:
    """The tabs of one origin; `other` opens one more."""

    def __init__(self, tabs: list[MemoryTabs] | None = None) -> None:
        self._tabs = [] if tabs is None else tabs
        self._tabs.append(self)
        self._listeners: list[Callable[[dict[str, Any]], None]] = []

    def other(self) -> MemoryTabs:
        return MemoryTabs(self._tabs)

    def post(self, message: Mapping[str, Any]) -> None:
        text = json.dumps(dict(message))
        for tab in self._tabs:
            for listener in tab._listeners if tab is not self else []:
                listener(json.loads(text))

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        self._listeners.append(listener)

    def close(self) -> None:
        self._listeners.clear()


class ScriptedPage:
    """A page that becomes visible when a test says so."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []
        self.usage = 1_000
        self.quota = 1_000_000
        self.persisted = False

    def environment(self) -> Mapping[str, Any]:
        return {"version": "1.0", "locale": "en-US"}

    async def storage(self) -> tuple[int | None, int | None, bool | None]:
        return self.usage, self.quota, self.persisted

    async def persist(self) -> bool | None:
        self.persisted = True
        return True

    def on_visible(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def show(self) -> None:
        for listener in list(self._listeners):
            listener()

    def close(self) -> None:
        self._listeners.clear()
