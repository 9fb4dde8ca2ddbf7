"""A good client of Remote Settings, where the browser matters: other tabs, hidden pages, no network, lost databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelden.host.keys.signer import Signer
from modelden.host.publish.collections import Collections
from modelden.host.serve.server import RunningServer
from tests.attacks import NAME, RECORDS, Publisher
from tests.pyodide.browser_page import Page
from tests.pyodide.runners import INSECURE_HOST, Runners
from tests.pyodide.settings_page import SettingsPage
from tests.replay import replay_chain
from tests.simulators.read_only_servers import V2, Static

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pyodide.runner import _BrowserBaseRunner

CHANGESET = f"/v1/buckets/main/collections/{NAME}/changeset"


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def server(publisher: Publisher) -> Iterator[RunningServer]:
    with RunningServer(publisher.app) as running:
        yield running


@pytest.fixture
def settings(page: Page, publisher: Publisher, server: RunningServer) -> SettingsPage:
    return SettingsPage(page, {"settings_server": f"{server.url}/v1", "root_hash": publisher.root_hash})


@pytest.fixture(scope="module")
def two_tabs(runtime: str, runners: Runners) -> Iterator[tuple[_BrowserBaseRunner, _BrowserBaseRunner]]:
    """Two pages of one origin in one browser profile; pytest-pyodide's own are in profiles of their own."""
    context = runners._browsers[runtime].new_context()
    try:
        # A context, too, makes new pages.
        beside = Runners({runtime: context}, runners._server, runners._dist_dir)  # type: ignore[dict-item]  # of pytest-pyodide's private class
        yield beside.new(runtime), beside.new(runtime)
    finally:
        context.close()


@pytest.fixture
def tabs(
    two_tabs: tuple[_BrowserBaseRunner, _BrowserBaseRunner], publisher: Publisher, server: RunningServer
) -> tuple[SettingsPage, SettingsPage]:
    first, second = (Page(runner) for runner in two_tabs)
    first.wipe()
    config = {"settings_server": f"{server.url}/v1", "root_hash": publisher.root_hash}
    return SettingsPage(first, config), SettingsPage(second, config)


def asked(publisher: Publisher) -> list[str]:
    """Paths of the requests since the last call."""
    entries = publisher.log.entries()
    publisher.log.clear()
    return [entry.path.partition("?")[0] for entry in entries]


def test_a_busy_server_is_left_alone_by_reloads_and_other_tabs(
    tabs: tuple[SettingsPage, SettingsPage], publisher: Publisher
) -> None:
    settings, other_tab = tabs
    settings.works("get", name=NAME)
    publisher.busy = 3600
    settings.works("get", name=NAME, force_sync=True)  # one request, and the answer says so
    publisher.busy = None
    asked(publisher)

    assert settings.fails("get", name=NAME, force_sync=True)[0] == "ServerBusy"
    settings.visit()
    assert settings.fails("get", name=NAME, force_sync=True)[0] == "ServerBusy"
    assert other_tab.fails("get", name=NAME, force_sync=True)[0] == "ServerBusy"
    assert len(other_tab.works("get", name=NAME)) == len(RECORDS)
    assert asked(publisher) == []


def test_a_poll_tells_other_tabs(tabs: tuple[SettingsPage, SettingsPage], publisher: Publisher) -> None:
    settings, other_tab = tabs
    settings.works("get", name=NAME)
    other_tab.call("start")
    other_tab.call("listen", name=NAME)
    publisher.publish()

    assert settings.works("poll") == [f"main/{NAME}"]

    expected = [{"collection": f"main/{NAME}", "updated": 1}]
    other_tab.page.until(lambda: other_tab.call("received_events") == expected, "the other tab heard of the change")
    asked(publisher)
    assert len(other_tab.works("get", name=NAME)) == len(RECORDS) + 1
    assert asked(publisher) == []


def test_tabs_of_other_servers_hear_nothing_of_it(
    tabs: tuple[SettingsPage, SettingsPage], publisher: Publisher
) -> None:
    settings, other_tab = tabs
    settings.works("get", name=NAME)
    other_tab.visit(settings_server="http://localhost:9/v1")
    other_tab.call("start")
    other_tab.call("listen", name=NAME)
    # After modelden's own channel, so that it hears after it.
    other_tab.page.runner.run_js(
        "globalThis.messages = 0; (globalThis.channel = new BroadcastChannel('modelden')).onmessage = () => messages++;"
    )
    publisher.publish()
    settings.works("poll")

    other_tab.page.until(lambda: other_tab.page.runner.run_js("return messages") == 1, "the message came")

    assert other_tab.call("received_events") == []


def test_a_page_that_stays_open_polls(settings: SettingsPage, publisher: Publisher) -> None:
    settings.works("get", name=NAME)
    settings.visit(poll_interval=0.2)
    settings.call("listen", name=NAME)
    settings.call("start")
    publisher.publish()

    settings.page.until(lambda: settings.call("received_events") != [], "the poll found the change")

    assert settings.call("received_events")[0] == {"collection": f"main/{NAME}", "updated": 1}
    settings.visit()


