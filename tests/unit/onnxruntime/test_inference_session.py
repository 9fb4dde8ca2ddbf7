"""Sessions of onnxruntime's names beyond onnxruntime's own calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelden import InputError
from modelden import onnxruntime as ours
from tests.simulators.native_sessions import native_page
from tests.simulators.profile import Profile
from tests.tiny_models.raw import raw_models


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Profile]:
    with native_page(tmp_path) as profile:
        yield profile


def feed(*values: float) -> dict[str, Any]:
    return {"x": np.array(values, np.float32)}


@pytest.mark.usefixtures("page")
def test_run_many_gives_the_results_of_each_feed() -> None:
    with ours.InferenceSession(raw_models()["x-to-y"]) as session:
        results = session.run_many(None, [feed(1, 2), {"x": ours.OrtValue.ortvalue_from_numpy(feed(3)["x"])}])

        assert [[y.tolist() for y in each] for each in results] == [[[1, 2]], [[3]]]
        assert session.run_many(["y"], []) == []


@pytest.mark.usefixtures("page")
async def test_run_many_can_be_awaited() -> None:
    session = ours.InferenceSession(raw_models()["x-to-y"])

    [[first], [second]] = await session.run_many_async(None, [feed(1), feed(2)])

    assert (first.tolist(), second.tolist()) == ([1], [2])


@pytest.mark.parametrize("feeds", [{"x": [1]}, [feed(1), {"z": [1]}], [feed(1), {}], [1], None])
def test_run_many_runs_nothing_if_a_feed_is_refused(page: Profile, feeds: Any) -> None:
    with ours.InferenceSession(raw_models()["x-to-y"]) as session:
        [worker] = page.sessions.workers
        with pytest.raises(InputError):
            session.run_many(None, feeds)
        assert not worker.running.is_set()  # type: ignore[attr-defined]  # another kind of worker


def test_sessions_share_a_worker(page: Profile) -> None:
    with ours.InferenceSession(raw_models()["x-to-y"]) as first, ours.InferenceSession(raw_models()["add"]) as second:
        [y] = first.run(None, feed(1))
        [total] = second.run(["sum"], {name: np.ones((1, 2), np.float32) for name in "ab"})

    assert (y.tolist(), total.tolist()) == ([1], [[2, 2]])
    assert [worker.closed for worker in page.sessions.workers] == [True]


async def test_terminate_cancels_nothing_but_the_run(page: Profile) -> None:
    session = ours.InferenceSession(raw_models()["x-to-y"])
    page.sessions.workers[0].gate = asyncio.Event()  # type: ignore[attr-defined]  # as above
    options = ours.RunOptions()

    async def caller() -> str:
        value = ours.OrtValue.ortvalue_from_numpy(feed(1)["x"])
        try:
            await session.run_with_ort_values_async(None, {"x": value}, options)
        except ours.capi.onnxruntime_pybind11_state.Fail as error:
            await asyncio.sleep(0)
            return str(error)
        return ""

    task = asyncio.ensure_future(caller())
    await asyncio.sleep(0.01)
    options.terminate = True

    assert "terminate flag" in await task
    assert not task.cancelled()
