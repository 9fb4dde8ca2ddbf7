"""A browser without room: models run from memory where that is allowed, and what is only remembered never stops one."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from modelden import StorageWarning, default_context, storage_info
from modelden.engine.options import PipelineOptions
from modelden.errors import QuotaExceeded, StorageError, StorageUnavailable
from modelden.hub.store.schema import MODEL_FILES
from modelden.ports import Delete, Put, Schema, Unchanged
from modelden.settings.schema import REMOTE_SETTINGS
from tests.simulators.database import MemoryDatabase
from tests.unit.conftest import FILES, WASM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from modelden.context import Context
    from tests.simulators.profile import Profile

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)

DATABASES = ("remote-settings", "modelFiles", "modelden")


def visit(profile: Profile, monkeypatch: pytest.MonkeyPatch | None = None) -> Context:
    """A page in which memory will do."""
    context = profile.visit(replace(profile.config, memory_when_full=True))
    if monkeypatch:
        monkeypatch.setattr(default_context.page, "context", context)
    return context


async def fill(profile: Profile, *names: str, full: bool = True) -> None:
    for name in names:
        await profile.fill(name, full=full)


@pytest.mark.parametrize("full", [DATABASES, *((name,) for name in DATABASES), DATABASES[1:]], ids="-".join)
async def test_an_engine_runs_from_memory(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, full: tuple[str, ...]
) -> None:
    await fill(profile, *full)
    context = visit(profile, monkeypatch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StorageWarning)
        await context.create_engine(EMBED)

    assert profile.engines.workers[0].received == FILES
    assert profile.engines.workers[0].wasm == WASM
    kept = profile.databases.contents()
    assert not set(kept) & set(full)
    shortages = [warning.message.error for warning in caught if isinstance(warning.message, StorageWarning)]
    assert shortages
    for error in shortages:
        assert isinstance(error, QuotaExceeded)
        usage, quota, _ = await profile.page.storage_estimate()
        assert error.usage is not None
        assert profile.page.usage <= error.usage <= (usage or 0)  # of then: files of the model have come since
        assert error.quota == quota
        assert f"{error.usage} of {quota} bytes" in str(error)
    info = await storage_info()
    assert info.backend == "memory"
    assert info.refusal == str(shortages[0])

    # In the same page nothing is fetched again, and the next visit has what it could not keep.
    profile.requests()
    await context.create_engine(EMBED)
    assert profile.requests() == []
    await fill(profile, *full, full=False)
    await profile.visit().create_engine(EMBED)
    assert set(profile.databases.contents()) == set(DATABASES)


async def test_what_memory_took_the_place_of_is_told_with_its_size(profile: Profile) -> None:
    await fill(profile, *DATABASES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StorageWarning)
        await visit(profile).create_engine(EMBED)
    needed = {
        warning.message.error.needed
        for warning in caught
        if isinstance(warning.message, StorageWarning) and isinstance(warning.message.error, QuotaExceeded)
    }
    assert needed > {len(content) for content in FILES.values()}


async def test_other_models_are_untouched(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    before = profile.databases.contents()
    await fill(profile, *DATABASES)
    with pytest.warns(StorageWarning):
        await visit(profile).create_engine(PipelineOptions.of({"task_name": "summarization"}, own_features=True))
    assert profile.databases.contents() == before


@pytest.mark.parametrize("memory_when_full", [True, False])
async def test_a_warm_visit_needs_no_room(
    profile: Profile, caplog: pytest.LogCaptureFixture, *, memory_when_full: bool
) -> None:
    await profile.visit().create_engine(EMBED)
    await fill(profile, *DATABASES)
    profile.requests()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StorageWarning)
        config = replace(profile.config, memory_when_full=memory_when_full)
        await profile.visit(config).create_engine(EMBED)

    assert profile.engines.workers[1].received == FILES
    assert profile.requests() == []
    assert {record.levelno for record in caplog.records if "is not recorded" in record.message} == {logging.WARNING}


async def test_settings_that_cannot_be_renewed_for_want_of_room_stay_in_use(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    await fill(profile, *DATABASES)
    profile.clock.advance(hours=24)
    await profile.visit().create_engine(EMBED)
    assert profile.engines.workers[1].received == FILES


async def test_a_history_that_cannot_be_written_stops_no_engine(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(profile, "modelden")
    await profile.visit().create_engine(EMBED)
    assert profile.engines.workers[0].received == FILES
    assert "The history cannot be stored" in caplog.text
    assert "The crash marker could not be stored" in caplog.text


async def test_missing_files_that_cannot_be_remembered_stop_no_engine(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    await profile.visit().create_engine(EMBED)
    await profile.fill("modelFiles")
    profile.engines.optional = ["generation_config.json"]
    await profile.visit().create_engine(EMBED)
    assert profile.engines.workers[1].received == FILES
    assert "is missing is not remembered" in caplog.text


async def test_the_same_bytes_of_another_revision_are_used_where_they_cannot_be_kept_twice(profile: Profile) -> None:
    await profile.visit().create_engine(EMBED)
    await fill(profile, "modelFiles")
    profile.requests()
    with pytest.warns(StorageWarning):
        await visit(profile).create_engine(PipelineOptions.of({"task_name": "summarization"}, own_features=True))
    assert profile.engines.workers[1].received == FILES
    assert not [request for request in profile.requests() if request.startswith("GET /hub/")]


READS = ("get", "get_many", "get_all")


def failing(
    error: StorageError, names: Sequence[str], database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise error

    for name in names:
        monkeypatch.setattr(database, name, fail)


@pytest.mark.parametrize("methods", [("commit",), READS, ("commit", *READS)])
@pytest.mark.parametrize("name", DATABASES)
async def test_an_engine_runs_from_memory_where_a_database_fails(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, name: str, methods: tuple[str, ...]
) -> None:
    error = StorageUnavailable(f"The database {name} failed.")
    failing(error, methods, await profile.database(name), monkeypatch)
    with pytest.warns(StorageWarning) as caught:
        await profile.visit().create_engine(EMBED)

    assert profile.engines.workers[0].received == FILES
    assert {str(warning.message.error) for warning in caught if isinstance(warning.message, StorageWarning)} == {
        str(error)
    }


@pytest.mark.parametrize("method", READS)
async def test_a_read_that_fails_once_loses_nothing_that_is_stored(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    await profile.visit().create_engine(EMBED)
    profile.requests()
    for name in DATABASES:
        database = await profile.database(name)
        monkeypatch.setattr(database, method, FailsOnce(getattr(database, method)))
    await profile.visit().create_engine(EMBED)

    assert profile.engines.workers[1].received == FILES
    assert profile.requests() == []


class FailsOnce:
    """A method that the browser refuses the first time."""

    def __init__(self, method: Callable[..., Awaitable[object]]) -> None:
        self._method = method
        self._is_refused = True

    async def __call__(self, *args: object, **options: object) -> object:
        if self._is_refused:
            self._is_refused = False
            raise StorageUnavailable("The database failed (UnknownError).")
        return await self._method(*args, **options)


class NoBlobs(MemoryDatabase):
    """WebKit's in a private window, where buffers are refused too."""

    async def commit(self, changes: Sequence[Put | Delete], condition: Unchanged | None = None) -> bool:
        if any(isinstance(change, Put) and change.blobs for change in changes):
            raise StorageUnavailable("Error preparing Blob/File data to be stored in object store")
        return await super().commit(changes, condition)


