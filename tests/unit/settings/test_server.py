"""``/v2`` and static hosting are understood: whatever was published, the client ends in the server's state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from modelden.config import Configuration
from modelden.engine.runtime_selection import Bundle
from modelden.errors import HttpError, UnknownCollection
from modelden.host.keys.signer import Signer
from modelden.host.publish.collections import Collection, Collections
from modelden.settings.backoff import Backoff
from modelden.settings.client import SettingsClient
from modelden.settings.schema import REMOTE_SETTINGS
from modelden.settings.server import SettingsServer
from tests.replay import replay_chain
from tests.simulators.database import MemoryDatabase
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import AsgiFetcher
from tests.simulators.profile import Profile
from tests.simulators.read_only_servers import V2, Static

ORIGIN = "http://localhost:8642"
NAME = "collection"


@dataclass
class Hosted:
    """A client and the collection that its server publishes."""

    collection: Collection
    client: SettingsClient
    profile: Profile

    async def synced(self) -> dict[str, Any]:
        """Records by id after a sync, verified once more."""
        await self.client.sync(NAME)
        return {record["id"]: record for record in await self.client.get(NAME, verify_signature=True)}

    def changesets(self) -> list[str]:
        """The queries of requests for the collection since the last call."""
        asked = self.profile.requests()
        return [path.partition("?")[2] for path in asked if f"/{NAME}/changeset" in path]


@pytest.fixture(params=["v2", "settings"])
async def hosted(request: pytest.FixtureRequest, bundle: Bundle) -> AsyncIterator[Hosted]:
    collections = Collections(Signer(replay_chain()))
    collection = collections.add("main", NAME, [{"id": each, "n": 1} for each in "abc"])
    collections.add("main", "another", [{"id": "x"}])
    app = V2(collections).app() if request.param == "v2" else Static(collections).app()
    config = Configuration(settings_server=f"{ORIGIN}/{request.param}", root_hash=replay_chain().root_hash)
    profile = Profile(config, AsgiFetcher(app), bundle, ScriptedEngines([]))
    client = (await profile.visit().settings()).client
    yield Hosted(collection, client, profile)
    await profile.close()


async def test_changes_and_deletions_arrive(hosted: Hosted) -> None:
    assert set(await hosted.synced()) == {"a", "b", "c"}
    hosted.collection.delete("b")
    hosted.collection.publish({"id": "a", "n": 2}, {"id": "d"})

    hosted.changesets()
    assert await hosted.synced() == hosted.collection.state.records
    assert len(hosted.changesets()) == 1  # not once more from scratch

    hosted.collection.delete("a", "c", "d")
    assert await hosted.synced() == {}
    hosted.collection.publish({"id": "b", "n": 3})
    assert await hosted.synced() == hosted.collection.state.records


async def test_a_timestamp_that_the_server_does_not_know_gives_everything(hosted: Hosted) -> None:
    await hosted.synced()
    rows = hosted.profile.databases["remote-settings"].rows
    rows["timestamps"][f"main/{NAME}"]["value"] -= 1  # as if it had been synced from another mirror
    hosted.collection.delete("c")
    hosted.collection.publish({"id": "e"})
    hosted.changesets()

    assert set(await hosted.synced()) == {"a", "b", "e"}

    queries = hosted.changesets()
    assert "_since=" in queries[0]
    if hosted.profile.config.settings_server.endswith("/v2"):
        assert len(queries) == 1  # the redirect said it


async def test_an_unknown_collection_is_named(hosted: Hosted) -> None:
    with pytest.raises(UnknownCollection, match="main/nobody-knows"):
        await hosted.client.get("nobody-knows")


async def test_the_words_of_v2_reach_the_reader(bundle: Bundle) -> None:
    collections = Collections(Signer(replay_chain()))
    collections.add("main", NAME, [{"id": "a"}], 5)
    config = Configuration(settings_server=f"{ORIGIN}/v2", root_hash=replay_chain().root_hash)
    profile = Profile(config, AsgiFetcher(V2(collections).app()), bundle, ScriptedEngines([]))
    url = config.settings_server
    server = SettingsServer(url, profile.fetcher, Backoff(url, MemoryDatabase(REMOTE_SETTINGS), profile.clock))

    with pytest.raises(HttpError, match="answered 422"):
        await server.changeset("main", NAME, expected="x", since=None)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(UnknownCollection) as caught:
        await server.changeset("main", "nobody-knows", expected=4)
    assert "It says: nobody-knows not found" in str(caught.value.__cause__)
    await profile.close()
