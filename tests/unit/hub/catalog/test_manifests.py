"""Signed manifests: what a file has to be, end to end."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from modelden.core.events import ProgressEvent
from modelden.core.multi_progress_aggregator import MultiProgressAggregator
from modelden.engine.options import PipelineOptions
from modelden.errors import IntegrityError, InvalidRecord, NetworkError, NoHash, SignatureError, StorageUnavailable
from modelden.host.publish.collections import Collection
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.integrity import ExpectedFile
from modelden.hub.catalog.manifests import Manifests
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.schema import MODEL_FILES
from modelden.hub.store.usage import Consumer, NegativeCache
from modelden.ports import Key, Row
from tests.simulators.clock import ManualClock
from tests.simulators.database import MemoryDatabase
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN, TIMESTAMP

WEIGHTS = "onnx/model_quantized.onnx"
FILE = ModelFile("org/tiny", "v1.0", WEIGHTS)
USE = Consumer("task", "engine")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())
COLLECTION = "ml-model-manifests"
EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)


def entry(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def publish(application: Application, *files: dict[str, Any]) -> Collection:
    """A manifest of the model's revision."""
    record = {"id": "tiny", "modelId": FILE.model, "revision": FILE.revision, "files": list(files)}
    return application.collections.add("main", COLLECTION, [record], TIMESTAMP)


async def hub_of(profile: Profile, **config: Any) -> HubFiles:
    return await profile.visit(replace(profile.config, manifests=True, **config)).hub()


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


async def test_a_server_without_manifests_is_asked_once_an_interval(profile: Profile) -> None:
    await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert len(asked(profile)) > 0
    other = replace(FILE, file="config.json")
    await (await hub_of(profile)).get(other, USE, ALLOWED)
    assert asked(profile) == []

    profile.clock.advance(hours=25)
    await (await hub_of(profile)).get(replace(FILE, file="tokenizer.json"), USE, ALLOWED)
    assert len(asked(profile)) > 0


async def test_a_warm_visit_asks_for_no_manifest(profile: Profile, application: Application) -> None:
    publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    profile.requests()
    await (await hub_of(profile)).get(FILE, USE, ALLOWED)
    assert profile.requests() == []


class NoRecords:
    """A settings server without the collection."""

    def __init__(self) -> None:
        self.requests = 0

    async def get(self, _name: str, /, *, sync_if_empty: bool = True) -> list[dict[str, Any]]:
        self.requests += sync_if_empty
        raise NetworkError("https://settings.example", "no such collection")


class UnreadableDatabase(MemoryDatabase):
    """Refuses to read rows of ``missing``."""

    async def get(self, store: str, key: Key) -> Row | None:
        if store == "missing":
            raise StorageUnavailable("The database cannot be read.")
        return await super().get(store, key)


@pytest.mark.parametrize(
    "database", [MemoryDatabase(MODEL_FILES), UnreadableDatabase(MODEL_FILES)], ids=["full", "unreadable"]
)
async def test_a_missing_collection_that_cannot_be_remembered_is_asked_for_again(
    database: MemoryDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.full = True
    records = NoRecords()

    async def open_records() -> NoRecords:
        return records

    manifests = Manifests(open_records, NegativeCache(database, ManualClock()), interval=3600)
    for _ in range(2):
        assert await manifests.expected(FILE) == ExpectedFile()
    assert records.requests == 2
    assert "is missing" in caplog.text


BROKEN: dict[str, Any] = {
    "no list": None,
    "no hash": [{"path": WEIGHTS, "size": 1}],
    "upper case": [{"path": WEIGHTS, "size": 1, "sha256": "A" * 64}],
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


async def test_a_forged_manifest_is_an_error(profile: Profile, application: Application) -> None:
    forged = publish(application, entry(WEIGHTS, FILES[WEIGHTS]))
    records = [{**each, "revision": "v2.0"} for each in forged.state.records.values()]
    forged.replace(records, timestamp=TIMESTAMP + 1, sign=False)
    with pytest.raises(SignatureError):
        await (await hub_of(profile)).get(FILE, USE, ALLOWED)


async def test_a_hash_may_be_required(profile: Profile, application: Application) -> None:
    application.faults.set(Fault(path=f"/hub/{FILE.model}/{FILE.revision}/{WEIGHTS}", status=200, body="untagged"))
    with pytest.raises(NoHash):
        await (await hub_of(profile, require_hashes=True)).get(FILE, USE, ALLOWED)
    hub = await hub_of(profile)
    assert (await hub.get(FILE, USE, ALLOWED)).integrity == "first-seen"
    assert await integrity(hub) == ["first-seen"]


async def test_what_will_be_downloaded_is_told_before_the_first_byte(
    profile: Profile, application: Application
) -> None:
    publish(application, *(entry(path, content) for path, content in {**FILES, "README.md": b"card"}.items()))
    told: list[ProgressEvent] = []
    den = profile.visit(replace(profile.config, manifests=True))
    await den.create_engine(EMBED, MultiProgressAggregator(told.append))
    total = sum(len(content) for content in FILES.values())
    assert {event.total for event in told} == {total}
    assert (told[0].total_loaded, told[-1].total_loaded) == (0, total)
    assert [event.metadata["fraction"] for event in told].count(1) == 1

    told.clear()
    den = profile.visit(replace(profile.config, manifests=True))
    await den.create_engine(EMBED, MultiProgressAggregator(told.append))
    assert [event.metadata["fraction"] for event in told] == [1]
