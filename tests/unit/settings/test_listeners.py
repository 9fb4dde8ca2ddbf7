from __future__ import annotations

import pytest

from modelden.settings.changeset import SyncEvent, diff
from modelden.settings.listeners import SyncListeners

CHANGE = diff("main/a", {}, {"id": {"id": "id"}})


def test_listeners_of_the_collection_get_the_event() -> None:
    listeners, events, others = SyncListeners(), list[SyncEvent](), list[SyncEvent]()
    listeners.add("main/a", events.append)
    listeners.add("main/b", others.append)

    listeners.emit(CHANGE)

    assert events == [CHANGE]
    assert others == []


def test_a_sync_without_changes_is_no_event() -> None:
    listeners, events = SyncListeners(), list[SyncEvent]()
    listeners.add("main/a", events.append)

    listeners.emit(diff("main/a", {}, {}))

    assert events == []


def test_unsubscribing_twice_does_no_harm_to_an_equal_listener() -> None:
    listeners, events = SyncListeners(), list[SyncEvent]()
    unsubscribe = listeners.add("main/a", events.append)
    listeners.add("main/a", events.append)

    unsubscribe()
    unsubscribe()
    listeners.emit(CHANGE)

    assert events == [CHANGE]


def test_a_listener_that_fails_is_logged_and_the_others_are_called(caplog: pytest.LogCaptureFixture) -> None:
    listeners, events = SyncListeners(), list[SyncEvent]()

    def fail(_: SyncEvent) -> None:
        raise RuntimeError("in a listener")

    listeners.add("main/a", fail)
    listeners.add("main/a", events.append)
    listeners.emit(CHANGE)

    assert events == [CHANGE]
    assert "A sync listener failed on main/a" in caplog.text
