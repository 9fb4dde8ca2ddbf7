"""Loads that fail or are cancelled: their error is the one that callers get, and nothing of them goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelden.engine.options import PipelineOptions
from modelden.errors import EngineError, FileNotFoundOnHub, InvalidRecord, StorageUnavailable
from modelden.host.serve.server import Application
from modelden.hub.store.usage import use_lock
from modelden.ports import Row
from modelden.settings.environment import FIREFOX_VERSION
from tests.simulators.engines import ScriptedWorker
from tests.simulators.profile import Profile
from tests.unit.background import settled
from tests.unit.conftest import FILES, HUB_ROOT, write

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": -1}, own_features=True)
BRANCH = PipelineOptions.of({"task_name": "summarization", "timeout_ms": -1})
CONFIG, _, WEIGHTS = FILES


async def is_leased(profile: Profile, revision: str) -> bool:
    async with profile.locks.try_hold(use_lock(("localhost/org/tiny", revision, HUB_ROOT))) as is_free:
        return not is_free


async def test_a_worker_that_cannot_be_closed_does_not_hide_why_a_load_failed(
    profile: Profile, tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")

    def fail(_: ScriptedWorker) -> None:
        raise RuntimeError("the worker is gone")

    monkeypatch.setattr(ScriptedWorker, "close", fail)
    with pytest.raises(EngineError, match="Can't create a session"):
        await profile.visit().create_engine(EMBED)

    assert "the worker is gone" in caplog.text
    await asyncio.sleep(0)
    assert not await is_leased(profile, "v1.0")


async def test_stored_files_that_cannot_be_checked_do_not_hide_why_a_load_failed(
    profile: Profile, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "hub/org/tiny/v1.0" / WEIGHTS, b"corrupt from the beginning")
    load = ScriptedWorker.create

    async def load_and_lose_the_database(*args: Any) -> Any:
        try:
            return await load(*args)
        finally:
            monkeypatch.setattr(profile.databases["modelFiles"], "get_many", refuse)
            monkeypatch.setattr(profile.databases["modelFiles"], "get", refuse)

    async def refuse(*_: Any) -> Row | None:
        raise StorageUnavailable("The database modelFiles failed.")

    monkeypatch.setattr(ScriptedWorker, "create", load_and_lose_the_database)
    with pytest.raises(EngineError, match="Can't create a session"):
        await profile.visit(replace(profile.config, require_storage=True)).create_engine(EMBED)


async def test_a_load_that_is_cancelled_while_it_leaves_its_branch_leaves_no_worker(
    profile: Profile, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await profile.visit().create_engine(BRANCH)).close()
    write(tree / "hub/org/tiny/main" / CONFIG, b'{"model_type": "gpt2"}')
    leaving, hold = asyncio.Event(), profile.locks.hold

    @asynccontextmanager
    async def release_late(name: str, *, shared: bool = False) -> AsyncIterator[None]:
        async with hold(name, shared=shared):
            yield
            if "switch" in name:
                leaving.set()
                await asyncio.Event().wait()

    monkeypatch.setattr(profile.locks, "hold", release_late)
    creating = asyncio.ensure_future(profile.visit().create_engine(BRANCH))
    await leaving.wait()
    creating.cancel()

    with pytest.raises(asyncio.CancelledError):
        await creating
    assert profile.engines.alive == 0


async def test_a_history_that_cannot_be_read_stops_no_engine(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = await profile.database("modelden")

    async def refuse(*_: Any) -> Row | None:
        raise StorageUnavailable("The database modelden failed.")

    monkeypatch.setattr(database, "get", refuse)
    engine = await profile.visit(replace(profile.config, require_storage=True)).create_engine(EMBED)
    await settled()

    assert engine.status == "ready"
    assert "The history cannot be read" in caplog.text


async def test_a_row_of_another_build_stops_no_engine(profile: Profile) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    await settled()
    (row,) = profile.databases["modelden"].rows["engines"].values()
    row["plan"] = {"format": 2}

    assert (await profile.visit().create_engine(EMBED)).status == "ready"


async def test_a_failure_to_store_the_history_that_nobody_expects_is_logged(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = await profile.database("modelden")

    async def fail(*_: Any) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr(database, "commit", fail)
    engine = await profile.visit().create_engine(EMBED)
    await settled()

    assert engine.status == "ready"
    assert "A background task failed to store the history." in caplog.text


async def test_a_model_that_the_hub_does_not_have_is_told_as_a_missing_model(profile: Profile, tree: Path) -> None:
    for path in FILES:
        (tree / "hub/org/tiny/v1.0" / path).unlink()

    with pytest.raises(FileNotFoundOnHub) as caught:
        await profile.visit().create_engine(EMBED)

    assert str(caught.value).startswith("The hub has no model org/tiny, revision v1.0: check both names.")
    assert CONFIG in caught.value.missing
    assert caught.value.is_model


async def test_a_file_that_a_model_lacks_is_told_as_a_missing_file(profile: Profile, tree: Path) -> None:
    (tree / "hub/org/tiny/v1.0" / WEIGHTS).unlink()

    with pytest.raises(FileNotFoundOnHub, match=f"The hub has no {WEIGHTS} for the model") as caught:
        await profile.visit().create_engine(EMBED)

    assert not caught.value.is_model


async def test_a_feature_whose_only_record_is_filtered_says_so(profile: Profile, application: Application) -> None:
    expression = "env.version|versionCompare('1.0') < 0"
    task = {"taskName": "feature-extraction", "modelId": "org/tiny", "modelRevision": "v1.0"}
    records = [
        {"id": "one", "featureId": "simple-text-embedder", **task, "filter_expression": expression},
        {"id": "two", "featureId": "smart-intent", **task},
        {"id": "three", "featureId": "smart-tab-embedding", **task},
    ]
    application.collections["main", "ml-inference-options"].replace(records)
    profile.expressions.verdicts = {expression: False}
    named = PipelineOptions.of({"feature_id": "simple-text-embedder", "task_name": "feature-extraction"})
    for request in (named, EMBED):
        with pytest.raises(InvalidRecord, match="not for this browser") as caught:
            await profile.visit().create_engine(request)
        assert expression in str(caught.value)
    assert profile.expressions.contexts[0]["env"]["version"] == FIREFOX_VERSION


async def test_a_notebook_shows_an_engine_as_a_table(profile: Profile) -> None:
    engine = await profile.visit().create_engine(EMBED)

    assert "org/tiny v1.0" in engine._repr_html_()
    assert ">ready<" in engine._repr_html_()