async def test_an_engine_runs_from_memory_where_blobs_are_refused(profile: Profile) -> None:
    for schema in (REMOTE_SETTINGS, MODEL_FILES):
        profile.databases.opened[schema.name] = NoBlobs(schema)
    with pytest.warns(StorageWarning, match="Error preparing Blob"):
        await profile.visit().create_engine(EMBED)
    assert profile.engines.workers[0].received == FILES
    with pytest.raises(StorageUnavailable, match="Error preparing Blob"):
        await profile.visit(replace(profile.config, require_storage=True)).create_engine(EMBED)


@pytest.mark.parametrize("name", DATABASES)
async def test_a_database_that_fails_is_an_error_where_storage_is_required(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    failing(StorageUnavailable("It failed."), READS, await profile.database(name), monkeypatch)
    context = profile.visit(replace(profile.config, require_storage=True))
    if name == "modelden":  # only remembers
        await context.create_engine(EMBED)
    else:
        with pytest.raises(StorageUnavailable, match="It failed"):
            await context.create_engine(EMBED)


async def test_an_engine_runs_from_memory_where_no_database_opens(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def refuse(schema: Schema) -> NoReturn:
        asked.append(schema.name)
        raise StorageUnavailable("The browser refuses the page its storage.")

    monkeypatch.setattr(profile.databases, "open", refuse)
    with pytest.warns(StorageWarning, match="The browser refuses the page its storage"):
        await visit(profile).create_engine(EMBED)
    assert profile.engines.workers[0].received == FILES
    assert len(asked) <= len(DATABASES)  # a refusal is the last question for a database

    with pytest.raises(StorageUnavailable, match="refuses the page"):
        await profile.visit(replace(profile.config, require_storage=True)).create_engine(EMBED)
