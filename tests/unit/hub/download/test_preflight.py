"""Room is asked for all of a model before the first byte of it, where a manifest tells the sizes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from modelden.core.memory_database import StorageWarning
from modelden.engine.options import PipelineOptions
from modelden.errors import CacheSizeExceeded, QuotaExceeded
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.file_info import FileInfo
from modelden.hub.catalog.names import ModelFile
from modelden.hub.store.partials import PartialDownloads
from modelden.hub.store.quota import GIB
from modelden.hub.store.records import PartialFile
from modelden.hub.store.usage import Consumer
from tests.simulators.blobs import MemoryBlob
from tests.unit.conftest import FILES, ORIGIN, TIMESTAMP, write

if TYPE_CHECKING:
    from modelden.context import Context
    from modelden.host.serve.server import Application
    from tests.simulators.profile import Profile

WEIGHTS = "onnx/model_quantized.onnx"
TOKENIZER = json.dumps({"version": "1.0", "vocabulary": "x" * 200_000}).encode()
CONTENTS = {**FILES, "tokenizer.json": TOKENIZER}
TOTAL = sum(len(content) for content in CONTENTS.values())
EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": -1}, own_features=True)
OTHER = ModelFile("org/tiny", "main", "config.json")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())


@pytest.fixture
def profile(profile: Profile, tree: Path, application: Application) -> Profile:
    """Of the model, each file fits alone, and all together do not; another model is kept."""
    write(tree / "hub/org/tiny/v1.0/tokenizer.json", TOKENIZER)
    files = [
        {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in {**CONTENTS, "onnx/model.onnx": bytes(10_000_000)}.items()
    ]
    record = {"id": "tiny", "modelId": "org/tiny", "revision": "v1.0", "files": files}
    application.collections.add("main", "ml-model-manifests", [record], TIMESTAMP)
    leave(profile, TOTAL - 1)
    return profile


def leave(profile: Profile, size: int) -> None:
    profile.page.leave(size)


def visit(profile: Profile, **config: Any) -> Context:
    return profile.visit(replace(profile.config, manifests=True, **config))


def downloads(profile: Profile) -> list[str]:
    return [each for each in profile.requests() if "/hub/" in each]


async def stored(profile: Profile) -> dict[str, Any]:
    return (await profile.database("modelFiles")).contents()


async def test_a_model_that_does_not_fit_as_a_whole_is_not_begun(profile: Profile) -> None:
    context = visit(profile)
    await (await context.hub()).get(OTHER, Consumer("task", "engine"), ALLOWED)
    before = await stored(profile)
    # It is the same file as one of the model's, so that it does not count.
    leave(profile, TOTAL - len(FILES["config.json"]) - 1)
    profile.requests()

    with pytest.raises(QuotaExceeded, match=r"localhost/org/tiny/v1\.0 ") as caught:
        await context.create_engine(EMBED)

    needed = TOTAL - len(FILES["config.json"])
    assert (caught.value.needed, caught.value.available) == (needed, needed - 1)
    usage, quota, _ = await profile.page.storage_estimate()
    assert (caught.value.usage, caught.value.quota) == (usage, quota)
    assert str(profile.page.quota) in str(caught.value)
    assert [each for each in downloads(profile) if each.endswith(("tokenizer.json", WEIGHTS))] == []
    headers = [row for row in (await stored(profile))["headers"] if row["revision"] == "main"]
    assert headers == before["headers"]


async def test_a_model_that_just_fits_is_loaded(profile: Profile) -> None:
    leave(profile, TOTAL)
    await visit(profile).create_engine(EMBED)
    assert len((await stored(profile))["headers"]) == len(FILES)


async def test_what_is_kept_does_not_count(profile: Profile) -> None:
    leave(profile, TOTAL)
    await (await visit(profile).hub()).get(ModelFile("org/tiny", "v1.0", WEIGHTS), Consumer("task", "engine"), ALLOWED)
    leave(profile, TOTAL - len(FILES[WEIGHTS]))
    await visit(profile).create_engine(EMBED)
    assert len((await stored(profile))["headers"]) == len(FILES)


async def test_where_memory_will_do_nothing_of_the_model_is_stored(profile: Profile) -> None:
    context = visit(profile, memory_when_full=True)
    with pytest.warns(StorageWarning, match=str(TOTAL)) as warned:
        await context.create_engine(EMBED)
    assert len(warned) == 1
    assert "headers" not in await stored(profile)


async def test_a_limit_counts_for_the_whole_model(profile: Profile) -> None:
    leave(profile, 10 * TOTAL)
    with pytest.raises(CacheSizeExceeded):
        await visit(profile, max_cache_size=(TOTAL - 1) / GIB).create_engine(EMBED)
    assert downloads(profile) == []


async def test_where_nobody_tells_sizes_each_file_is_asked_for(profile: Profile) -> None:
    leave(profile, len(FILES[WEIGHTS]) - 1)
    with pytest.raises(QuotaExceeded, match=WEIGHTS):
        await profile.visit().create_engine(EMBED)
    assert not any("ml-model-manifests" in each for each in profile.requests())


async def test_a_warm_visit_asks_nobody(profile: Profile) -> None:
    leave(profile, TOTAL)
    await visit(profile).create_engine(EMBED)
    profile.requests()
    leave(profile, 0)
    await visit(profile).create_engine(EMBED)
    assert profile.requests() == []


async def test_only_what_is_still_to_come_counts(profile: Profile) -> None:
    leave(profile, TOTAL)
    hub = await visit(profile).hub()
    await hub.get(OTHER, Consumer("task", "engine"), ALLOWED)
    leave(profile, 0)

    kept, digest = FILES["config.json"], hashlib.sha256(FILES["config.json"]).hexdigest()
    await hub.check_space("org/tiny", "main", [FileInfo("config.json", len(kept), None)], None)
    await hub.check_space("org/tiny", "v2", [FileInfo("equal.json", len(kept), digest)], None)
    partial_key = hub.key(ModelFile("org/tiny", "v2", "begun.bin"))
    partial = PartialFile("begun", "url", None, 10, received=9, chunks=1)
    await PartialDownloads(await profile.database("modelFiles"), profile.clock, profile.locks).append(
        partial_key, partial, MemoryBlob(bytes(9))
    )
    with pytest.raises(QuotaExceeded) as caught:
        await hub.check_space("org/tiny", "v2", [FileInfo("begun.bin", 10, None), FileInfo("new.bin", 5, None)], None)
    assert caught.value.needed == 1 + 5
    with pytest.raises(QuotaExceeded):
        await hub.check_space("org/tiny", "main", [FileInfo("config.json", len(kept), "0" * 64)], None)
