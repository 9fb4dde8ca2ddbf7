"""Signed manifests: what a file has to be, end to end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modelden.core.events import ProgressEvent
from modelden.core.multi_progress_aggregator import MultiProgressAggregator
from modelden.engine.options import PipelineOptions
from modelden.errors import IntegrityError, InvalidRecord, ManifestsUnavailable, NoHash, SignatureError
from modelden.host.publish.collections import Collection
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.usage import Consumer
from modelden.settings.changeset import identity_record
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN, TIMESTAMP

WEIGHTS = "onnx/model_quantized.onnx"
FILE = ModelFile("org/tiny", "v1.0", WEIGHTS)
USE = Consumer("task", "engine")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())
COLLECTION = "ml-model-manifests"
ALLOW_LIST = "ml-model-allow-deny-list"
EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)


def entry(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def publish(application: Application, *files: dict[str, Any]) -> Collection:
    """A manifest of the model's revision."""
    record = {"id": "tiny", "modelId": FILE.model, "revision": FILE.revision, "files": list(files)}
    return application.collections.add("main", COLLECTION, [record], TIMESTAMP)


async def hub_of(profile: Profile, **config: Any) -> HubFiles:
    return await profile.visit(replace(profile.config, **{"manifests": True, **config})).hub()


async def integrity(hub: HubFiles) -> list[str]:
    return [file.integrity for file in await hub.store.list_files("localhost/org/tiny", "v1.0")]


def asked(profile: Profile) -> list[str]:
    """The requests that name the collection."""
    return [each for each in profile.requests() if COLLECTION in each]


async def test_a_file_that_a_manifest_names_is_signed(profile: Profile, application: Application) -> None:
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    hub = await hub_of(profile, require_hashes=True)
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "signed"
    assert await integrity(hub) == ["signed"]


@pytest.mark.parametrize(
    "named",
    [entry(WEIGHTS, b"another"), {**entry(WEIGHTS, FILES[WEIGHTS]), "size": 5}],
    ids=["another hash", "another size"],
)
async def test_another_file_than_the_manifest_names_is_refused(
    profile: Profile, application: Application, named: dict[str, Any]
) -> None:
    publish(application, named)
    with pytest.raises(IntegrityError, match="expected"):
        await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert "files" not in (await profile.database("modelFiles")).contents()


async def test_what_no_manifest_names_is_vouched_for_by_the_hub(profile: Profile, application: Application) -> None:
    publish(application, entry("config.json", FILES["config.json"]))
    hub = await hub_of(profile)
    await hub.get(FILE, USE, ALLOWED)
    assert await integrity(hub) == ["hub"]


async def test_a_warm_visit_asks_for_no_manifest(profile: Profile, application: Application) -> None:
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    profile.requests()
    await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert profile.requests() == []


BROKEN: dict[str, Any] = {
    "no list": None,
    "no hash": [{"path": WEIGHTS, "size": 1}],
    "upper case": [{"path": WEIGHTS, "size": 1, "sha256": "A" * 64}],
    "a truth value as size": [{"path": WEIGHTS, "size": True, "sha256": "a" * 64}],
    "a negative size": [{"path": WEIGHTS, "size": -1, "sha256": "a" * 64}],
    "half a byte": [{"path": WEIGHTS, "size": 1.5, "sha256": "a" * 64}],
    "a number as path": [{"path": 7, "size": 1, "sha256": "a" * 64}],
    "a path twice": [{"path": WEIGHTS, "size": 1, "sha256": digit * 64} for digit in "ab"],
    "no list at all": "files",
    "a size in words": [{"path": WEIGHTS, "size": "1", "sha256": "a" * 64}],
}


@pytest.mark.parametrize("files", BROKEN)
async def test_a_manifest_that_cannot_be_understood_is_an_error(
    profile: Profile, application: Application, files: str
) -> None:
    record = {"id": "tiny", "modelId": FILE.model, "revision": FILE.revision, "files": BROKEN[files]}
    application.collections.add("main", COLLECTION, [record], TIMESTAMP)
    with pytest.raises(InvalidRecord, match=COLLECTION):
        await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert not any("/hub/" in request for request in profile.requests())


async def test_two_manifests_of_one_revision_are_an_error(profile: Profile, application: Application) -> None:
    named = {"modelId": FILE.model, "revision": FILE.revision}
    records = [{"id": each, **named, "files": [entry(WEIGHTS, each.encode())]} for each in "ab"]
    application.collections.add("main", COLLECTION, records, TIMESTAMP)
    with pytest.raises(InvalidRecord, match=r"expected one record of org/tiny v1\.0, found 2"):
        await (await hub_of(profile)).get(FILE, USE, ALLOWED)


