"""Model files: downloaded once, kept whole, current, and gone when they are deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from modelden.core.events import ProgressEvent
from modelden.errors import (
    FileNotFoundOnHub,
    ForbiddenURL,
    HttpError,
    InputError,
    ModelDenError,
    NetworkError,
    QuotaExceeded,
)
from modelden.host.serve.faults import Fault
from modelden.host.serve.server import Application
from modelden.hub.catalog.allow_list import AllowList
from modelden.hub.catalog.names import ModelFile
from modelden.hub.files import HubFiles
from modelden.hub.store.usage import Consumer
from tests.simulators.blobs import MemoryBlob
from tests.simulators.profile import Profile
from tests.unit.conftest import FILES, ORIGIN

WEIGHTS = "onnx/model_quantized.onnx"
PINNED = ModelFile("org/tiny", "v1.0", WEIGHTS)
MAIN = ModelFile("org/tiny", "main", WEIGHTS)
USE = Consumer("feature-extraction", "engine")
ALLOWED = AllowList((f"{ORIGIN}/hub/",), ())
DENIED = AllowList((f"{ORIGIN}/hub/",), (f"{ORIGIN}/hub/org/",))
STORED = "localhost/org/tiny"


def path_of(file: ModelFile) -> str:
    return f"/hub/{file.model}/{file.revision}/{file.file}"


def get_of(file: ModelFile) -> str:
    return f"GET {path_of(file)}?download=true"


def head_of(file: ModelFile) -> str:
    return f"HEAD {path_of(file)}?download=true"


async def hub_of(profile: Profile) -> HubFiles:
    """The hub of a new page."""
    return await profile.visit().hub()


async def read(
    hub: HubFiles, file: ModelFile, use: Consumer = USE, allowed: AllowList = ALLOWED, events: list[Any] | None = None
) -> bytes:
    kept = await hub.get(file, use, allowed, None if events is None else events.append)
    return await kept.blob.read()


async def contents(profile: Profile) -> dict[str, Any]:
    return (await profile.database("modelFiles")).contents()


async def test_a_pinned_file_is_asked_for_once_in_all_pages(profile: Profile) -> None:
    hub = await hub_of(profile)

    assert await read(hub, PINNED) == FILES[WEIGHTS]
    assert profile.requests() == [get_of(PINNED)]
    assert await read(hub, PINNED) == FILES[WEIGHTS]
    assert await read(await hub_of(profile), PINNED) == FILES[WEIGHTS]
    assert profile.requests() == []


async def test_a_pinned_file_stays_what_it_was(profile: Profile, tree: Path) -> None:
    hub = await hub_of(profile)
    await read(hub, PINNED)
    (tree / "hub/org/tiny/v1.0" / WEIGHTS).write_bytes(b"changed")

    assert await read(hub, PINNED) == FILES[WEIGHTS]


async def test_parallel_wishes_share_one_download_and_all_engines_are_noted(profile: Profile) -> None:
    hub = await hub_of(profile)
    uses = [Consumer(f"task-{n % 2}", f"engine-{n}") for n in range(6)]
    bodies = await asyncio.gather(*(read(hub, PINNED, use) for use in uses))

    assert set(bodies) == {FILES[WEIGHTS]}
    assert profile.requests() == [get_of(PINNED)]
    (file,) = await hub.store.list_files(STORED, "v1.0")
    assert sorted(file.engine_ids) == [use.engine_id for use in uses]
    (model,) = await hub.store.list_models()
    assert model.task_names == ("task-0", "task-1")


async def test_other_files_do_not_wait_for_one_another(profile: Profile, application: Application) -> None:
    hub = await hub_of(profile)
    application.faults.set(Fault(path=path_of(PINNED), delay_ms=3_600_000))
    slow = asyncio.ensure_future(read(hub, PINNED))
    assert await read(hub, ModelFile("org/tiny", "v1.0", "config.json")) == FILES["config.json"]
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    application.faults.set()
    assert await read(hub, PINNED) == FILES[WEIGHTS]


FAULTS: dict[str, tuple[Fault, type[ModelDenError], str]] = {
    "404": (
        Fault(path="/hub/*", status=404),
        FileNotFoundOnHub,
        "The hub has no onnx/model_quantized.onnx for the mod",
    ),
    "410": (Fault(path="/hub/*", status=410), FileNotFoundOnHub, "answered 410"),
    "403": (Fault(path="/hub/*", status=403), HttpError, "answered 403, expected 200"),
    "500": (Fault(path="/hub/*", status=500), HttpError, "answered 500, expected 200"),
    "206": (Fault(path="/hub/*", status=206, body="part"), HttpError, "answered 206, expected 200"),
    "no CORS": (Fault(path="/hub/*", drop_cors=True), NetworkError, "Access-Control-Allow-Origin"),
}


@pytest.mark.parametrize("file", [PINNED, MAIN], ids=["pinned", "main"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_file_that_cannot_be_had_leaves_nothing(
    profile: Profile, application: Application, fault: str, file: ModelFile
) -> None:
    rule, error, words = FAULTS[fault]
    hub = await hub_of(profile)
    application.faults.set(rule)
    events: list[ProgressEvent] = []

    with pytest.raises(ModelDenError) as caught:
        await read(hub, file, events=events)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert f"{ORIGIN}{path_of(file)}" in str(caught.value)
    assert await contents(profile) == {}
    assert [(event.status_text, event.ok) for event in events] == [("initiate", True), ("done", False)]

    application.faults.set()
    assert await read(hub, file) == FILES[WEIGHTS]


async def test_what_is_missing_is_named(profile: Profile) -> None:
    hub = await hub_of(profile)
    with pytest.raises(FileNotFoundOnHub) as caught:
        await read(hub, ModelFile("org/absent", "v9", "config.json"))

    error = caught.value
    assert (error.status, error.model, error.revision, error.file) == (404, "org/absent", "v9", "config.json")


@pytest.mark.parametrize("after", [0, 50_000])
async def test_a_cut_file_leaves_nothing_to_read(socket_profile: Profile, application: Application, after: int) -> None:
    hub = await hub_of(socket_profile)
    application.faults.set(Fault(path="/hub/*", cut_after=after))
    with pytest.raises(NetworkError, match="the connection broke before the end"):
        await read(hub, PINNED, allowed=AllowList((), ()))
    assert set(await contents(socket_profile)) <= {"chunks", "partials"}

    # Firefox believes from now on that it has the file (firefox-facts, "Where Firefox is wrong", 1).
    application.faults.set()
    assert await read(hub, PINNED, allowed=AllowList((), ())) == FILES[WEIGHTS]


async def test_a_cancelled_download_leaves_nothing_that_can_be_read(socket_profile: Profile, tree: Path) -> None:
    content = bytes(20_000_000)
    (tree / "hub/org/tiny/v1.0/large.bin").write_bytes(content)
    file = ModelFile("org/tiny", "v1.0", "large.bin")
    hub = await hub_of(socket_profile)
    events: list[ProgressEvent] = []

    def cancel_at_first_bytes(event: ProgressEvent) -> None:
        events.append(event)
        if event.units:
            downloading.cancel()

    downloading = asyncio.ensure_future(hub.get(file, USE, AllowList((), ()), cancel_at_first_bytes))
    with pytest.raises(asyncio.CancelledError):
        await downloading
    assert (events[-1].status_text, events[-1].ok) == ("done", False)
    assert sum(event.current_loaded or 0 for event in events) < len(content)
    assert set(await contents(socket_profile)) == {"chunks", "partials"}

    assert await read(hub, file, allowed=AllowList((), ())) == content


async def test_a_denied_file_is_not_asked_for(profile: Profile) -> None:
    hub = await hub_of(profile)
    events: list[ProgressEvent] = []
    for file in (PINNED, MAIN):
        with pytest.raises(ForbiddenURL, match="the deny list has"):
            await read(hub, file, allowed=DENIED, events=events)

    assert profile.requests() == []
    assert events == []
    assert await contents(profile) == {}


async def test_a_denied_file_is_not_given_from_the_cache_either(profile: Profile) -> None:
    hub = await hub_of(profile)
    await read(hub, PINNED)
    profile.requests()
    with pytest.raises(ForbiddenURL):
        await read(hub, PINNED, allowed=DENIED)

    assert profile.requests() == []


async def test_a_full_disk_keeps_nothing_and_the_next_try_works(profile: Profile) -> None:
    hub = await hub_of(profile)
    await profile.fill("modelFiles")
    events: list[ProgressEvent] = []
    with pytest.raises(QuotaExceeded, match="delete_models"):
        await read(hub, PINNED, events=events)
    assert not events[-1].ok
    assert await contents(profile) == {}

    await profile.fill("modelFiles", full=False)
    assert await read(hub, PINNED) == FILES[WEIGHTS]


DAMAGES = {
    "bytes without headers": ("headers", None),
    "headers without bytes": ("files", None),
    "fewer bytes than noted": ("chunks", b"short"),
    "no bytes": ("chunks", None),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_copy_that_is_not_whole_is_fetched_again(profile: Profile, damage: str) -> None:
    hub = await hub_of(profile)
    await read(hub, PINNED)
    store, data = DAMAGES[damage]
    database = await profile.database("modelFiles")
    if data is None:
        database.rows[store].clear()
    else:
        for row in database.rows[store].values():
            row["data"] = MemoryBlob(data)
    profile.requests()

    assert await read(hub, PINNED) == FILES[WEIGHTS]
    assert profile.requests() == [get_of(PINNED)]
    assert await read(hub, PINNED) == FILES[WEIGHTS]
    assert profile.requests() == []


async def test_a_use_is_noted_with_its_time(profile: Profile) -> None:
    hub = await hub_of(profile)
    stored = profile.clock.now()
    await read(hub, PINNED)
    profile.clock.advance(hours=1)
    await read(hub, PINNED, Consumer("other-task", "other-engine"))

    (file,) = await hub.store.list_files(STORED, "v1.0")
    assert (file.last_updated, file.last_used) == (stored, stored + 3_600_000)
    assert file.engine_ids == ("engine", "other-engine")
    (model,) = await hub.store.list_models()
    assert (model.last_updated, model.last_used) == (stored, stored + 3_600_000)
    assert model.task_names == ("feature-extraction", "other-task")


async def test_lists_tell_what_is_kept(profile: Profile) -> None:
    hub = await hub_of(profile)
    assert await hub.store.list_models() == []
    for name in FILES:
        await read(hub, ModelFile("org/tiny", "v1.0", name))
    await read(hub, MAIN)

    branch, pinned = await hub.store.list_models()
    assert (branch.name, branch.revision, branch.files, branch.size) == (STORED, "main", 1, len(FILES[WEIGHTS]))
    assert (pinned.name, pinned.revision, pinned.files) == (STORED, "v1.0", len(FILES))
    assert pinned.size == sum(len(content) for content in FILES.values())
    files = await hub.store.list_files(STORED, "v1.0")
    assert [file.path for file in files] == sorted(FILES)
    assert [file.size for file in files] == [len(FILES[name]) for name in sorted(FILES)]
    assert [file.content_type for file in files] == ["application/json", "application/octet-stream", "application/json"]
    assert all(file.etag == f'"{file.sha256}"' for file in files)


async def test_a_deleted_revision_is_gone_and_others_stay(profile: Profile) -> None:
    hub = await hub_of(profile)
    for name in FILES:
        await read(hub, ModelFile("org/tiny", "v1.0", name), Consumer("task-1", "a"))
    await read(hub, PINNED, Consumer("task-2", "b"))
    await read(hub, MAIN)
    before = len((await contents(profile))["files"])
    await hub.store.delete_models(model=STORED, revision="v1.0")

    assert [model.revision for model in await hub.store.list_models()] == ["main"]
    assert await hub.store.list_files(STORED, "v1.0") == []
    assert {name: len(rows) for name, rows in (await contents(profile)).items()} == {
        "headers": 1,
        "engines": 1,
        "tasks": 1,
        "files": 1,
        "chunks": 1,
    }
    assert before == len(FILES) + 1
    profile.requests()
    assert await read(hub, PINNED) == FILES[WEIGHTS]
    assert profile.requests() == [head_of(PINNED)]  # the branch still has the same bytes


async def test_deleting_what_is_not_there_does_nothing(profile: Profile) -> None:
    hub = await hub_of(profile)
    await read(hub, PINNED)
    before = await contents(profile)
    await hub.store.delete_models(model=STORED, revision="v2.0")
    await hub.store.delete_models(model="localhost/org/other", revision="v1.0")

    assert await contents(profile) == before


@pytest.mark.parametrize(
    ("model", "revision"),
    [
        ("", "v1.0"),
        ("localhost", "v1.0"),
        ("localhost/../x", "v1.0"),
        ("localhost/org/tiny", ""),
        ("localhost/org/tiny", "../v1.0"),
    ],
)
async def test_names_that_no_model_can_have_are_refused(profile: Profile, model: str, revision: str) -> None:
    hub = await hub_of(profile)
    with pytest.raises(InputError):
        await hub.store.list_files(model, revision)
    with pytest.raises(InputError):
        await hub.store.delete_models(model=model, revision=revision)


async def test_a_mebibyte_of_pieces_is_the_same_file(profile: Profile, tree: Path) -> None:
    content = bytes(range(251)) * 20_000
    (tree / "hub/org/tiny/v1.0/large.bin").write_bytes(content)
    events: list[ProgressEvent] = []
    file = ModelFile("org/tiny", "v1.0", "large.bin")

    assert await read(await hub_of(profile), file, events=events) == content
    pieces = [event for event in events if event.units]
    assert len(pieces) > 10
    assert [event.status_text for event in pieces] == ["size_estimate", *["in_progress"] * (len(pieces) - 1)]
    assert sum(event.current_loaded or 0 for event in pieces) == len(content)
    assert pieces[-1].progress == 100


STORAGE = "http://storage.example/hub/org/tiny/main/"


async def test_a_hub_may_redirect_to_what_no_list_names(profile: Profile, application: Application) -> None:
    application.faults.set(Fault(path=path_of(PINNED), redirect=STORAGE + WEIGHTS))
    assert await read(await hub_of(profile), PINNED) == FILES[WEIGHTS]


async def test_a_hub_may_not_redirect_to_what_is_denied(profile: Profile, application: Application) -> None:
    hub, events = await hub_of(profile), list[ProgressEvent]()
    denied = AllowList((f"{ORIGIN}/hub/",), (STORAGE,))
    application.faults.set(Fault(path=path_of(PINNED), redirect=STORAGE + WEIGHTS))

    with pytest.raises(ForbiddenURL, match=f"^{STORAGE}{WEIGHTS} may not be downloaded: the deny list has"):
        await read(hub, PINNED, allowed=denied, events=events)
    assert await contents(profile) == {}
    assert [event.total_loaded for event in events] == [None, None]

    application.faults.set()
    assert await read(hub, PINNED, allowed=denied) == FILES[WEIGHTS]
