"""Vectors by their names: stored, searched, shared among tabs, and bound to one revision of a model."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import modelden
from modelden import VectorIndex, default_context
from modelden.engine.vector_store import MAX_BATCHES, VECTORS
from modelden.errors import EngineClosed, InputError, QuotaExceeded

if TYPE_CHECKING:
    from tests.simulators.profile import Profile

MODEL: dict[str, Any] = {"model_id": "org/tiny", "model_revision": "v1.0"}


@pytest.fixture
def page(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    return profile


async def names(index: VectorIndex, query: list[float], k: int = 10) -> list[str]:
    return [match.id for match in await index.search(query, k)]


async def test_vectors_are_found_by_a_later_visit(page: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    await index.add(["cat", "car"], [[1, 0], [0, 1]])
    await index.add("dog", np.array([0.9, 0.1]))
    index.close()
    monkeypatch.setattr(default_context.page, "context", page.visit())

    again = await VectorIndex.open("notes", **MODEL)

    assert (len(again), again.dimensions, again.was_rebuilt) == (3, 2, False)
    assert await names(again, [1, 0], 2) == ["cat", "dog"]
    (best,) = await again.search([1, 0], 1)
    assert best == modelden.Match("cat", 1.0)
    assert "dog" in again
    assert repr(again) == "VectorIndex('notes', model_id='org/tiny', model_revision='v1.0', 3 x 2)"


async def test_a_name_has_one_vector(page: Profile) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    await index.add(["a", "b"], [[1, 0], [0, 1]])
    await index.add("a", [0, -1])

    assert sorted(index.ids) == ["a", "b"]
    assert await names(index, [0, 1]) == ["b", "a"]
    assert await index.remove(["a", "nothing"]) == 1
    assert await names(index, [0, 1]) == ["b"]
    assert await index.remove("b") == 1
    assert await names(index, [0, 1]) == []
    assert page.vectors.workers[0].loads == 2  # the empty index, and the first vectors


async def test_the_stored_vectors_are_those_that_were_searched(page: Profile) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    for number in range(MAX_BATCHES + 20):
        await index.add(f"{number}", [math.cos(number), math.sin(number)])
    await index.remove([f"{number}" for number in range(0, 30, 3)])
    before = await names(index, [1, 0], 50)

    again = await VectorIndex.open("notes", **MODEL)  # which joins the rows

    assert await names(again, [1, 0], 50) == before
    rows = await (await default_context.page.context.database(VECTORS)).get_all("vectors")  # type: ignore[union-attr]  # a page
    assert len(rows) == 1
    assert page.vectors.workers[-1].rows == page.vectors.workers[0].rows


async def test_another_tab_sees_what_was_added(page: Profile) -> None:
    one, other = await VectorIndex.open("notes", **MODEL), await VectorIndex.open("notes", **MODEL)
    await asyncio.gather(one.add("a", [1, 0]), other.add("b", [0, 1]))

    assert await names(one, [1, 0]) == await names(other, [1, 0]) == ["a", "b"]
    assert page.requests() == []


async def test_another_revision_starts_empty_or_is_rebuilt(page: Profile) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    await index.add(["a", "b"], [[1, 0], [0, 1]])

    async def embed(ids: list[str]) -> list[list[float]]:
        assert ids == ["a", "b"]
        return [[0, 0, 1], [1, 0, 0]]

    rebuilt = await VectorIndex.open("notes", model_id="org/tiny", model_revision="v2.0", rebuild=embed)
    assert (rebuilt.was_rebuilt, rebuilt.dimensions) == (True, 3)
    assert await names(rebuilt, [0, 0, 1], 1) == ["a"]
    with pytest.raises(EngineClosed, match=r"has vectors of org/tiny v2\.0 by now"):
        await index.search([1, 0])

    cleared = await VectorIndex.open("notes", model_id="org/other")
    assert (cleared.was_rebuilt, len(cleared), cleared.dimensions) == (True, 0, 0)
    assert page.requests() == []


async def test_vectors_stay_where_a_rebuild_fails(page: Profile) -> None:
    await (await VectorIndex.open("notes", **MODEL)).add("a", [1, 0])

    async def fail(_: list[str]) -> Any:
        raise KeyError("mine")

    async def too_few(_: list[str]) -> Any:
        return [[1.0], [2.0]]

    with pytest.raises(KeyError):
        await VectorIndex.open("notes", model_id="org/other", rebuild=fail)
    with pytest.raises(InputError, match="rebuild: expected a vector for each of the 1 names, got 2"):
        await VectorIndex.open("notes", model_id="org/other", rebuild=too_few)

    assert await names(await VectorIndex.open("notes", **MODEL), [1, 0]) == ["a"]
    assert page.requests() == []


async def test_without_space_the_index_is_as_before(page: Profile) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    await index.add("a", [1, 0])
    database = await page.databases.open(VECTORS)
    database.full = True
    with pytest.raises(QuotaExceeded):
        await index.add("b", [0, 1])
    database.full = False

    assert await names(index, [1, 0]) == ["a"]


async def test_a_deleted_index_is_gone_and_a_closed_one_says_so(page: Profile) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    await index.add("a", [1, 0])
    await index.delete()

    with pytest.raises(EngineClosed, match="was closed: open it again"):
        await index.add("b", [1, 0])
    assert len(await VectorIndex.open("notes", **MODEL)) == 0
    assert page.vectors.workers[0].closed


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (["a"], [[1, 0], [0, 1]], "vectors: expected one for each of the 1 ids, got 2"),
        (["a", "a"], [[1, 0], [0, 1]], "ids: expected different names"),
        (["a"], [[1, 2, 3]], "vectors: expected 2 numbers each, as VectorIndex"),
        ([1], [[1, 0]], "ids: expected a text"),
        ("a", [math.nan, 1], "vectors: expected finite numbers"),
        ("a", np.array([math.inf, 1]), "vectors: expected finite numbers"),
        ("a", [1e300, 1], "vectors: expected 32-bit floats"),
        ("a", np.array([1e300, 1]), "vectors: expected 32-bit floats"),
        ("a", "text", "vectors: expected vectors of numbers"),
        ("a", np.zeros((0, 2)), "vectors: expected vectors"),
    ],
)
async def test_wrong_vectors_change_nothing(page: Profile, ids: Any, vectors: Any, message: str) -> None:
    index = await VectorIndex.open("notes", **MODEL)
    await index.add("first", [1, 0])

    with pytest.raises(InputError, match=message):
        await index.add(ids, vectors)
    with pytest.raises(InputError, match="query: expected"):
        await index.search([1, 2, 3])

    assert index.ids == ["first"]
    assert page.requests() == []
