"""Every attack of `tests.attacks` is refused, and nothing of it is stored: on CPython, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelden import errors
from modelden.config import Configuration
from modelden.core.event_loop import Steps
from modelden.engine.runtime_selection import Bundle
from modelden.errors import ModelDenError
from modelden.host.serve.server import RunningServer
from modelden.settings.client import SettingsClient
from tests.attacks import ATTACKS, KNOWN_ATTACKS, NAME, RECORDS, Attack, Publisher
from tests.simulators.engines import ScriptedEngines
from tests.simulators.fetcher import PageFetcher
from tests.simulators.profile import Profile


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Publisher, str]]:
    publisher = Publisher()
    with RunningServer(publisher.app) as server:
        yield publisher, f"{server.url}/v1"


@pytest.fixture
async def attacked(served: tuple[Publisher, str], bundle: Bundle) -> AsyncIterator[Attacked]:
    publisher, url = served
    publisher.restore()
    fetcher = PageFetcher()
    config = Configuration(settings_server=url, root_hash=publisher.root_hash)
    profile = Profile(config, fetcher, bundle, ScriptedEngines([]))
    yield Attacked(publisher, profile)
    await profile.close()
    await fetcher.close()


class Attacked:
    """A browser profile whose server is a `Publisher`."""

    def __init__(self, publisher: Publisher, profile: Profile) -> None:
        self.publisher = publisher
        self.profile = profile

    async def client(self) -> SettingsClient:
        """The client of a new visit."""
        return (await self.profile.visit().settings()).client

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        return self.profile.databases["remote-settings"].contents()


async def refused(attacked: Attacked, attack: Attack) -> None:
    client = await attacked.client()
    with pytest.raises(ModelDenError) as caught:
        await client.get(NAME, force_sync=True)
    assert type(caught.value) is getattr(errors, attack.error), caught.value
    assert attack.says in str(caught.value)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
class TestAttack:
    async def test_cold(self, attacked: Attacked, attack: Attack) -> None:
        attacked.publisher.publish()
        attack.forge(attacked.publisher)

        await refused(attacked, attack)

        assert attacked.stored() == {}

    async def test_against_what_is_known(self, attacked: Attacked, attack: Attack) -> None:
        client = await attacked.client()
        before = await client.get(NAME)
        stored = attacked.stored()
        attacked.publisher.publish()
        attack.forge(attacked.publisher)

        await refused(attacked, attack)

        assert attacked.stored() == stored
        assert await (await attacked.client()).get(NAME) == before

    async def test_leaves_no_trace(self, attacked: Attacked, attack: Attack) -> None:
        attack.forge(attacked.publisher)
        await refused(attacked, attack)

        attacked.publisher.restore()

        records = await (await attacked.client()).get(NAME)
        assert [record["id"] for record in records] == [record["id"] for record in RECORDS]


async def test_the_honest_server_is_believed(attacked: Attacked) -> None:
    attacked.publisher.publish()

    records = await (await attacked.client()).get(NAME)

    assert sorted(record["id"] for record in records) == ["a", "b", "c", "d"]


async def test_old_state_is_ignored_by_who_knows_a_later_one(attacked: Attacked) -> None:
    attacked.publisher.keep()
    attacked.publisher.publish()
    client = await attacked.client()
    before = await client.get(NAME)
    stored = attacked.stored()
    attacked.publisher.replay()

    assert await client.get(NAME, force_sync=True) == before

    assert attacked.stored() == stored


async def test_old_state_is_refused_when_the_local_copy_does_not_verify(attacked: Attacked) -> None:
    attacked.publisher.keep()
    attacked.publisher.publish()
    client = await attacked.client()
    await client.get(NAME)
    attacked.profile.databases["remote-settings"].rows["records"]["main/attacked", "b"]["count"] = 99
    stored = attacked.stored()
    attacked.publisher.replay()

    with pytest.raises(errors.SignatureError, match="goes back in time"):
        await client.get(NAME, force_sync=True)

    assert attacked.stored() == stored


@pytest.mark.parametrize("text", ["x", "\u00fc"])
async def test_a_large_answer_that_nobody_signed_leaves_the_page_its_turns(
    attacked: Attacked, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    turns: list[str] = []

    def count(module: str) -> Callable[[Steps[Any]], Awaitable[Any]]:
        async def counted(steps: Steps[Any]) -> Any:
            while True:
                try:
                    next(steps)
                except StopIteration as result:
                    return result.value
                turns.append(module)

        return counted

    for module in ("server", "sync"):
        monkeypatch.setattr(f"modelden.settings.{module}.run_in_turns", count(module))
    records = [{"id": f"{number}", "text": 100 * text} for number in range(40_000)]
    attacked.publisher.change = lambda body: {**body, "changes": records}

    with pytest.raises(errors.SignatureError, match="does not fit"):
        await (await attacked.client()).get(NAME, force_sync=True)

    assert turns.count("server") >= 40
    assert turns.count("sync") >= 20
    assert attacked.stored() == {}


ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "docs/security.md").read_text("utf-8")


@pytest.mark.parametrize("test", [test for group in KNOWN_ATTACKS.values() for test in group.values()])
def test_each_known_attack_has_its_test_and_its_row(test: str) -> None:
    path, _, name = test.partition("::")

    assert f"def {name}(" in (ROOT / path).read_text("utf-8")
    assert f"`{name}`" in SECURITY


def test_each_test_that_the_page_on_security_names_is_there() -> None:
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    attacks = {attack.name for attack in ATTACKS}
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", SECURITY))
    forged = {
        name
        for names in re.findall(r"((?:`[a-z_0-9]+`(?: and )?)+) in `tests/attacks.py`", SECURITY)
        for name in re.findall(r"`([a-z_0-9]+)`", names)
    }

    assert {name for name in named if f"def {name}(" not in tests} == set()
    assert forged - attacks - {"ATTACKS"} == set()
    assert len(named) >= 60
    assert len(forged) >= 8
