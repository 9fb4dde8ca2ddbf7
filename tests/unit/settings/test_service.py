"""A good client over the days: polls, other tabs, renewed signatures, and the warning when nothing is confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from modelden.errors import SignatureError
from modelden.host.keys.certificates import SigningChain, issue, leaf_plan
from modelden.host.keys.signer import Signer
from modelden.host.serve.server import Application
from modelden.ports import Response, Schema
from modelden.settings.changeset import SyncEvent
from modelden.settings.listeners import SyncListeners
from modelden.settings.store import AttachmentStore, SettingsStore
from tests.replay import replay_chain
from tests.simulators.blobs import MemoryBlob
from tests.simulators.database import MemoryDatabase
from tests.simulators.fetcher import PageFetcher
from tests.simulators.loop import settle
from tests.simulators.profile import Profile

OPTIONS = "ml-inference-options"
MONITOR = "GET /v1/buckets/monitor/collections/changes/changeset"
CHANGESET = f"GET /v1/buckets/main/collections/{OPTIONS}/changeset"


async def until(holds: Callable[[], bool]) -> None:
    """Let the page's tasks go on until something is so."""
    while not holds():  # noqa: ASYNC110  pages have no event for each of these
        await asyncio.sleep(0)


def paths(profile: Profile) -> list[str]:
    return [request.partition("?")[0] for request in profile.requests()]


async def test_a_page_that_becomes_visible_after_a_day_polls(profile: Profile, application: Application) -> None:
    service = await profile.visit().settings()
    await service.client.get(OPTIONS)
    profile.requests()
    profile.clock.advance(hours=23)
    profile.page.show()
    await settle()
    assert paths(profile) == []

    profile.clock.advance(hours=1)
    application.collections["main", OPTIONS].publish({"id": "new"})
    profile.page.show()
    await until(lambda: CHANGESET in [request.partition("?")[0] for request in profile.fetcher.requests])

    assert paths(profile) == [MONITOR, CHANGESET]


async def test_what_one_tab_polled_the_other_does_not(profile: Profile) -> None:
    first, second = await profile.visit().settings(), await profile.visit().settings()
    await first.client.get(OPTIONS)
    profile.clock.advance(hours=24)
    assert await first.poll() == []
    profile.requests()

    profile.page.show()
    await settle()

    assert paths(profile) == []
    assert await second.client.get(OPTIONS) == await first.client.get(OPTIONS)
    assert paths(profile) == []


class Meanwhile:
    """A page's network, in which something else happens before one collection's changes are answered."""

    def __init__(self, fetcher: PageFetcher, happens: Callable[[], Awaitable[object]]) -> None:
        self._fetcher = fetcher
        self._happens: Callable[[], Awaitable[object]] | None = happens

    @asynccontextmanager
    async def fetch(self, url: str, **options: Any) -> AsyncIterator[Response]:
        if f"{OPTIONS}/changeset" in url and self._happens:
            happens, self._happens = self._happens, None
            await happens()
        async with self._fetcher.fetch(url, **options) as response:
            yield response


@pytest.mark.parametrize("known", [False, True], ids=["cold", "warm"])
async def test_two_tabs_that_import_different_states_do_not_mix_them(
    profile: Profile, application: Application, *, known: bool
) -> None:
    published = application.collections["main", OPTIONS]
    if known:
        await (await profile.visit().settings()).client.get(OPTIONS)
        published.update("options", modelRevision="v2.0")
    other_tab = (await profile.visit().settings()).client

    async def happens() -> None:
        await other_tab.get(OPTIONS, force_sync=True)
        published.delete("summaries")
        published.publish({"id": "new"})

    context = profile.visit()
    context.ports = context.ports._replace(fetcher=Meanwhile(profile.fetcher, happens))
    client = (await context.settings()).client
    records = await client.get(OPTIONS, force_sync=True)

    assert {record["id"] for record in records} == {"options", "new"}
    assert await client.get(OPTIONS, verify_signature=True) == records
    assert await other_tab.get(OPTIONS, verify_signature=True) == records


