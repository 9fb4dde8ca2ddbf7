from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelden.context import Context
from modelden.core.events import Event
from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.errors import EngineClosed, EngineError, IntegrityError, NetworkError, NotPrefetched
from modelden.host.serve.server import Application
from modelden.host.testing import Fault
from modelden.ports import Put
from tests.simulators.loop import settle
from tests.simulators.profile import Profile
from tests.unit.background import settled
from tests.unit.conftest import FILES, HUB_ROOT, write

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder", "timeout_ms": -1}, own_features=True)
WEIGHTS = "onnx/model_quantized.onnx"

Publish = Callable[..., None]


@pytest.fixture
def publish(application: Application, tree: Path) -> Publish:
    """Put a new revision on the hub and into settings."""

    def publish(revision: str, weights: bytes = b"newer weights") -> None:
        for name, content in {**FILES, WEIGHTS: weights}.items():
            write(tree / "hub/org/tiny" / revision / name, content)
        application.collections["main", "ml-inference-options"].update("options", modelRevision=revision)

    return publish


@pytest.fixture
def update_events(profile: Profile) -> list[Event]:
    events: list[Event] = []
    profile.events.on("update", events.append)
    return events


def revisions(update_events: list[Event]) -> list[tuple[str, str, str]]:
    return [
        (event.name, event.detail["current"]["model_revision"], event.detail["available"]["model_revision"])
        for event in update_events
    ]


async def kept(context: Context) -> dict[str, int]:
    return {model.revision: model.files for model in await (await context.hub()).store.list_models()}


async def poll(context: Context) -> None:
    """The settings poll, and what follows from it."""
    await (await context.settings()).poll()
    await settle()


async def test_a_new_revision_while_the_page_is_closed(
    profile: Profile, publish: Publish, update_events: list[Event]
) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    publish("v2.0")
    profile.clock.advance(hours=24)
    context = profile.visit()

    engine = await context.create_engine(EMBED)

    assert engine.model_revision == "v2.0"
    assert profile.engines.workers[-1].received[WEIGHTS] == b"newer weights"
    assert await kept(context) == {"v2.0": len(FILES)}
    assert ("installed", "v1.0", "v2.0") in revisions(update_events)


async def test_a_new_revision_while_the_page_is_open(
    profile: Profile, publish: Publish, update_events: list[Event]
) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0")

    await poll(context)
    assert revisions(update_events) == [("available", "v1.0", "v2.0")]
    assert engine.model_revision == "v1.0"
    assert (await engine.run("a"))["args"] == ["a"]

    assert await engine.update()
    assert engine.model_revision == "v2.0"
    assert revisions(update_events)[1:] == [("installed", "v1.0", "v2.0")]
    assert (profile.engines.alive, await kept(context)) == (1, {"v2.0": len(FILES)})
    assert not await engine.update()


async def test_the_next_create_engine_brings_it_into_the_engine_that_is_there(
    profile: Profile, publish: Publish
) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0")
    await poll(context)

    assert await context.create_engine(EMBED) is engine
    assert (engine.model_revision, engine.status, profile.engines.alive) == ("v2.0", "ready", 1)


async def running(profile: Profile, engine: Engine) -> list[asyncio.Task[Any]]:
    """Two runs that go on until the gate is opened."""
    profile.engines.gate.clear()
    runs = [asyncio.ensure_future(engine.run(text)) for text in ("one", "two")]
    await asyncio.sleep(0)
    return runs


async def test_runs_under_way_end_with_the_old_model_and_its_files_go(profile: Profile, publish: Publish) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0")
    await poll(context)
    first, last = await running(profile, engine)

    await engine.update()
    assert (profile.engines.alive, set(await kept(context))) == (2, {"v1.0", "v2.0"})
    first.cancel()
    await asyncio.wait([first])
    await settle()
    assert (profile.engines.alive, set(await kept(context))) == (2, {"v1.0", "v2.0"})
    profile.engines.gate.set()

    assert (await last)["args"] == ["two"]
    await settle()
    assert (profile.engines.alive, set(await kept(context))) == (1, {"v2.0"})


async def test_a_run_that_outlived_two_updates_leaves_the_newest(profile: Profile, publish: Publish) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    runs = await running(profile, engine)
    for revision in ("v2.0", "v3.0"):
        publish(revision)
        await poll(context)
        await engine.update()
    assert (profile.engines.alive, set(await kept(context))) == (2, {"v1.0", "v3.0"})

    profile.engines.workers[0].crash()
    await asyncio.gather(*runs, return_exceptions=True)
    await settle()

    assert (engine.status, profile.engines.alive, set(await kept(context))) == ("ready", 1, {"v3.0"})


