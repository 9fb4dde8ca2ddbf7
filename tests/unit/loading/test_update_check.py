from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, cast

import pytest

from modelden.core.events import Event, Events
from modelden.engine.history import History
from modelden.engine.options import PipelineOptions
from modelden.engine.plan import EngineRecord, Plan
from modelden.loading.update_check import UpdateCheck
from modelden.loading.update_fallback import LoaderWithFallback
from modelden.settings.changeset import SyncEvent
from modelden.settings.service import SettingsService
from tests.unit.background import running, settled

REQUEST = PipelineOptions.of({"task_name": "feature-extraction"})
RUNTIME = {"name": "runtime.wasm", "version": "5.0", "attachment": {"hash": "ab"}}
OLD = EngineRecord(REQUEST, Plan(REQUEST.updated({"model_revision": "v1.0"}), RUNTIME))
NEW = Plan(REQUEST.updated({"model_revision": "v2.0"}), RUNTIME)
SYNCED = cast("SyncEvent", None)


class StubHistory:
    async def records(self) -> list[EngineRecord]:
        return []


class StubLoader:
    """Plans version 2."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def plan(self, _: PipelineOptions) -> Plan:
        if self.error is not None:
            raise self.error
        return NEW


def check_of(loader: StubLoader, events: list[Event]) -> UpdateCheck:
    async def history() -> History:
        return cast("History", StubHistory())

    def settings() -> Awaitable[SettingsService]:
        raise AssertionError("nobody asked for settings")

    listeners = Events()
    listeners.on("update", events.append)
    return UpdateCheck(cast("LoaderWithFallback", loader), history, lambda: [OLD], settings, listeners)


async def test_changed_settings_announce_an_update_once() -> None:
    events: list[Event] = []
    check = check_of(StubLoader(), events)

    check.on_settings_changed(SYNCED)
    await settled()
    check.on_settings_changed(SYNCED)
    await settled()

    assert [event.name for event in events] == ["available"]


async def test_a_check_that_is_closed_announces_nothing() -> None:
    events: list[Event] = []
    check = check_of(StubLoader(), events)

    check.on_settings_changed(SYNCED)
    check.close()
    check.on_settings_changed(SYNCED)
    await settled()

    assert (events, running()) == ([], [])


async def test_a_check_that_fails_unexpectedly_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    loader: Any = StubLoader()
    loader.error = RuntimeError("a bug")

    check_of(loader, []).on_settings_changed(SYNCED)
    await settled()

    assert "A background task failed to look for updates." in caplog.text
