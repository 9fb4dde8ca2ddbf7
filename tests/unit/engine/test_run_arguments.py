from __future__ import annotations

from typing import Any

import pytest

from modelden.engine.inputs import AUDIO_TASKS, IMAGE_TASKS
from modelden.engine.run_arguments import check_call
from modelden.engine.tasks import DEFAULT_MODELS
from modelden.errors import InputError

ECHOES = {"moz-echo", "test-echo"}
TEXT_TASKS = sorted(set(DEFAULT_MODELS) - ECHOES - IMAGE_TASKS - AUDIO_TASKS)
LABELS = {"candidate_labels": ["a", "b"]}


def call(task: str, *args: Any, version: str | None = "3.8.1", **options: Any) -> Any:
    return check_call(task, "org/model", version, args, options)


def others(task: str) -> dict[str, Any]:
    """The other arguments of a task."""
    if task.startswith("zero-shot"):
        return LABELS
    return {"context": "a context"} if task == "question-answering" else {}


@pytest.mark.parametrize("task", TEXT_TASKS)
@pytest.mark.parametrize(
    "value", [3, 0.5, None, b"a", {"a": 1}, {}, [], [None], [3], ["a", 3], ["a\ud83d"], "a\ud83d", object()]
)
def test_what_is_no_text_is_refused(task: str, value: Any) -> None:
    with pytest.raises(InputError):
        call(task, value, **others(task))


@pytest.mark.parametrize("task", sorted(set(DEFAULT_MODELS) - ECHOES))
def test_nothing_is_refused(task: str) -> None:
    with pytest.raises(InputError, match="needs the argument"):
        call(task)


@pytest.mark.parametrize("task", TEXT_TASKS)
def test_texts_are_taken(task: str) -> None:
    args, _ = call(task, "a text", **others(task))
    assert args[0] in ("a text", ["a text"])
    args, options = call(task, ["a", "b"], **others(task))
    assert args[0] == ["a", "b"]
    assert options == {}


@pytest.mark.parametrize("task", ["feature-extraction", "text-classification", "translation", "text-generation"])
def test_the_empty_text_is_a_text(task: str) -> None:
    assert call(task, "")[0] == [""]


@pytest.mark.parametrize(
    ("task", "args"),
    [
        ("question-answering", ("", "a context")),
        ("question-answering", ("a question", "")),
        ("zero-shot-classification", ("", ["a"])),
        ("zero-shot-classification", ("a", [])),
        ("zero-shot-classification", ("a", "")),
        ("zero-shot-image-classification", (b"a file", [])),
        ("zero-shot-object-detection", (b"a file", [3])),
        ("document-question-answering", (b"a file", "")),
    ],
)
def test_where_the_empty_text_asks_nothing_it_is_refused(task: str, args: Any) -> None:
    with pytest.raises(InputError):
        call(task, *args)


def test_a_label_alone_is_a_list_of_one_and_names_may_be_keywords() -> None:
    assert call("zero-shot-image-classification", b"a file", "cat")[0] == [b"a file", ["cat"]]
    assert call("question-answering", context="c", question="q", top_k=2) == (["q", "c"], {"top_k": 2})


def test_a_chat_is_a_list_of_messages() -> None:
    chat = [{"role": "user", "content": "hello"}]
    assert call("text-generation", chat)[0] == [chat]
    assert call("text-generation", [chat, chat])[0] == [[chat, chat]]
    wrong: Any
    for wrong in ([{"content": "no role"}], [[]], [["a"]], [chat, "a"], [{"role": "user", "content": "a\ud83d"}]):
        with pytest.raises(InputError):
            call("text-generation", wrong)


def test_options_may_be_the_last_argument_as_in_javascript() -> None:
    assert call("feature-extraction", "a", {"pooling": "mean"}) == (["a"], {"pooling": "mean"})
    with pytest.raises(InputError, match="takes 1 arguments"):
        call("feature-extraction", "a", "b")


@pytest.mark.parametrize("task", sorted(set(DEFAULT_MODELS) - ECHOES))
def test_unknown_options_are_refused(task: str) -> None:
    first = b"a file" if task in IMAGE_TASKS | AUDIO_TASKS else "a"
    more = {"question": "q"} if task == "document-question-answering" else others(task)
    with pytest.raises(InputError, match=f"{task} has no option 'no_such_thing'"):
        call(task, first, no_such_thing=1, **more)


@pytest.mark.parametrize(
    ("task", "option", "near"),
    [
        ("feature-extraction", "poolling", "pooling"),
        ("text-classification", "topk", "top_k"),
        ("text-generation", "max_new_token", "max_new_tokens"),
        ("automatic-speech-recognition", "return_timestamp", "return_timestamps"),
    ],
)
def test_the_nearest_name_is_told(task: str, option: str, near: str) -> None:
    with pytest.raises(InputError, match=rf"Did you mean {near}\?"):
        check_call(task, "org/model", None, ["a"], {option: 1})


def test_an_option_of_the_newer_runtime_is_refused_with_the_older_one() -> None:
    with pytest.raises(InputError, match="runtime 6 only"):
        call("token-classification", "a", aggregation_strategy="simple")
    assert call("token-classification", "a", version="4.3.1", aggregation_strategy="simple")[1]


@pytest.mark.parametrize(("task", "model"), [("moz-echo", "test-echo"), ("feature-extraction", "test-echo")])
def test_echoes_take_everything(task: str, model: str) -> None:
    assert check_call(task, model, None, [3, {}], {"x": 1}) == ([3, {}], {"x": 1})