async def test_closing_ends_also_runs_that_outlived_their_model(profile: Profile, publish: Publish) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0")
    await poll(context)
    runs = await running(profile, engine)
    await engine.update()

    await engine.close()

    ends = await asyncio.gather(*runs, return_exceptions=True)
    assert [type(end) for end in ends] == [EngineClosed] * 2
    await settle()
    assert (profile.engines.alive, set(await kept(context))) == (0, {"v2.0"})


FAULTS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "a cut network": ({"path": f"/hub/org/tiny/v2.0/{WEIGHTS}", "drop_cors": True}, NetworkError),
    "a corrupt file": ({"path": f"/hub/org/tiny/v2.0/{WEIGHTS}", "body": "corrupt"}, IntegrityError),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failed_update_leaves_a_running_engine_as_it_is(
    profile: Profile, application: Application, publish: Publish, update_events: list[Event], fault: str
) -> None:
    rule, error = FAULTS[fault]
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0")
    await poll(context)
    application.faults.set(Fault(**rule))

    with pytest.raises(error):
        await engine.update()
    assert await context.create_engine(EMBED) is engine

    assert (engine.model_revision, engine.status, profile.engines.alive) == ("v1.0", "ready", 1)
    assert (await engine.run("a"))["args"] == ["a"]
    assert revisions(update_events)[1:] == [("failed", "v1.0", "v2.0")] * 2
    assert update_events[1].detail["error"] == error.__name__
    assert (await kept(context))["v1.0"] == len(FILES)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failed_update_on_a_new_visit_loads_what_worked_before(
    profile: Profile, application: Application, publish: Publish, update_events: list[Event], fault: str
) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    publish("v2.0")
    profile.clock.advance(hours=24)
    application.faults.set(Fault(**FAULTS[fault][0]))
    context = profile.visit()

    engine = await context.create_engine(EMBED)

    assert (engine.model_revision, profile.engines.alive) == ("v1.0", 1)
    assert profile.engines.workers[-1].received == FILES
    assert revisions(update_events)[-1] == ("failed", "v1.0", "v2.0")
    assert (await kept(context))["v1.0"] == len(FILES)


async def test_a_new_model_that_is_none_leaves_the_old_one(
    profile: Profile, publish: Publish, update_events: list[Event]
) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0", b"corrupt, and signed all the same")
    await poll(context)

    with pytest.raises(EngineError):
        await engine.update()

    assert (engine.model_revision, engine.status, profile.engines.alive) == ("v1.0", "ready", 1)
    assert revisions(update_events)[1:] == [("failed", "v1.0", "v2.0")]


async def test_after_a_failed_update_the_next_visit_has_it(
    profile: Profile, application: Application, publish: Publish
) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    publish("v2.0")
    profile.clock.advance(hours=24)
    application.faults.set(Fault(**FAULTS["a cut network"][0]))
    await (await profile.visit().create_engine(EMBED)).close()
    application.faults.set()
    context = profile.visit()

    assert (await context.create_engine(EMBED)).model_revision == "v2.0"
    assert await kept(context) == {"v2.0": len(FILES)}


async def test_what_a_caller_pins_never_falls_back(profile: Profile, application: Application) -> None:
    await profile.visit().create_engine(EMBED)
    application.faults.set(Fault(path="/hub/*", drop_cors=True))

    with pytest.raises(NetworkError):
        await profile.visit().create_engine(EMBED.updated({"model_revision": "main"}))


async def test_old_files_stay_while_another_engine_uses_them(profile: Profile, publish: Publish) -> None:
    context = profile.visit()
    pinned = await context.create_engine(EMBED.updated({"engine_id": "pinned", "model_revision": "v1.0"}))
    engine = await context.create_engine(EMBED)
    publish("v2.0")
    await poll(context)

    await engine.update()
    assert await kept(context) == {"v1.0": len(FILES), "v2.0": len(FILES)}

    await pinned.close()
    await context.create_engine(EMBED.updated({"num_threads": 2}))
    assert await kept(context) == {"v2.0": len(FILES)}