def test_parallel_reads_share_one_sync(settings: SettingsPage, publisher: Publisher) -> None:
    results = settings.call("get_often", name=NAME, times=10)

    assert results == [len(RECORDS)] * 10
    assert asked(publisher).count(CHANGESET) == 1


def test_without_a_network_what_is_stored_is_used(
    settings: SettingsPage, publisher: Publisher, server: RunningServer
) -> None:
    before = settings.works("get", name=NAME)
    server.stop()
    settings.visit()

    assert settings.works("get", name=NAME) == before
    assert settings.fails("get", name=NAME, force_sync=True)[0] == "NetworkError"
    name, message = settings.fails("get", name="never-read")
    assert name == "NetworkError"
    assert "Check the connection" in message


@pytest.mark.parametrize("how", ["deleted", "upgraded and deleted"])
def test_a_database_that_others_take_away_is_opened_again(
    settings: SettingsPage, publisher: Publisher, how: str
) -> None:
    before = settings.works("get", name=NAME)
    if how == "deleted":
        settings.page.wipe()
    else:
        settings.page.runner.run_js(
            """
            const settled = (request) => new Promise((resolve, reject) => {
                request.onsuccess = () => resolve(request.result);
                request.onerror = () => reject(request.error);
            });
            (await settled(indexedDB.open("remote-settings", 4))).close();
            await settled(indexedDB.deleteDatabase("remote-settings"));
            """
        )
    asked(publisher)

    assert settings.works("get", name=NAME) == before

    assert CHANGESET in asked(publisher)


def test_unverified_data_is_told_and_never_used_by_who_verifies(settings: SettingsPage, publisher: Publisher) -> None:
    publisher.collection.replace([{"id": "forged"}], sign=False)
    settings.visit(verify_signatures=False)
    assert [each["id"] for each in settings.works("get", name=NAME)] == ["forged"]
    assert settings.call("info")["settings_verified"] is False

    settings.visit()

    assert settings.call("info")["settings_verified"] is True
    assert settings.works("get", name=NAME, sync_if_empty=False) == []
    assert settings.fails("get", name=NAME)[0] == "SignatureError"


def test_data_of_other_sources_is_never_mixed(settings: SettingsPage, publisher: Publisher) -> None:
    settings.works("get", name=NAME)
    other = Publisher()
    other.collection.replace([{"id": "of another server"}])
    with RunningServer(other.app) as running:
        settings.visit(settings_server=f"{running.url}/v1")
        assert settings.works("get", name=NAME, sync_if_empty=False) == []
        assert [each["id"] for each in settings.works("get", name=NAME)] == ["of another server"]
        settings.visit(settings_server=f"{running.url}/v1", root_hash="AB" * 32)
        assert settings.works("get", name=NAME, sync_if_empty=False) == []
        assert settings.fails("get", name=NAME)[0] == "SignatureError"

    settings.visit()

    assert [each["id"] for each in settings.works("get", name=NAME)] == [each["id"] for each in RECORDS]
    assert len(settings.stored()["records"]) == len(RECORDS)


@pytest.mark.parametrize(("dialect", "server_of"), [("v2", V2), ("settings", Static)])
def test_other_servers_are_understood(page: Page, dialect: str, server_of: type[V2 | Static]) -> None:
    collections = Collections(Signer(replay_chain()))
    collection = collections.add("main", NAME, RECORDS)
    with RunningServer(server_of(collections).app()) as running:
        config = {"settings_server": f"{running.url}/{dialect}", "root_hash": replay_chain().root_hash}
        settings = SettingsPage(page, config)
        settings.works("get", name=NAME)
        collection.delete("b")
        collection.publish({"id": "a", "text": "changed"}, {"id": "d"})

        assert settings.works("sync", name=NAME) == {"created": ["d"], "updated": ["a"], "deleted": ["b"]}

        collection.publish({"id": "e"})
        settings.visit()
        settings.works("get", name=NAME, force_sync=True)
        found = settings.works("get", name=NAME, verify_signature=True)
        assert [each["id"] for each in found] == ["a", "c", "d", "e"]


def test_an_insecure_page_says_why_it_trusts_nothing(
    runners: Runners, runtime: str, publisher: Publisher, server: RunningServer
) -> None:
    runner = runners.new(runtime, host=INSECURE_HOST)
    try:
        settings = SettingsPage(Page(runner), {"settings_server": f"{server.url}/v1", "root_hash": publisher.root_hash})
        name, message = settings.fails("get", name=NAME)
        assert name == "CryptoUnavailable"
        assert "serve it over https, or from localhost" in message
        assert settings.stored() == {}
    finally:
        runner.quit()
