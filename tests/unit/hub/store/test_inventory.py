"""Models that somebody else removed, and those that modelden deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modelden import default_context, storage_info
from modelden.engine.options import PipelineOptions
from tests.unit.background import settled
from tests.unit.conftest import FILES

if TYPE_CHECKING:
    from modelden.context import Context
    from tests.simulators.profile import Profile

EMBED = PipelineOptions.of({"feature_id": "simple-text-embedder"}, own_features=True)


@pytest.fixture
async def context(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A page that has stored a model."""
    context = profile.visit()
    monkeypatch.setattr(default_context.page, "context", context)
    await context.create_engine(EMBED)
    await settled()
    return context


async def clear(profile: Profile) -> None:
    database = await profile.database("modelFiles")
    database.rows = {name: {} for name in database.rows}


async def test_nothing_is_missing_at_first(context: Context) -> None:
    del context
    assert (await storage_info()).removed == ()


async def test_a_model_that_was_cleared_is_told_until_it_is_stored_again(profile: Profile, context: Context) -> None:
    (model,) = await (await context.store()).list_models()
    await clear(profile)
    assert (await storage_info()).removed == ((model.name, model.revision),)

    again = profile.visit()
    await again.create_engine(EMBED)
    assert profile.engines.workers[-1].received == FILES
    await settled()
    assert (await storage_info()).removed == ()


async def test_a_model_that_was_deleted_is_not_missed(context: Context) -> None:
    store = await context.store()
    (model,) = await store.list_models()
    await store.delete_models(model=model.name, revision=model.revision)
    assert await store.list_models() == []
    assert (await storage_info()).removed == ()


@pytest.mark.parametrize("memo", ["", "no JSON", "{}", '{"a": 1}', "[1]", "null", '[["a"]]', '[["a", "b", "c"]]'])
async def test_a_memo_of_another_script_counts_as_none(profile: Profile, context: Context, memo: str) -> None:
    del context
    profile.page.memo = memo
    assert (await storage_info()).removed == ()


async def test_lists_of_models_in_all_tabs_are_told_of_changes(profile: Profile, context: Context) -> None:
    messages: list[dict[str, Any]] = []
    profile.tabs.listen(messages.append)
    store = await context.store()
    (model,) = await store.list_models()

    await store.pin(model.name, model.revision, pinned=True)
    assert messages == [{"models": "changed"}]
    await store.delete_models(model=model.name, revision=model.revision)
    assert messages == [{"models": "changed"}] * 2
    await profile.visit().create_engine(EMBED)
    await settled()
    assert {"models": "changed"} in messages[2:]


async def test_tabs_without_an_inventory_are_told_too(profile: Profile, context: Context) -> None:
    """A worker has no inventory."""
    profile.page.memo = None
    messages: list[dict[str, Any]] = []
    profile.tabs.listen(messages.append)
    await (await context.store()).purge()
    assert messages == [{"models": "changed"}]