async def test_old_files_stay_while_another_tab_uses_them(profile: Profile, publish: Publish) -> None:
    one, other = profile.visit(), profile.visit()
    first, second = await one.create_engine(EMBED), await other.create_engine(EMBED)
    publish("v2.0")
    await poll(one)

    assert await first.update() is True
    assert set(await kept(one)) == {"v1.0", "v2.0"}

    assert await second.update() is True
    assert set(await kept(other)) == {"v2.0"}


async def test_old_files_that_another_tab_used_go_with_the_next_engine(profile: Profile, publish: Publish) -> None:
    one, other = profile.visit(), profile.visit()
    first, second = await one.create_engine(EMBED), await other.create_engine(EMBED)
    publish("v2.0")
    await poll(one)
    await first.update()
    await second.close()
    await first.close()

    await profile.visit().create_engine(EMBED)

    assert set(await kept(one)) == {"v2.0"}


async def test_another_tab_is_told_what_this_one_found(
    profile: Profile, publish: Publish, update_events: list[Event]
) -> None:
    context, other = profile.visit(), profile.visit()
    await context.create_engine(EMBED)
    await other.settings()
    profile.events.emit(Event("update", "installed"))  # from here on
    update_events.clear()
    publish("v2.0")

    await poll(context)

    assert (
        revisions(update_events) == [("available", "v1.0", "v2.0")] * 2
    )  # both tabs of this test share their listeners


async def test_two_tabs_take_an_update_at_once(profile: Profile, publish: Publish) -> None:
    context, other = profile.visit(), profile.visit()
    engines = [await each.create_engine(EMBED) for each in (context, other)]
    publish("v2.0")
    await poll(context)

    await asyncio.gather(*(engine.update() for engine in engines))

    assert [engine.model_revision for engine in engines] == ["v2.0", "v2.0"]
    assert await kept(context) == {"v2.0": len(FILES)}


async def test_check_updates_loads_nothing(profile: Profile, publish: Publish, application: Application) -> None:
    context = profile.visit()
    assert await context.check_updates() == []
    await context.create_engine(EMBED)
    profile.requests()

    (status,) = await context.check_updates()
    assert (status.status, status.task_name, status.feature_id) == (
        "up-to-date",
        "feature-extraction",
        "simple-text-embedder",
    )
    assert status.current == status.available
    assert not [request for request in profile.requests() if "/hub/" in request]

    publish("v2.0")
    (status,) = await context.check_updates()
    assert status.status == "update-available"
    assert status.available is not None
    assert (status.current["model_revision"], status.available["model_revision"]) == ("v1.0", "v2.0")

    application.faults.set(Fault(path="/*", drop_cors=True))
    (status,) = await context.check_updates()
    assert (status.status, status.available) == ("offline", None)
    assert len(profile.engines.workers) == 1


async def test_check_updates_asks_the_hub_about_branches(
    profile: Profile, application: Application, tree: Path
) -> None:
    context = profile.visit()
    await context.create_engine(PipelineOptions.of({"task_name": "summarization"}))
    assert [status.status for status in await context.check_updates()] == ["up-to-date"]

    write(tree / "hub/org/tiny/main/config.json", b'{"model_type": "another"}')
    assert [status.status for status in await context.check_updates()] == ["update-available"]

    application.faults.set(Fault(path="/hub/*", drop_cors=True))
    assert [status.status for status in await context.check_updates()] == ["offline"]


async def test_what_was_prefetched_needs_no_network(profile: Profile, application: Application) -> None:
    await profile.visit().prefetch(EMBED)
    assert profile.engines.alive == 0
    application.faults.set(Fault(path="/*", drop_cors=True))
    profile.requests()

    context = profile.visit()
    engine = await context.create_engine(EMBED.updated({"timeout_ms": 5}))

    assert engine.status == "ready"
    assert profile.requests() == []
    assert len(await context.check_updates()) == 1


async def test_prefetch_loads_no_model_and_leaves_what_was_there(
    profile: Profile, application: Application, publish: Publish
) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    publish("v2.0")
    context = profile.visit(replace(profile.config, memory_limit=1))  # less than any model takes
    await poll(context)

    await context.prefetch(EMBED)

    assert profile.engines.workers[-1].received == {}
    assert profile.engines.alive == 0
    assert set(await kept(context)) == {"v1.0", "v2.0"}
    application.faults.set(Fault(path="/*", drop_cors=True))
    assert (await profile.visit().create_engine(EMBED)).model_revision == "v2.0"
    assert set(await kept(context)) == {"v2.0"}


