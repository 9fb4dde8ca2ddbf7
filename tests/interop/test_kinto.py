"""A real Remote Settings server is understood and verified, in both browsers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.kinto_server import Kinto, another_leaf, another_root
from tests.pyodide.settings_page import SettingsPage

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page

AWKWARD = {
    "id": "Z-sorts-before-a",
    "text": "\u20ac \U0001f600 \u2028 \x7f \x01 \b\t\n\f\r \"\\/'`",
    "nothing": {"c": None, "d": [None, {}, [], {"z": None}]},
    "keys": {"b": 1, "A": 2, "10": 3, "9": 4, "\u00e9": 5, "": 7},
    "numbers": [0, -1, 9007199254740991],
}


def ids(records: list[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


def test_what_is_published_is_verified_and_kept(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a", "text": "hello"}, AWKWARD)

    records = settings.works("get", name=name)

    assert ids(records) == ["Z-sorts-before-a", "a"]
    assert {key: records[0][key] for key in AWKWARD} == AWKWARD
    kinto.requests()
    settings.visit()
    assert settings.works("get", name=name, verify_signature=True) == records
    assert [path for path in kinto.requests() if not path.startswith("/chains/")] == []


def test_changes_come_as_changes(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a", "n": 1}, {"id": "b"}, {"id": "c"})
    settings.works("get", name=name)
    before = kinto.changeset(name)["timestamp"]
    kinto.delete(name, "b")
    kinto.publish(name, {"id": "a", "n": 2}, {"id": "d"})
    after = kinto.changeset(name)["timestamp"]
    assert [each["id"] for each in kinto.changeset(name, _since=str(before))["changes"] if "deleted" in each] == ["b"]
    kinto.requests()

    event = settings.works("sync", name=name)

    assert event == {"created": ["d"], "updated": ["a"], "deleted": ["b"]}
    assert kinto.requests() == [
        f"/v1/buckets/monitor/collections/changes/changeset?collection={name}&bucket=main&_expected=0",
        f"/v1/buckets/main/collections/{name}/changeset?_expected={after}&_since={before}",
    ]
    assert ids(settings.works("get", name=name, verify_signature=True)) == ["a", "c", "d"]


def test_a_poll_finds_what_changed(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})
    settings.works("get", name=name)
    kinto.publish(name, {"id": "b"})

    assert settings.works("poll") == [f"main/{name}"]
    assert settings.works("poll") == []


def test_a_signature_is_renewed_without_a_change(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.add_signer("ending", another_leaf(not_after=datetime.now(UTC) + timedelta(days=2)))
    kinto.switch(signers=["ending"])
    kinto.publish(name, {"id": "a"})
    settings.works("get", name=name)
    (before,) = settings.stored()["collections"]
    kinto.switch()
    kinto.sign_again(name)

    settings.works("get", name=name, force_sync=True)

    (after,) = settings.stored()["collections"]
    assert after["metadata"]["signature"]["x5u"] != before["metadata"]["signature"]["x5u"]
    assert after["modeldenSignedUntil"] > before["modeldenSignedUntil"]
    assert ids(settings.works("get", name=name, verify_signature=True)) == ["a"]


def test_the_key_is_rotated(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.add_signer("next", another_leaf())
    kinto.add_signer("unknown", another_root())
    kinto.publish(name, {"id": "a"})
    settings.works("get", name=name)

    kinto.switch(signers=["unknown", "next"])
    kinto.publish(name, {"id": "b"})

    assert ids(settings.works("get", name=name, force_sync=True)) == ["a", "b"]


def test_another_root_is_refused_until_it_is_configured(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})
    settings.works("get", name=name)
    stored = settings.stored()
    chain = another_root()
    kinto.add_signer("another root", chain)
    kinto.switch(signers=["another root"])
    kinto.publish(name, {"id": "b"})

    error, message = settings.fails("get", name=name, force_sync=True)

    assert error == "SignatureError"
    assert "expected the root certificate" in message
    assert settings.stored() == stored
    assert ids(settings.works("get", name=name)) == ["a"]
    settings.visit(root_hash=chain.root_hash)
    assert ids(settings.works("get", name=name)) == ["a", "b"]


def test_what_was_signed_is_not_what_is_served(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.switch(tamper=True)
    kinto.publish(name, {"id": "a"})

    assert settings.fails("get", name=name)[0] == "SignatureError"
    assert settings.stored() == {}


def test_maintenance_is_respected_across_a_reload(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})
    before = settings.works("get", name=name)
    kinto.switch(maintenance="app", retry_after=1200)
    error, message = settings.fails("get", name=name, force_sync=True)
    assert error == "HttpError"
    assert "answered 503" in message
    kinto.requests()

    settings.visit()

    error, message = settings.fails("get", name=name, force_sync=True)
    assert error == "ServerBusy"
    assert "asked to be left alone for another 1" in message
    assert settings.works("get", name=name) == before
    assert kinto.requests() == []


def test_a_proxys_maintenance_page_cannot_be_read(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})
    before = settings.works("get", name=name)
    kinto.switch(maintenance="edge")

    assert settings.fails("get", name=name, force_sync=True)[0] == "NetworkError"

    assert settings.works("get", name=name) == before


def test_backoff_comes_with_good_answers(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})
    kinto.switch(backoff=3600)

    assert settings.fails("get", name=name)[0] == "ServerBusy"

    assert kinto.requests() == ["/v1/"]
    kinto.switch()
    settings.visit()
    assert settings.fails("get", name=name)[0] == "ServerBusy"
    assert kinto.requests() == []


def test_attachments(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    data = bytes(range(256)) * 4000
    kinto.put(name, {"id": "file"})
    kinto.attach(name, "file", data)
    kinto.publish(name)
    kinto.switch(corrupt=True)
    assert settings.fails("download", name=name, record="file")[0] == "IntegrityError"
    assert "attachments" not in settings.stored()
    kinto.switch()

    assert settings.works("download", name=name, record="file") == {"size": len(data), "head": list(range(16))}

    kinto.requests()
    settings.visit()
    settings.works("download", name=name, record="file")
    assert kinto.requests() == []
    kinto.delete(name, "file")
    kinto.publish(name)
    settings.works("get", name=name, force_sync=True)
    assert "attachments" not in settings.stored()


def test_preview_has_what_is_under_review(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})
    kinto.put(name, {"id": "b"})
    kinto.request_review(name)

    assert ids(settings.works("get", name=name)) == ["a"]
    assert ids(settings.works("get", name=name, bucket="main-preview")) == ["a", "b"]
    settings.visit(settings_bucket="main-preview")
    assert ids(settings.works("get", name=name)) == ["a", "b"]
    assert ids(settings.works("get", name=name, bucket="main")) == ["a"]


def test_an_unknown_collection_is_named(kinto: Kinto, name: str, settings: SettingsPage) -> None:
    kinto.publish(name, {"id": "a"})

    error, message = settings.fails("get", name="nobody-knows")

    assert error == "UnknownCollection"
    assert "main/nobody-knows" in message


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kinto]:
    """kinto-changes as it was published: an unquoted ``_since`` is 400 there."""
    with Kinto(tmp_path_factory.mktemp("published"), published=True) as kinto:
        kinto.create("old")
        yield kinto


def test_a_server_that_wants_quotes_is_asked_for_everything(published: Kinto, page: Page) -> None:
    settings = SettingsPage(page, published.config)
    published.publish("old", {"id": "a", "n": 1}, {"id": "gone"})
    settings.works("get", name="old")
    published.delete("old", "gone")
    published.publish("old", {"id": "a", "n": 2}, {"id": "b"})
    published.requests()

    assert ids(settings.works("get", name="old", force_sync=True)) == ["a", "b"]

    changesets = [path for path in published.requests() if "/old/changeset" in path]
    assert ["_since" in path for path in changesets] == [True, False]
