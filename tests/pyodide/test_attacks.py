"""Every attack of `tests.attacks` is refused in a page, by class and reason, and nothing of it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import RunningServer
from tests.attacks import ATTACKS, NAME, Attack, Publisher
from tests.pyodide.browser_page import Page
from tests.pyodide.settings_page import Json, SettingsPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_pyodide.runner import _BrowserBaseRunner


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Publisher, str]]:
    publisher = Publisher()
    with RunningServer(publisher.app) as server:
        yield publisher, f"{server.url}/v1"


@pytest.fixture
def publisher(served: tuple[Publisher, str]) -> Publisher:
    served[0].restore()
    return served[0]


@pytest.fixture
def settings(page: Page, publisher: Publisher, served: tuple[Publisher, str]) -> SettingsPage:
    return SettingsPage(page, config(publisher, served[1]))


@pytest.fixture
def informed(selenium: _BrowserBaseRunner, publisher: Publisher, served: tuple[Publisher, str]) -> SettingsPage:
    """A page that knows the first honest state. No attack changes that, so the next test finds it, too."""
    settings = SettingsPage(Page(selenium), config(publisher, served[1]))
    settings.works("get", name=NAME)
    return settings


def config(publisher: Publisher, url: str) -> Json:
    return {"settings_server": url, "root_hash": publisher.root_hash}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack(informed: SettingsPage, publisher: Publisher, attack: Attack) -> None:
    before, stored = informed.works("get", name=NAME), informed.stored()
    publisher.publish()
    attack.forge(publisher)

    refused(informed, attack)

    assert informed.stored() == stored
    assert informed.works("get", name=NAME) == before


SAMPLES = {attack.error: attack for attack in ATTACKS}
"""One of each class; cold, all of them run in ring 1."""


@pytest.mark.parametrize("attack", SAMPLES.values(), ids=lambda attack: attack.name)
def test_attack_on_a_page_that_knows_nothing(settings: SettingsPage, publisher: Publisher, attack: Attack) -> None:
    attack.forge(publisher)

    refused(settings, attack)

    assert settings.stored() == {}


def refused(settings: SettingsPage, attack: Attack) -> None:
    name, message = settings.fails("get", name=NAME, force_sync=True)
    assert name == attack.error, message
    assert attack.says in message


def test_old_state_is_ignored_by_who_knows_a_later_one(settings: SettingsPage, publisher: Publisher) -> None:
    publisher.keep()
    publisher.publish()
    before = settings.works("get", name=NAME)
    stored = settings.stored()
    publisher.replay()

    assert settings.works("get", name=NAME, force_sync=True) == before

    assert settings.stored() == stored


def test_old_state_is_refused_when_the_local_copy_is_damaged(settings: SettingsPage, publisher: Publisher) -> None:
    publisher.keep()
    publisher.publish()
    settings.works("get", name=NAME)
    damage(settings)
    stored = settings.stored()
    publisher.replay()

    name, message = settings.fails("get", name=NAME, force_sync=True)

    assert name == "SignatureError"
    assert "goes back in time" in message
    assert settings.stored() == stored


def test_a_damaged_copy_is_noticed_and_healed(settings: SettingsPage, publisher: Publisher) -> None:
    before = settings.works("get", name=NAME)
    damage(settings)
    assert settings.fails("get", name=NAME, verify_signature=True)[0] == "SignatureError"
    publisher.collection.publish({"id": "d"})

    settings.works("get", name=NAME, force_sync=True)

    healed = settings.works("get", name=NAME, verify_signature=True)
    assert [record for record in healed if record["id"] != "d"] == before


def damage(settings: SettingsPage) -> None:
    """Change a stored record behind modelden's back."""
    settings.page.runner.run_js(
        """
        const settled = (request) => new Promise((resolve, reject) => {
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
        const database = await settled(indexedDB.open("remote-settings"));
        const records = database.transaction("records", "readwrite").objectStore("records");
        const record = await settled(records.get(["main/attacked", "b"]));
        await settled(records.put({ ...record, count: 99 }));
        database.close();
        """
    )


FILE = bytes(range(256)) * 5000
LOCATION = "main-workspace/attacked/file"


@pytest.mark.parametrize(
    ("served_instead", "says"),
    [
        (FILE[:-1] + b"!", "expected SHA-256"),
        (FILE[:-1], "expected 1280000 bytes, got 1279999"),
        (FILE * 9, "more than"),
    ],
    ids=["of the right size", "shorter", "longer"],
)
def test_wrong_attachment(settings: SettingsPage, publisher: Publisher, served_instead: bytes, says: str) -> None:
    publisher.attach(FILE)
    publisher.attachments[LOCATION] = served_instead

    name, message = settings.fails("download", name=NAME, record="file")

    assert name == "IntegrityError"
    assert says in message
    assert "attachments" not in settings.stored()
    publisher.attachments[LOCATION] = FILE
    assert settings.works("download", name=NAME, record="file") == {"size": len(FILE), "head": list(range(16))}


@pytest.mark.parametrize("honest", [True, False])
def test_an_attachment_may_come_from_another_origin_if_its_hash_is_right(
    settings: SettingsPage,
    publisher: Publisher,
    honest: bool,  # noqa: FBT001  a parameter of the cases
) -> None:
    publisher.attach(FILE)
    elsewhere = AnyOrigin(Response(FILE if honest else b"x" * len(FILE)), ())
    with RunningServer(elsewhere) as mirror:
        publisher.faults.set(Fault(path="/attachments/*", redirect=f"{mirror.url}/file"))

        outcome = settings.call("download", name=NAME, record="file")

    assert outcome["error"] == (None if honest else "IntegrityError")
    assert ("attachments" in settings.stored()) is honest