async def test_prefetch_leaves_an_engine_as_it_is_and_nothing_behind(
    profile: Profile, application: Application, publish: Publish
) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED)
    publish("v2.0")
    await poll(context)
    tasks = asyncio.all_tasks()

    await context.prefetch(EMBED)

    hub = await context.hub()
    assert not await hub.store.delete_unused(("localhost/org/tiny", "v1.0", HUB_ROOT))  # the engine holds it
    await asyncio.gather(*(asyncio.all_tasks() - tasks))  # all of them end
    assert (engine.model_revision, engine.status, profile.engines.alive) == ("v1.0", "ready", 1)
    application.faults.set(Fault(path="/*", drop_cors=True))
    assert await engine.update()
    assert (engine.model_revision, profile.engines.alive, set(await kept(context))) == ("v2.0", 1, {"v2.0"})


async def test_what_was_prefetched_of_a_branch_needs_no_network_and_follows_it(
    profile: Profile, application: Application, tree: Path
) -> None:
    request, optional = PipelineOptions.of({"task_name": "summarization"}), "generation_config.json"
    profile.engines.optional = [optional]
    await profile.visit().prefetch(request)
    application.faults.set(Fault(path="/*", drop_cors=True))
    profile.clock.advance(hours=48)

    assert (await profile.visit().create_engine(request)).status == "ready"

    application.faults.set()
    write(tree / "hub/org/tiny/main" / optional, b"{}")
    await profile.visit().create_engine(request)
    assert profile.engines.workers[-1].received[optional] == b"{}"


MISSING = {
    "/v1/*": "ml-inference-options",
    "/attachments/*": "main-workspace/ml-onnx-runtime/runtime.wasm",
    f"/hub/*/{WEIGHTS}": f"http://localhost:8642/hub/org/tiny/v1.0/{WEIGHTS}?download=true",
}


@pytest.mark.parametrize("path", MISSING)
async def test_prefetch_names_what_is_missing(profile: Profile, application: Application, path: str) -> None:
    application.faults.set(Fault(path=path, drop_cors=True))

    with pytest.raises(NotPrefetched, match="Missing: ") as caught:
        await profile.visit().prefetch(EMBED)

    assert caught.value.missing == (MISSING[path],)
    assert isinstance(caught.value.__cause__, NetworkError)
    assert profile.engines.alive == 0


async def test_an_engine_that_sleeps_takes_an_update_too(profile: Profile, publish: Publish) -> None:
    context = profile.visit()
    engine = await context.create_engine(EMBED.updated({"timeout_ms": 10}))
    profile.timers.pass_time(10)
    publish("v2.0")
    await poll(context)

    assert await engine.update()

    assert (engine.status, profile.engines.alive) == ("closed", 0)
    await engine.run("a")
    assert engine.model_revision == "v2.0"


async def test_a_closed_engine_takes_none(profile: Profile) -> None:
    engine = await profile.visit().create_engine(EMBED)
    await engine.close()

    with pytest.raises(EngineClosed):
        await engine.update()


BRANCH = PipelineOptions.of({"task_name": "summarization", "timeout_ms": -1})
"""Its model is used by branch."""


@pytest.fixture
def push(tree: Path) -> Callable[[], None]:
    """Change two files of the branch."""

    def push() -> None:
        write(tree / "hub/org/tiny/main/config.json", b'{"model_type": "another"}')
        write(tree / "hub/org/tiny/main" / WEIGHTS, b"newer weights")

    return push


async def states(context: Context) -> list[str]:
    return [status.status for status in await context.check_updates()]


async def test_who_is_told_that_a_branch_changed_can_move_to_it(
    profile: Profile, push: Callable[[], None], update_events: list[Event]
) -> None:
    context = profile.visit()
    engine = await context.create_engine(BRANCH)
    push()
    assert await states(context) == ["update-available"]

    assert await engine.update()

    assert profile.engines.workers[-1].received[WEIGHTS] == b"newer weights"
    assert (engine.status, profile.engines.alive) == ("ready", 1)
    assert revisions(update_events) == [("installed", "main", "main")]
    assert await states(context) == ["up-to-date"]
    assert not await engine.update()


async def test_an_engine_asks_the_hub_itself_whether_its_branch_changed(
    profile: Profile, push: Callable[[], None]
) -> None:
    engine = await profile.visit().create_engine(BRANCH)
    push()

    assert await engine.update()
    assert not await engine.update()


