from __future__ import annotations

from typing import Any

import pytest

import modelden
from modelden import PipelineOptions, default_context
from modelden.errors import InputError


class RecordingContext:
    """The part of a `Context` that `modelden.prefetch` calls."""

    def __init__(self) -> None:
        self.request = PipelineOptions()

    async def prefetch(self, request: PipelineOptions, on_progress: object) -> None:
        assert on_progress is None
        self.request = request


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> RecordingContext:
    context = RecordingContext()
    monkeypatch.setattr(default_context.page, "context", context)
    return context


MAPPING: dict[str, Any] = {"taskName": "feature-extraction", "modelId": "a/b", "dtype": "fp32"}


@pytest.mark.parametrize("options", [MAPPING, PipelineOptions.of(MAPPING)])
async def test_keyword_arguments_take_precedence_over_options(context: RecordingContext, options: Any) -> None:
    await modelden.prefetch(options, model_id="c/d", device="gpu", num_threads=2)

    expected = {**MAPPING, "modelId": "c/d", "device": "gpu", "numThreads": 2}
    assert context.request == PipelineOptions.of(expected)


@pytest.mark.parametrize("options", [MAPPING, PipelineOptions.of(MAPPING)])
async def test_a_keyword_argument_of_none_is_as_good_as_absent(context: RecordingContext, options: Any) -> None:
    await modelden.prefetch(options, task_name=None, model_id=None, dtype=None, timeout_ms=None)

    assert context.request == PipelineOptions.of(MAPPING)


async def test_firefox_names_are_accepted_as_keyword_arguments(context: RecordingContext) -> None:
    await modelden.prefetch(**MAPPING)

    assert context.request == PipelineOptions.of(MAPPING)


async def test_a_feature_names_the_engine_unless_the_caller_does(context: RecordingContext) -> None:
    await modelden.prefetch({"featureId": "simple-text-embedder"}, model_id="a/b")
    by_feature = context.request.engine_id
    await modelden.prefetch({"featureId": "simple-text-embedder"}, engine_id="mine")

    assert by_feature == PipelineOptions.of({"feature_id": "simple-text-embedder"}).engine_id
    assert context.request.engine_id == "mine"


@pytest.mark.parametrize("name", ["model", "modelid", "options"])
async def test_an_unknown_keyword_argument_is_an_error(context: RecordingContext, name: str) -> None:
    keywords: dict[str, Any] = {name: "a/b"}
    with pytest.raises(InputError, match=f"There is no option '{name}'"):
        await modelden.prefetch(MAPPING, **keywords)
    assert context.request == PipelineOptions()


async def test_types_of_options_are_checked_by_type_checkers_and_at_run_time(context: RecordingContext) -> None:
    with pytest.raises(InputError):
        await modelden.prefetch(task_name=1)  # type: ignore[arg-type]  # mypy reports it
    with pytest.raises(InputError):
        await modelden.prefetch(MAPPING, num_threads="two")  # type: ignore[arg-type]  # the same
    with pytest.raises(InputError):
        await modelden.prefetch(MAPPING, modelName="a/b")  # type: ignore[call-arg]  # the same

    assert context.request == PipelineOptions()
