"""A branch is loaded whole: as the hub has it now, or as it is kept, never some files of each."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from modelden._js.page_locks import PageLocks
from modelden.engine.options import PipelineOptions
from modelden.errors import HttpError, StorageUnavailable
from modelden.host.serve.faults import Fault
from modelden.hub.download.branch_update import BranchUpdate
from modelden.hub.store.records import FileKey
from tests.simulators.fetcher import AsgiFetcher
from tests.unit.conftest import FILES, HUB_ROOT, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from modelden.core.events import Event
    from modelden.host.publish.http_fetcher import HttpResponse
    from modelden.host.serve.server import Application
    from modelden.hub.store.store import Store
    from tests.simulators.profile import Profile

SUMMARIZE = PipelineOptions.of({"task_name": "summarization"}, own_features=True)
OTHER_ENGINE = PipelineOptions.of({"task_name": "summarization", "engine_id": "other"}, own_features=True)

CONFIG, TOKENIZER, WEIGHTS = FILES
NEW = {CONFIG: b'{"model_type": "gpt2"}', TOKENIZER: b'{"version": "2.0"}', WEIGHTS: bytes(range(250)) * 1000}


def publish(tree: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        write(tree / "hub/org/tiny/main" / name, content)


@pytest.fixture
async def kept(profile: Profile, tree: Path) -> dict[str, bytes]:
    """A visit has been there, and since then the branch changed."""
    await profile.visit().create_engine(SUMMARIZE)
    publish(tree, NEW)
    profile.requests()
    return FILES


@pytest.fixture
def update_events(profile: Profile) -> list[Event]:
    events: list[Event] = []
    profile.events.on("update", events.append)
    return events


def hub_fault(application: Application, file: str, **rule: Any) -> None:
    application.faults.set(Fault(path=f"/hub/org/tiny/main/{file}", **rule))


async def stored(profile: Profile) -> dict[str, bytes]:
    """The stored files of the branch, by name."""
    database = await profile.database("modelFiles")
    found = {}
    for row in await database.get_all("files", index="modelRevisionIndex", key=("localhost/org/tiny", "main")):
        chunks = await database.get_all("chunks", index="contentIndex", key=row["content"])
        found[row["file"]] = b"".join([await chunk["data"].read() for chunk in chunks])
    return found


@pytest.mark.usefixtures("kept")
async def test_a_branch_that_changed_is_the_new_one(profile: Profile, update_events: list[Event]) -> None:
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[1].received == NEW
    assert await stored(profile) == NEW
    assert update_events == []
    assert len([request for request in profile.requests() if request.startswith("HEAD ")]) == len(FILES)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("rule", [{"status": 503}, {"body": "<html>"}, {"status": 404}], ids=str)
async def test_one_that_cannot_be_had_whole_is_the_old_one(
    profile: Profile,
    application: Application,
    kept: dict[str, bytes],
    update_events: list[Event],
    file: str,
    rule: dict[str, Any],
) -> None:
    hub_fault(application, file, method="GET", **rule)
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[-1].received == kept
    assert all(worker.closed for worker in profile.engines.workers[1:-1])
    assert await stored(profile) == kept
    assert [event.name for event in update_events] == ["failed"]

    application.faults.set()
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[-1].received == NEW
    assert await stored(profile) == NEW


async def test_a_hub_that_is_silent_about_one_file_gives_none(
    profile: Profile, application: Application, kept: dict[str, bytes], update_events: list[Event]
) -> None:
    hub_fault(application, WEIGHTS, method="HEAD", status=503)
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[-1].received == kept
    assert await stored(profile) == kept
    assert "does not give localhost/org/tiny/main/onnx/model_quantized.onnx" in update_events[0].detail["message"]


async def test_a_hub_that_is_silent_about_all_leaves_what_is_kept(
    profile: Profile, application: Application, kept: dict[str, bytes], update_events: list[Event]
) -> None:
    hub_fault(application, "*", status=503)
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[1].received == kept
    assert update_events == []


async def test_a_new_model_that_cannot_be_loaded_leaves_the_old_one(
    profile: Profile, tree: Path, kept: dict[str, bytes]
) -> None:
    publish(tree, {WEIGHTS: b"corrupt"})
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[-1].received == kept
    assert await stored(profile) == kept


async def test_a_file_that_the_branch_has_no_more_goes_with_the_old_model(
    profile: Profile, tree: Path, kept: dict[str, bytes]
) -> None:
    del kept
    (tree / "hub/org/tiny/main" / TOKENIZER).unlink()
    profile.engines.files = [CONFIG, WEIGHTS]
    profile.engines.optional = [TOKENIZER]
    await profile.visit().create_engine(SUMMARIZE)
    expected = {name: content for name, content in NEW.items() if name != TOKENIZER}
    assert profile.engines.workers[-1].received == expected
    assert await stored(profile) == expected


async def test_what_was_never_kept_fails_as_itself(profile: Profile, application: Application) -> None:
    hub_fault(application, WEIGHTS, status=503)
    with pytest.raises(HttpError, match="answered 503"):
        await profile.visit().create_engine(SUMMARIZE)


async def test_files_that_swap_their_bytes_keep_them(profile: Profile, tree: Path) -> None:
    swapped = {**FILES, CONFIG: FILES[TOKENIZER], TOKENIZER: FILES[CONFIG]}
    await profile.visit().create_engine(SUMMARIZE)
    publish(tree, swapped)
    await profile.visit().create_engine(SUMMARIZE)
    assert await stored(profile) == swapped
    hub = await profile.visit().hub()
    await hub.store.sweep()
    assert await stored(profile) == swapped


async def test_two_engines_and_two_tabs_take_the_change_once(profile: Profile, kept: dict[str, bytes]) -> None:
    del kept
    one, other = profile.visit(), profile.visit()
    await asyncio.gather(
        *(context.create_engine(each) for context in (one, other) for each in (SUMMARIZE, OTHER_ENGINE))
    )
    assert [worker.received for worker in profile.engines.workers[1:]] == [NEW] * 4
    fetched = [request for request in profile.requests() if request.startswith("GET /hub/")]
    assert len(fetched) == len(NEW)


class Overtaken(AsgiFetcher):
    """Lets something happen before the weights are asked for, when the other files were told to be unchanged."""

    def __init__(self, application: Application, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__(application)
        self._happens: Callable[[], Awaitable[object]] | None = happens
        self._others = asyncio.Semaphore(0)

    @asynccontextmanager
    async def fetch(self, url: str, **rest: Any) -> AsyncIterator[HttpResponse]:
        happens = self._happens
        if happens is not None and WEIGHTS in url:
            self._happens = None
            for _ in (CONFIG, TOKENIZER):
                await self._others.acquire()
            await happens()
        async with super().fetch(url, **rest) as response:
            yield response
        self._others.release()


async def test_a_load_that_another_tab_overtakes_begins_again(
    profile: Profile, application: Application, tree: Path, update_events: list[Event]
) -> None:
    await profile.visit().create_engine(SUMMARIZE)

    async def overtake() -> None:
        publish(tree, NEW)
        await other.create_engine(SUMMARIZE)

    other = profile.visit()
    profile.fetcher = Overtaken(application, overtake)
    await profile.visit().create_engine(SUMMARIZE)

    assert [worker.received for worker in profile.engines.workers if not worker.closed] == [FILES, NEW, NEW]
    assert update_events == []


async def test_a_page_that_is_killed_before_the_end_leaves_the_old_model(
    profile: Profile, kept: dict[str, bytes]
) -> None:
    profile.engines.hang = -1
    creating = asyncio.ensure_future(profile.visit().create_engine(SUMMARIZE))
    await profile.engines.stuck.wait()
    assert await stored(profile) == kept
    creating.cancel()
    await asyncio.wait({creating})
    assert await stored(profile) == kept
    profile.engines.hang = 0
    await profile.visit().create_engine(SUMMARIZE)
    assert profile.engines.workers[-1].received == NEW


async def test_nothing_of_it_is_left_behind(profile: Profile, application: Application, kept: dict[str, bytes]) -> None:
    del kept
    for fault in (True, False):
        application.faults.set(*([Fault(path="/hub/*.onnx", method="GET", status=503)] if fault else []))
        await profile.visit().create_engine(SUMMARIZE)
    rows = profile.databases.contents()["modelFiles"]
    assert "partials" not in rows
    assert {row["content"] for row in rows["chunks"]} == {row["content"] for row in rows["files"]}


class StuckLocks(PageLocks):
    """Locks that cannot be released."""

    @asynccontextmanager
    async def hold(self, name: str, *, shared: bool = False) -> AsyncIterator[None]:
        async with super().hold(name, shared=shared):
            yield
        raise StorageUnavailable(f"The lock {name} is gone.")


class NoStore:
    """Stores nothing."""

    @property
    def cache(self) -> NoStore:
        return self

    @property
    def writer(self) -> NoStore:
        return self

    async def replaced_files(self, _served: object) -> set[Any]:
        return set()

    async def commit(self, _staged: object, _deleted: object) -> None:
        pass


async def test_a_lock_that_cannot_be_released_does_not_hide_the_outcome_of_the_load(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def load(*, fails: bool) -> None:
        async with BranchUpdate(cast("Store", NoStore()), StuckLocks()) as branch:
            await branch.mark_changed(FileKey("localhost/org/tiny", "main", CONFIG, HUB_ROOT), is_deleted=True)
            if fails:
                raise HttpError("https://hub.example/file", 503)
            await branch.commit()

    with pytest.raises(HttpError):
        await load(fails=True)
    await load(fails=False)
    assert caplog.text.count("The lock 'switch' was not released: The lock switch is gone.") == 2