async def test_once_told_the_next_create_engine_brings_a_changed_branch(
    profile: Profile, push: Callable[[], None]
) -> None:
    context = profile.visit()
    engine = await context.create_engine(BRANCH)
    push()
    profile.requests()
    assert await context.create_engine(BRANCH) is engine
    assert (profile.requests(), len(profile.engines.workers)) == ([], 1)  # as Firefox: it does not ask

    await context.check_updates()

    assert await context.create_engine(BRANCH) is engine
    assert profile.engines.workers[-1].received[WEIGHTS] == b"newer weights"
    assert profile.engines.alive == 1


async def test_a_branch_whose_hub_is_silent_has_nothing_to_move_to(
    profile: Profile, application: Application, push: Callable[[], None]
) -> None:
    engine = await profile.visit().create_engine(BRANCH)
    push()
    application.faults.set(Fault(path="/hub/*", drop_cors=True))

    assert not await engine.update()
    assert engine.status == "ready"


async def test_kept_files_that_an_engine_does_not_use_are_no_update_of_it(profile: Profile, tree: Path) -> None:
    context = profile.visit()
    write(tree / "hub/org/tiny/main/onnx/model.onnx", b"heavier weights")
    profile.engines.files = [*FILES, "onnx/model.onnx"]
    await (await context.create_engine(BRANCH)).close()
    profile.engines.files = list(FILES)
    engine = await context.create_engine(BRANCH)
    write(tree / "hub/org/tiny/main/onnx/model.onnx", b"other weights")

    assert set(await states(context)) == {"up-to-date"}
    assert not await engine.update()


async def test_an_engine_that_settings_know_no_more_does_not_hide_the_others(
    profile: Profile, application: Application
) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    await (await profile.visit().create_engine(BRANCH)).close()
    application.collections["main", "ml-inference-options"].delete("options")

    by_task = {status.task_name: status for status in await profile.visit().check_updates()}

    embedding, summary = by_task["feature-extraction"], by_task["summarization"]
    assert summary.status == "up-to-date"
    assert (embedding.status, embedding.available, embedding.current["model_revision"]) == ("unavailable", None, "v1.0")
    assert "no options for the feature 'simple-text-embedder'" in str(embedding.reason)
    assert summary.reason is None


async def test_what_an_earlier_version_remembered_and_this_one_cannot_read_is_forgotten(profile: Profile) -> None:
    await (await profile.visit().create_engine(EMBED)).close()
    database = await profile.database("modelden")
    (row,) = await database.get_all("engines")
    await database.commit([Put("engines", {**row, "id": "old", "request": {"featureId": 1}})])

    assert await states(profile.visit()) == ["up-to-date"]
    assert [each["id"] for each in await database.get_all("engines")] == [row["id"]]


async def test_what_only_refreshes_a_memory_is_not_waited_for(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await profile.database("modelden")
    commit, let_write = database.commit, asyncio.Event()

    async def slow(*changes: Any) -> bool:
        await let_write.wait()
        return await commit(*changes)

    await (await profile.visit().create_engine(EMBED)).close()
    before = (await database.get_all("engines"))[0]
    profile.clock.advance(hours=1)
    monkeypatch.setattr(database, "commit", slow)

    assert (await profile.visit().create_engine(EMBED)).status == "ready"

    assert (await database.get_all("engines"))[0] == before
    let_write.set()
    await settled()
    assert (await database.get_all("engines"))[0]["time"] == before["time"] + 60 * 60 * 1000
    assert await database.get_all("loads") == []


async def test_what_is_new_is_waited_for_before_what_was_before_it_goes(
    profile: Profile, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await profile.database("modelden")
    commit = database.commit

    async def watched(changes: Any, *rest: Any) -> bool:
        if any(isinstance(each, Put) and each.store == "engines" for each in changes):
            for _ in range(100):  # turns in which whoever does not wait goes on
                await asyncio.sleep(0)
            assert list(await kept(context)) == ["v1.0", "v2.0"]
        return await commit(changes, *rest)

    await (await profile.visit().create_engine(EMBED)).close()
    publish("v2.0")
    profile.clock.advance(hours=24)
    context = profile.visit()
    monkeypatch.setattr(database, "commit", watched)

    await context.create_engine(EMBED)

    assert (await database.get_all("engines"))[0]["plan"]["options"]["modelRevision"] == "v2.0"
    assert list(await kept(context)) == ["v2.0"]
