"""The state of a model before it is asked for, consent to its download, and a configuration without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import modelden
from modelden import default_context
from modelden.errors import DownloadDeclined, InputError, NotPrefetched, Offline
from modelden.hub.store.partials import download_lock
from modelden.hub.store.records import FileKey, PartialFile
from tests.simulators.blobs import MemoryBlob
from tests.unit.conftest import FILES, HUB_ROOT, ORIGIN, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulators.profile import Profile

FEATURE: dict[str, Any] = {"feature_id": "simple-text-embedder", "timeout_ms": -1}
WEIGHTS = FileKey("localhost/org/tiny", "v1.0", "onnx/model_quantized.onnx", HUB_ROOT)
NEEDED = ("config.json", "onnx/model_quantized.onnx", "tokenizer.json", "tokenizer_config.json")


@pytest.fixture
def page(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    visit(profile, monkeypatch)
    return profile


def visit(profile: Profile, monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    config = replace(profile.config, **values)
    monkeypatch.setattr(default_context.page, "config", config)
    monkeypatch.setattr(default_context.page, "context", profile.visit(config))
    monkeypatch.setattr(default_context.page, "stored_bytecode", object())  # it counts as stored


def url(file: str) -> str:
    return f"{ORIGIN}/hub/org/tiny/v1.0/{file}?download=true"


async def test_before_anything_is_stored_only_the_settings_are_known_to_be_missing(page: Profile) -> None:
    found = await modelden.availability(**FEATURE)

    assert (found.status, found.missing, found.download_size) == ("downloadable", ("ml-inference-options",), None)
    assert found.fraction is None
    assert page.requests() == []


async def test_with_the_network_the_missing_files_and_their_size_are_known(page: Profile) -> None:
    found = await modelden.availability(**FEATURE, network=True)

    assert (found.status, found.model_id, found.model_revision, found.dtype) == (
        "downloadable",
        "org/tiny",
        "v1.0",
        "q8",
    )
    assert found.missing[0] == "runtime.wasm"
    assert set(found.missing[1:]) == {url(name) for name in NEEDED}
    assert [each for each in page.requests() if "/hub/org/" in each] == []


async def test_a_model_that_was_loaded_is_available_without_a_request(
    page: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await modelden.create_engine(**FEATURE)).close()
    visit(page, monkeypatch)
    page.requests()

    found = await modelden.availability(**FEATURE)

    assert (found.status, found.missing, found.download_size, found.fraction) == ("available", (), 0, 1.0)
    assert page.requests() == []


async def test_a_file_that_was_removed_is_missing_and_its_begin_counts(
    page: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await modelden.create_engine(**FEATURE)).close()
    await modelden.ModelHub().delete_models(model="localhost/org/tiny", revision="v1.0")
    visit(page, monkeypatch)
    store = await default_context.page.context.store()  # type: ignore[union-attr]  # `visit` set it
    await store.partials.append(
        WEIGHTS, PartialFile("content", url(WEIGHTS.path), None, 255_000, 100, 1), MemoryBlob(b"x" * 100, "")
    )
    found = await modelden.availability(**FEATURE)

    assert (found.status, found.received) == ("downloadable", 100)
    assert set(found.missing) == {url(name) for name in FILES}
    async with page.locks.hold(download_lock(WEIGHTS.id)):
        assert (await modelden.availability(**FEATURE)).status == "downloading"


@pytest.mark.usefixtures("page")
async def test_what_no_engine_can_be_made_of_is_unavailable() -> None:
    found = await modelden.availability(task_name="text-to-audio", network=True)

    assert (found.status, found.missing) == ("unavailable", ())
    assert "name a model_id" in str(found.reason)
    with pytest.raises(InputError):
        await modelden.availability(task_name="mind-reading")
    with pytest.raises(InputError, match="network: expected True or False"):
        await modelden.availability(**FEATURE, network=1)  # type: ignore[arg-type]  # checked at run time


async def test_a_download_begins_when_it_was_confirmed(page: Profile, tree: Path) -> None:
    write(tree / "hub/org/tiny/v1.0/README.md", b"---\nlicense: apache-2.0\n---\n")
    asked: list[modelden.DownloadSummary] = []

    async def agree(summary: modelden.DownloadSummary) -> bool:
        asked.append(summary)
        models = [each for each in page.requests() if each.startswith("GET /hub/org/")]
        assert models == ["GET /hub/org/tiny/v1.0/README.md?download=true"]
        return True

    engine = await modelden.create_engine(**FEATURE, confirm=agree)
    await modelden.create_engine(**FEATURE, confirm=agree)  # nothing is missing any more

    assert engine.status == "ready"
    (summary,) = asked
    assert (summary.model_id, summary.licence, summary.origin) == ("org/tiny", "apache-2.0", ORIGIN)
    assert str(summary).startswith("org/tiny v1.0 (q8): ")
    assert str(summary).endswith(f"from {ORIGIN}, licence apache-2.0")


@pytest.mark.parametrize("answer", [False, None, "yes", 1])
async def test_a_download_that_was_declined_requests_no_file(page: Profile, answer: Any) -> None:
    with pytest.raises(DownloadDeclined, match=r"declined by confirm: org/tiny v1\.0 \(q8\)") as caught:
        await modelden.create_engine(**FEATURE, confirm=lambda _: answer)

    assert isinstance(caught.value.summary, modelden.DownloadSummary)
    assert not [
        each
        for each in page.requests()
        if each.startswith("GET /hub/org/") and "README" not in each and "card" not in each
    ]
    assert not [each for each in page.requests() if "runtime.wasm" in each]
    assert page.engines.workers == []


async def test_an_error_of_confirm_is_the_callers(page: Profile) -> None:
    def fail(_: object) -> bool:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        await modelden.create_engine(**FEATURE, confirm=fail)
    with pytest.raises(InputError, match="confirm: expected a function"):
        await modelden.create_engine(**FEATURE, confirm=True)  # type: ignore[arg-type]  # checked at run time
    assert page.engines.workers == []


async def test_offline_nothing_is_requested_and_what_is_missing_is_named(
    page: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit(page, monkeypatch, offline=True)
    with pytest.raises(NotPrefetched) as caught:
        await modelden.create_engine(**FEATURE)
    assert caught.value.missing == ("ml-inference-options",)
    with pytest.raises(Offline, match=r"configure\(offline=True\) allows no request"):
        await modelden.ModelHub().model_card("org/tiny")

    visit(page, monkeypatch)
    await modelden.availability(**FEATURE, network=True)
    page.requests()
    visit(page, monkeypatch, offline=True)
    with pytest.raises(NotPrefetched) as caught:
        await modelden.create_engine(**FEATURE)

    assert caught.value.missing == ("runtime.wasm", *(url(name) for name in NEEDED))
    assert page.requests() == []


async def test_offline_an_engine_runs_from_what_is_stored(page: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await modelden.create_engine(**FEATURE)).close()
    page.requests()
    page.clock.advance(hours=240)
    visit(page, monkeypatch, offline=True)

    engine = await modelden.create_engine(**FEATURE)

    assert await engine.run("a text")
    assert page.requests() == []