async def test_a_confirmation_does_not_put_back_what_another_tab_replaced(
    profile: Profile, application: Application
) -> None:
    published = application.collections["main", OPTIONS]
    first, second = (await profile.visit().settings()).client, (await profile.visit().settings()).client
    await first.get(OPTIONS)
    store = SettingsStore(await profile.database("remote-settings"), profile.config.trust_source)
    stored = await store.read(f"main/{OPTIONS}")
    published.publish({"id": "new"})
    await second.sync(OPTIONS)

    assert stored
    await store.confirm(f"main/{OPTIONS}", stored.checked_at + 1)

    assert len(await first.get(OPTIONS, verify_signature=True)) == 3


async def test_after_the_daily_poll_attachments_without_a_record_go(profile: Profile) -> None:
    service = await profile.visit().settings()
    (record,) = await service.client.get("ml-onnx-runtime")
    await service.attachments.get("main/ml-onnx-runtime", record)
    blob = MemoryBlob(b"left by another tab")
    store = AttachmentStore(await profile.database("remote-settings"))
    await store.write("main/ml-onnx-runtime", {**record, "id": "withdrawn"}, blob)

    profile.clock.advance(hours=24)
    profile.page.show()
    await until(lambda: len(profile.databases["remote-settings"].contents()["attachments"]) == 1)

    assert await store.read("main/ml-onnx-runtime", record)


async def test_a_page_without_settings_does_not_poll(profile: Profile) -> None:
    await profile.visit().settings()
    await settle()

    profile.clock.advance(hours=48)
    profile.page.show()
    await settle()

    assert paths(profile) == []


async def test_a_signature_is_renewed_a_week_before_it_ends(profile: Profile, application: Application) -> None:
    client = (await profile.visit().settings()).client
    records = await client.get(OPTIONS)
    first_end = stored_end(profile)
    profile.clock.advance(hours=24 * 84)
    application.collections["main", OPTIONS].sign(Signer(later_chain(profile)))
    profile.requests()

    assert await client.get(OPTIONS) == records

    assert paths(profile)[:2] == [MONITOR, CHANGESET]
    assert stored_end(profile) > first_end
    profile.requests()
    await client.get(OPTIONS, force_sync=True)
    assert paths(profile) == [MONITOR]


