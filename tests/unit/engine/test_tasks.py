from __future__ import annotations

import pytest

from modelden.engine.model_selection import known_task
from modelden.engine.tasks import ALIASES, DEFAULT_MODELS
from modelden.errors import InputError, UnknownTask
from modelden.hub.catalog.names import check_model


def test_every_default_is_a_model_name() -> None:
    for model in filter(None, DEFAULT_MODELS.values()):
        check_model(model, "main")


@pytest.mark.parametrize("task_name", DEFAULT_MODELS)
def test_known_tasks_are_known(task_name: str) -> None:
    assert known_task(task_name) == task_name


@pytest.mark.parametrize(("alias", "task_name"), ALIASES.items())
def test_other_names_of_transformers_js_are_known(alias: str, task_name: str) -> None:
    assert known_task(alias) == task_name
    assert task_name in DEFAULT_MODELS


@pytest.mark.parametrize(
    ("task_name", "hint"),
    [
        ("feature_extraction", "Did you mean feature-extraction"),
        ("Feature-Extraction", "Did you mean"),
        ("text2text", "Did you mean text2text-generation"),
        ("xyzzy", "Known tasks: audio-classification, .*zero-shot-object-detection"),
        ("", "Known tasks"),
    ],
)
def test_an_unknown_task_comes_with_near_names(task_name: str, hint: str) -> None:
    with pytest.raises(UnknownTask, match=f"There is no task {task_name!r}. {hint}") as caught:
        known_task(task_name)
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ValueError)