async def test_a_size_may_have_a_fraction_of_zero(profile: Profile, application: Application) -> None:
    named = entry(WEIGHTS, FILES[WEIGHTS])
    publish(application, {**named, "size": float(named["size"])})
    assert (await (await hub_of(profile)).get(FILE, USE, ALLOWED)).integrity == "signed"


CHANGESET = f"/v1/buckets/main/collections/{COLLECTION}/changeset"
MONITOR = "/v1/buckets/monitor/collections/changes/changeset"

FAILURES: dict[str, Callable[[Application], None]] = {
    "503": lambda app: app.faults.set(Fault(path=CHANGESET, status=503)),
    "404": lambda app: app.faults.set(Fault(path=CHANGESET, status=404)),
    "a web page": lambda app: app.faults.set(Fault(path=CHANGESET, status=200, body="<html>")),
    "a monitor that leaves it out": lambda app: app.faults.set(Fault(path=MONITOR, status=200, body=_monitor())),
    "a monitor that fails": lambda app: app.faults.set(Fault(path=MONITOR, status=500)),
}
"""Ways to keep manifests away that no signature excludes."""


def _monitor() -> str:
    changes = [{"id": "x", "bucket": "main", "collection": "other", "last_modified": TIMESTAMP}]
    return json.dumps({"metadata": {"bucket": "monitor"}, "timestamp": TIMESTAMP, "changes": changes})


async def with_list(profile: Profile, application: Application, *names: str) -> None:
    """Let the tree say which collections it has, and a visit read that."""
    record = identity_record("main", ALLOW_LIST, names)
    application.collections["main", ALLOW_LIST].publish(record)
    await (await profile.visit().settings()).client.get(ALLOW_LIST)


@pytest.mark.parametrize("failure", FAILURES)
async def test_required_manifests_cannot_be_stripped(profile: Profile, application: Application, failure: str) -> None:
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    FAILURES[failure](application)
    for _ in range(2):
        with pytest.raises(ManifestsUnavailable, match="manifests='if-published'"):
            await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert not any("/hub/" in request for request in profile.requests())

    application.faults.set()
    assert (await (await hub_of(profile)).get(FILE, USE, ALLOWED)).integrity == "signed"


@pytest.mark.parametrize("failure", FAILURES)
async def test_published_manifests_cannot_be_stripped(profile: Profile, application: Application, failure: str) -> None:
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    await with_list(profile, application, COLLECTION, ALLOW_LIST)
    FAILURES[failure](application)

    with pytest.raises(ManifestsUnavailable):
        await (await hub_of(profile, manifests="if-published")).get(FILE, USE, ALLOWED)

    application.faults.set()
    hub = await hub_of(profile, manifests="if-published")
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "signed"


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failure_is_not_remembered_as_absence(profile: Profile, application: Application, failure: str) -> None:
    """Nothing signed says whether there are manifests: the hub is believed, for this file."""
    publish(application, *(entry(path, content) for path, content in FILES.items()))
    FAILURES[failure](application)
    hub = await hub_of(profile, manifests="if-published")
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "hub"

    application.faults.set()
    assert (await hub.get(replace(FILE, file="config.json"), USE, ALLOWED)).integrity == "signed"
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "signed"


async def test_a_signed_absence_is_an_absence(profile: Profile, application: Application) -> None:
    await with_list(profile, application, ALLOW_LIST)
    profile.requests()

    hub = await hub_of(profile, manifests="if-published")
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "hub"
    assert asked(profile) == []
    with pytest.raises(ManifestsUnavailable):
        await (await hub_of(profile)).get(replace(FILE, file="config.json"), USE, ALLOWED)


