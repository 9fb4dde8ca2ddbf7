"""The surroundings of the core in a browser: filter expressions, other tabs, the page."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from modelden.errors import InputError
from modelden.hub.store.quota import SPARE, spare_space


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


class MemoryPresence:
    """The pages of one origin, by number. Set `dead` for one that was killed."""

    def __init__(self, pages: list[MemoryPresence] | None = None) -> None:
        self._pages = [] if pages is None else pages
        self._pages.append(self)
        self.page_id = str(len(self._pages))
        self.dead = False

    def other(self) -> MemoryPresence:
        return MemoryPresence(self._pages)

    def revive(self) -> None:
        """None was killed after all."""
        for each in self._pages:
            each.dead = False

    async def live_page_ids(self) -> set[str]:
        return {each.page_id for each in self._pages if not each.dead}


class ThreadSuspender:
    """Waits in another thread, with a loop of its own. Set `able` to let it."""

    def __init__(self) -> None:
        self.able = False

    def can_suspend(self) -> bool:
        return self.able

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await awaitable

        with ThreadPoolExecutor(1) as threads:
            return threads.submit(asyncio.run, wait()).result()


class ScriptedPage:
    """A page that becomes visible when a test says so."""

    def __init__(self) -> None:
        self.memory: int | None = None
        self.no_gpu: str | None = None
        self.no_threads: str | None = None
        self._listeners: list[Callable[[], None]] = []
        self.usage = 1_000
        self.stored: Callable[[], int] = lambda: 0
        self.quota = 1_000_000_000
        self.untold_quota = 1_000_000_000
        self.persisted = False
        self.memo: str | None = None
        self.refused: dict[str, str | None] = {}

    def leave(self, size: int) -> None:
        """Set the quota that leaves exactly this many bytes to models."""
        used = self.usage + self.stored() + size
        self.quota = used + min(SPARE, used // 3)
        while self.quota - spare_space(self.quota) < used:
            self.quota += 1

    async def capabilities(self) -> Mapping[str, str | None]:
        return {"indexeddb": None, "blobs": None, **self.refused}

    def remember(self, text: str) -> None:
        self.memo = text

    def recall(self) -> str | None:
        return self.memo

    def environment(self) -> Mapping[str, Any]:
        return {"locale": "en-US", "formFactor": "desktop", "os": {"isLinux": True}, "appinfo": {"OS": "Linux"}}

    def segment_words(self, language: str, text: str) -> Sequence[str]:
        if not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", language):
            raise InputError(f"language: expected a BCP 47 tag such as 'en', got {language!r}.")
        return re.findall(r"\w+|\W", text)

    async def storage_estimate(self) -> tuple[int | None, int | None, bool | None]:
        return self.usage + self.stored(), self.quota, self.persisted

    async def gpu_unavailable_reason(self) -> str | None:
        return self.no_gpu

    async def can_store(self, size: int) -> bool:
        return self.usage + size <= self.untold_quota

    def versions(self) -> Mapping[str, str]:
        return {"modelden": "1.0", "browser": "Simulator"}

    def no_threads_reason(self) -> str | None:
        return self.no_threads

    def can_persist(self) -> bool:
        return True

    async def persist(self) -> bool | None:
        self.persisted = True
        return True

    def device_memory(self) -> int | None:
        return self.memory

    def on_visible(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def show(self) -> None:
        for listener in list(self._listeners):
            listener()

    def close(self) -> None:
        self._listeners.clear()