async def test_data_stays_in_use_when_its_signer_has_expired(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    client = (await profile.visit().settings()).client
    records = await client.get(OPTIONS)
    profile.clock.advance(hours=24 * 120)

    assert await client.get(OPTIONS) == records

    assert "expired" in caplog.text
    assert "may have been signed 130 days ago" in caplog.text  # certificates begin ten days before they are made
    with pytest.raises(SignatureError, match="expired"):
        await client.get(OPTIONS, verify_signature=True, force_sync=True)


async def test_an_old_signature_is_warned_of_though_the_server_says_that_nothing_changed(
    profile: Profile, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(profile.config, freeze_warning_days=30)
    client = (await profile.visit(config).settings()).client
    await client.get(OPTIONS)
    profile.clock.advance(hours=24 * 19)
    await client.get(OPTIONS)
    assert "may have been signed" not in caplog.text

    profile.clock.advance(hours=24 * 2)
    await client.get(OPTIONS)

    assert f"The newest state of main/{OPTIONS} that this page has seen may have been signed 31 days ago" in caplog.text
    caplog.clear()
    await client.get(OPTIONS)  # not each time
    assert "may have been signed" not in caplog.text
    application.collections["main", OPTIONS].sign(Signer(later_chain(profile)))
    application.collections["main", OPTIONS].publish({"id": "new"})
    profile.clock.advance(hours=24)
    await client.get(OPTIONS)
    assert "may have been signed" not in caplog.text


def stored_end(profile: Profile) -> int:
    (row,) = profile.databases["remote-settings"].contents()["collections"]
    end: int = row["modeldenSignedUntil"]
    return end


def later_chain(profile: Profile) -> SigningChain:
    """The same intermediate, with a leaf made at the profile's time."""
    now = datetime.fromtimestamp(profile.clock.now() / 1000, UTC)
    chain = replay_chain()
    return SigningChain(issue(leaf_plan(now), chain.intermediate), chain.intermediate, chain.root)


async def test_polling_goes_on_after_a_fault_that_nobody_expects(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = await profile.visit().settings()
    await service.client.get(OPTIONS)
    fetch = profile.fetcher.fetch

    def fail(*_: object, **__: object) -> None:
        monkeypatch.setattr(profile.fetcher, "fetch", fetch)
        raise RuntimeError("a fault of this package")

    monkeypatch.setattr(profile.fetcher, "fetch", fail)
    profile.requests()
    profile.clock.advance(hours=24)
    profile.page.show()
    await until(lambda: "a fault of this package" in caplog.text)
    profile.clock.advance(hours=24)
    profile.page.show()
    await until(lambda: MONITOR in [request.partition("?")[0] for request in profile.fetcher.requests])

    assert paths(profile) == [MONITOR]


async def test_a_context_that_closes_while_its_settings_open_does_not_poll(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await profile.visit().settings()).client.get(OPTIONS)
    profile.close_pages()
    profile.requests()
    opened, may_open = asyncio.Event(), asyncio.Event()
    open_database = profile.databases.open

    async def open_slowly(schema: Schema) -> MemoryDatabase:
        opened.set()
        await may_open.wait()
        return await open_database(schema)

    monkeypatch.setattr(profile.databases, "open", open_slowly)
    context = profile.visit()
    opening = asyncio.ensure_future(context.settings())
    await opened.wait()
    context.close()
    may_open.set()
    service = await opening
    profile.clock.advance(hours=48)
    profile.page.show()
    await settle()

    assert paths(profile) == []
    service.start()
    profile.page.show()
    await settle()
    assert len(await service.client.get(OPTIONS)) == 2  # engines live on, and may ask


async def test_a_context_that_closes_during_a_poll_tells_nobody(profile: Profile, application: Application) -> None:
    events: list[SyncEvent] = []
    messages: list[dict[str, Any]] = []
    closed = asyncio.Event()
    listeners = SyncListeners()
    listeners.add(f"main/{OPTIONS}", events.append)
    await (await profile.visit().settings()).client.get(OPTIONS)
    profile.close_pages()
    profile.tabs.other().listen(messages.append)
    context = profile.visit(listeners=listeners)

    async def close() -> None:
        profile.close_pages()
        closed.set()

    context.ports = context.ports._replace(fetcher=Meanwhile(profile.fetcher, close))
    await context.settings()
    await settle()
    application.collections["main", OPTIONS].publish({"id": "new"})
    profile.clock.advance(hours=24)
    profile.page.show()
    await closed.wait()
    await settle()

    assert events == []
    assert messages == []


@pytest.mark.parametrize("message", [{}, {"collection": 1}, {"updated": [1]}, {"current": None}])
async def test_a_message_of_another_version_is_ignored(profile: Profile, message: dict[str, Any]) -> None:
    events: list[SyncEvent] = []
    listeners = SyncListeners()
    listeners.add(f"main/{OPTIONS}", events.append)
    await profile.visit(listeners=listeners).settings()
    complete = {"collection": f"main/{OPTIONS}", "current": [], "created": [], "updated": [], "deleted": [{"id": "x"}]}
    source = {"source": profile.config.trust_source}
    profile.tabs.post({**source, **complete})

    profile.tabs.post({**source, **({**complete, **message} if message else {})})

    assert len(events) == 1


async def test_a_clock_that_was_ahead_keeps_no_poll_away(profile: Profile, application: Application) -> None:
    profile.clock.advance(hours=24 * 30)
    await (await profile.visit().settings()).client.get(OPTIONS)
    profile.clock.advance(hours=-24 * 30)
    service = await profile.visit().settings()
    profile.requests()
    application.collections["main", OPTIONS].publish({"id": "new"})
    profile.clock.advance(hours=24)
    profile.page.show()
    await until(lambda: CHANGESET in [request.partition("?")[0] for request in profile.fetcher.requests])

    assert paths(profile) == [MONITOR, CHANGESET]
    service.close()


async def test_a_clock_that_is_set_back_while_a_page_waits_lets_it_poll(
    profile: Profile, application: Application
) -> None:
    service = await profile.visit().settings()
    await service.client.get(OPTIONS)
    profile.requests()
    application.collections["main", OPTIONS].publish({"id": "new"})
    profile.clock.advance(hours=-20)
    profile.page.show()
    await until(lambda: CHANGESET in [request.partition("?")[0] for request in profile.fetcher.requests])

    assert paths(profile) == [MONITOR, CHANGESET]
