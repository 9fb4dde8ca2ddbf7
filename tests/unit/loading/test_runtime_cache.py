"""A session that joins a running worker reads no settings, and none that has to obey newer ones escapes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelden.context import Context
from modelden.engine.runtime_selection import COLLECTION
from modelden.errors import NoRuntime
from modelden.host.serve.server import Application
from modelden.loading.onnx_file_provider import OnnxSource
from modelden.loading.onnx_session import OnnxSession
from modelden.loading.runtime_cache import FRESH_FOR
from modelden.settings.client import SettingsClient
from tests.simulators.loop import settle
from tests.simulators.profile import Profile

OPTIONS: dict[str, Any] = {"device": "wasm", "numThreads": 1, "options": {}}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collections that were read."""
    names: list[str] = []
    get = SettingsClient.get

    async def counted(self: SettingsClient, name: str, *args: Any, **fields: Any) -> Any:
        names.append(name)
        return await get(self, name, *args, **fields)

    monkeypatch.setattr(SettingsClient, "get", counted)
    return names


@pytest.fixture
def context(profile: Profile) -> Context:
    return profile.visit()


@pytest.fixture
def deny(application: Application) -> Callable[[], object]:
    """Takes all runtimes back."""
    return lambda: application.collections["main", COLLECTION].delete("runtime")


async def open_model(context: Context) -> OnnxSession:
    return await context.onnx_sessions().open(OnnxSource(b"a model"), OPTIONS)


async def test_a_second_session_reads_no_settings(context: Context, reads: list[str]) -> None:
    await open_model(context)
    assert reads == [COLLECTION]

    await open_model(context)
    assert reads == [COLLECTION]


async def test_with_its_last_session_a_worker_ends_and_so_does_its_choice(context: Context, reads: list[str]) -> None:
    for session in [await open_model(context), await open_model(context)]:
        session.close()

    await open_model(context)

    assert reads == [COLLECTION, COLLECTION]


async def test_a_runtime_that_a_sync_of_the_page_takes_back_is_used_no_more(
    context: Context, deny: Callable[[], object]
) -> None:
    await open_model(context)
    deny()
    await (await context.settings()).poll()

    with pytest.raises(NoRuntime):
        await open_model(context)


async def test_what_another_tab_synced_is_seen_a_minute_later(
    profile: Profile, context: Context, deny: Callable[[], object]
) -> None:
    session = await open_model(context)
    deny()
    other = profile.visit()
    await (await other.settings()).client.get(COLLECTION, force_sync=True)
    await open_model(context)

    profile.clock.milliseconds += FRESH_FOR
    await open_model(context)
    await settle()

    with pytest.raises(NoRuntime):
        await open_model(context)
    assert session.is_open