async def test_a_stored_file_is_signed_once_a_manifest_has_its_hash(profile: Profile, application: Application) -> None:
    await (await hub_of(profile, manifests=False)).get(FILE, USE, ALLOWED)
    assert await integrity(await hub_of(profile)) == ["hub"]
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    profile.requests()

    hub = await hub_of(profile)
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "signed"

    assert await integrity(hub) == ["signed"]
    assert not any("/hub/" in request for request in profile.requests())
    assert (await (await hub_of(profile)).get(FILE, USE, ALLOWED)).integrity == "signed"
    assert profile.requests() == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_stored_file_that_its_manifest_refuses_is_downloaded_again(
    profile: Profile, application: Application, *, at_once: bool
) -> None:
    application.faults.set(Fault(path=f"/hub/{FILE.model}/{FILE.revision}/{WEIGHTS}", status=200, body=":\x08untagged"))
    await (await hub_of(profile, manifests=False)).get(FILE, USE, ALLOWED)
    application.faults.set()
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    hub = await hub_of(profile)

    if at_once:
        assert await hub.get_stored([FILE], USE, ALLOWED) == {}
    healed = await hub.get(FILE, USE, ALLOWED)

    assert (healed.integrity, await healed.blob.read()) == ("signed", FILES[WEIGHTS])
    assert list(await hub.get_stored([FILE], USE, ALLOWED)) == [FILE]


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_stored_file_that_its_corrected_manifest_refuses_is_downloaded_again(
    profile: Profile, application: Application, *, at_once: bool
) -> None:
    """A manifest was of wrong bytes once, or was signed below another root."""
    wrong = b":\x08untagged"
    application.faults.set(Fault(path=f"/hub/{FILE.model}/{FILE.revision}/{WEIGHTS}", status=200, body=wrong.decode()))
    collection = publish(application, entry(WEIGHTS, wrong))
    assert (await (await hub_of(profile)).get(FILE, USE, ALLOWED)).integrity == "signed"
    application.faults.set()
    (record,) = [each for each in collection.state.records.values() if "files" in each]
    collection.replace([{**record, "files": [entry(WEIGHTS, FILES[WEIGHTS])]}], timestamp=TIMESTAMP + 1)
    profile.clock.advance(hours=25)
    hub = await hub_of(profile)

    if at_once:
        assert await hub.get_stored([FILE], USE, ALLOWED) == {}
    healed = await hub.get(FILE, USE, ALLOWED)

    assert (healed.integrity, await healed.blob.read()) == ("signed", FILES[WEIGHTS])


async def test_a_stored_file_asks_for_no_manifests_that_nothing_says_are_published(profile: Profile) -> None:
    hub = await hub_of(profile, manifests="if-published")
    await hub.get(FILE, USE, ALLOWED)
    profile.requests()

    await (await hub_of(profile, manifests="if-published")).get(FILE, USE, ALLOWED)
    assert profile.requests() == []


async def test_an_empty_collection_without_a_name_is_no_manifest(profile: Profile, application: Application) -> None:
    """Another empty collection of the signer has the same signed text."""
    manifests = application.collections.add("main", COLLECTION, [], TIMESTAMP)
    with pytest.raises(ManifestsUnavailable, match="It is empty, and no signed record says"):
        await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert not [each for each in profile.requests() if WEIGHTS in each]

    manifests.publish(identity_record("main", COLLECTION, [COLLECTION]))
    profile.clock.advance(hours=24)
    assert (await (await hub_of(profile)).get(FILE, USE, ALLOWED)).integrity == "hub"


async def test_a_forged_manifest_is_an_error(profile: Profile, application: Application) -> None:
    forged = publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    records = [{**each, "revision": "v2.0"} for each in forged.state.records.values()]
    forged.replace(records, timestamp=TIMESTAMP + 1, sign=False)
    with pytest.raises(SignatureError):
        await (await hub_of(profile)).get(FILE, USE, ALLOWED)


async def test_a_hash_may_be_required(profile: Profile, application: Application) -> None:
    publish(application, entry("config.json", FILES["config.json"]))
    application.faults.set(Fault(path=f"/hub/{FILE.model}/{FILE.revision}/{WEIGHTS}", status=200, body=":\x08untagged"))
    with pytest.raises(NoHash):
        await (await hub_of(profile, require_hashes=True)).get(FILE, USE, ALLOWED)
    hub = await hub_of(profile)
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "first-seen"
    assert await integrity(hub) == ["first-seen"]


async def test_what_will_be_downloaded_is_told_before_the_first_byte(
    profile: Profile, application: Application
) -> None:
    publish(application, *(entry(path, content) for path, content in {**FILES, "README.md": b"card"}.items()))
    events: list[ProgressEvent] = []
    context = profile.visit(replace(profile.config, manifests=True))
    await context.create_engine(EMBED, MultiProgressAggregator(events.append, ["downloading"]))
    total = sum(len(content) for content in FILES.values())
    assert {event.total for event in events} == {total}
    assert (events[0].total_loaded, events[-1].total_loaded) == (0, total)
    assert [event.metadata["fraction"] for event in events].count(1) == 1

    events.clear()
    context = profile.visit(replace(profile.config, manifests=True))
    await context.create_engine(EMBED, MultiProgressAggregator(events.append, ["downloading"]))
    assert [event.metadata["fraction"] for event in events] == [1]
