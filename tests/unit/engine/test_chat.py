from __future__ import annotations

import asyncio
from typing import Any

import pytest

from modelden.engine.engine import Engine
from modelden.engine.options import PipelineOptions
from modelden.errors import ContextExceeded, EngineClosed, EngineError, InputError
from tests.simulators.profile import Profile


@pytest.fixture
async def engine(profile: Profile) -> Engine:
    profile.engines.files = []
    request = PipelineOptions.of({"task_name": "text-generation", "model_id": "tiny/embedder", "model_revision": "v1"})
    return await profile.visit().create_engine(request)


def roles(messages: list[dict[str, str]]) -> list[str]:
    return [message["role"] for message in messages]


def sent(profile: Profile) -> list[list[str]]:
    """The contents of the messages of each turn."""
    return [[each["content"] for each in turn["messages"]] for turn in profile.engines.workers[-1].turns]


async def test_a_chat_goes_on_from_its_history(profile: Profile, engine: Engine) -> None:
    chat = await engine.chat("be brief")

    first = [chunk.text async for chunk in chat.send("one two")]
    answer = await chat.send("three four")

    assert first == ["two ", "one "]
    assert (str(answer), answer.finish_reason, answer.prompt_tokens, answer.dropped) == ("four three ", "stop", 8, ())
    assert roles(chat.messages) == ["system", "user", "assistant", "user", "assistant"]
    assert sent(profile)[-1] == ["be brief", "one two", "two one ", "three four"]


async def test_a_stream_has_the_answer_as_its_result(engine: Engine) -> None:
    reply = (await engine.chat()).send("one two")
    async for _ in reply:
        pass

    assert reply.result == await reply
    assert reply.result.text == "two one "


async def test_a_chat_goes_on_from_stored_messages(profile: Profile, engine: Engine) -> None:
    before = await engine.chat("be brief")
    await before.send("one two")

    chat = await engine.chat(messages=before.messages)
    await chat.send("three")

    assert sent(profile)[-1] == ["be brief", "one two", "two one ", "three"]
    before.messages.clear()
    assert len(before.messages) == 3


async def test_a_clone_goes_its_own_way(profile: Profile, engine: Engine) -> None:
    chat = await engine.chat(seed=1)
    await chat.send("one two")
    clone = chat.clone(seed=2)
    await clone.send("three")
    await chat.send("four")

    assert [len(each.messages) for each in (chat, clone)] == [4, 4]
    assert sent(profile)[-2:] == [["one two", "two one ", "three"], ["one two", "two one ", "four"]]
    seeds = [turn["options"]["sampling"]["seed"] for turn in profile.engines.workers[-1].turns]
    assert seeds == [1, 1, 2, 1]


async def test_options_of_a_turn_are_of_that_turn(profile: Profile, engine: Engine) -> None:
    chat = await engine.chat(max_new_tokens=7, stop_strings="\n", repetition_penalty=1.5)
    await chat.send("one", temperature=0.5, stop_strings=["a", "b"])
    await chat.send("two")

    one, two = [turn["options"] for turn in profile.engines.workers[-1].turns[1:]]
    assert one["sampling"] == {"doSample": True, "seed": None, "temperature": 0.5}
    assert one["stopStrings"] == ["a", "b"]
    assert two == {
        "maxNewTokens": 7,
        "stopStrings": ["\n"],
        "chatTemplate": None,
        "sampling": None,
        "generation": {"repetition_penalty": 1.5},
    }


async def test_a_chat_that_does_not_fit_is_an_error_and_leaves_the_history(profile: Profile, engine: Engine) -> None:
    profile.engines.context_length = 20
    chat = await engine.chat(max_new_tokens=10)
    await chat.send("one two three")

    with pytest.raises(ContextExceeded, match=r"has 11 tokens and its answer may have 10.*takes 20 together") as caught:
        await chat.send("a b c d e")

    assert (caught.value.prompt_tokens, caught.value.max_new_tokens, caught.value.context_length) == (11, 10, 20)
    assert roles(chat.messages) == ["user", "assistant"]
    assert (await chat.send("a")).text == "a "


async def test_the_oldest_turns_are_dropped_where_that_is_chosen(profile: Profile, engine: Engine) -> None:
    profile.engines.context_length = 20
    chat = await engine.chat("be brief", max_new_tokens=6, overflow="drop_oldest")
    for text in ("a1 a2", "b1 b2"):
        await chat.send(text)

    answer = await chat.send("c1 c2 c3 c4 c5 c6")

    assert [each["content"] for each in answer.dropped] == ["a1 a2", "a2 a1 "]
    assert [each["content"] for each in chat.messages[:3]] == ["be brief", "b1 b2", "b2 b1 "]
    with pytest.raises(ContextExceeded):
        await chat.send(" ".join(["word"] * 30))
    assert len(chat.messages) == 5


async def test_a_turn_that_fails_leaves_no_trace(engine: Engine) -> None:
    chat = await engine.chat()
    with pytest.raises(EngineError, match="refused"):
        await chat.send("refuse")

    assert chat.messages == []
    assert (await chat.send("one")).text == "one "


async def test_an_answer_whose_loop_is_left_stays_as_far_as_it_came(profile: Profile, engine: Engine) -> None:
    chat = await engine.chat()
    profile.engines.gate.clear()
    reply = chat.send("one two")
    async for _ in reply:
        break
    await reply.aclose()
    profile.engines.gate.set()

    await chat.send("three")

    assert [each["content"] for each in chat.messages] == ["one two", "two one ", "three", "three "]


async def test_one_answer_is_under_way_at_a_time(profile: Profile, engine: Engine) -> None:
    chat = await engine.chat()
    profile.engines.gate.clear()
    reply = chat.send("one two")
    await anext(reply)

    with pytest.raises(InputError, match=r"under way.*clone"):
        await chat.send("three")
    clone = asyncio.ensure_future(_text(chat.clone(), "four"))
    profile.engines.gate.set()

    assert await clone == "four "
    assert (await reply).text == "two one "


async def _text(chat: Any, text: str) -> str:
    return str(await chat.send(text))


async def test_the_end_of_an_engine_is_the_end_of_its_chats(engine: Engine) -> None:
    chat = await engine.chat()
    await engine.close()

    with pytest.raises(EngineClosed):
        await chat.send("one")
    with pytest.raises(EngineClosed):
        await engine.chat()


async def test_a_chat_survives_its_worker(profile: Profile, engine: Engine) -> None:
    chat = await engine.chat()
    await chat.send("one two")
    profile.engines.workers[-1].crash()

    await chat.send("three")

    assert sent(profile) == [["one two", "two one ", "three"]]


async def test_metrics_are_of_the_last_turn(engine: Engine) -> None:
    chat = await engine.chat()
    assert engine.last_metrics is None
    await chat.send("one")
    assert engine.last_metrics is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temprature": 1}, "no option 'temprature'. Did you mean temperature"),
        ({"stop": "x"}, "Did you mean stop_strings"),
        ({"stop_strings": ""}, "texts that are not empty"),
        ({"stop_strings": ["a", 1]}, "stop_strings: expected a text"),
        ({"max_new_tokens": 0}, "a whole number from 1"),
        ({"max_new_tokens": 2.5}, "a whole number from 1"),
        ({"max_new_tokens": True}, "a whole number from 1"),
        ({"min_new_tokens": 9, "max_new_tokens": 8}, "at most max_new_tokens"),
        ({"seed": -1}, "a whole number from 0"),
        ({"seed": 2**32}, "a whole number from 0"),
        ({"temperature": float("nan")}, "a number that is 0"),
        ({"temperature": "hot"}, "a number that is 0"),
        ({"top_p": 0}, "a number above 0, at most 1"),
        ({"top_p": 1.5}, "a number above 0, at most 1"),
        ({"top_k": -1}, "a whole number from 0"),
        ({"top_k": int}, "a whole number from 0"),
        ({"seed": 10**400}, "a whole number from 0"),
        ({"temperature": 10**400}, "a number that is 0"),
        ({"temperature": float("inf")}, "a number that is 0"),
        ({"repetition_penalty": float("nan")}, "a number above 0"),
        ({"repetition_penalty": 0}, "a number above 0"),
        ({"do_sample": 1}, "expected True or False"),
        ({"overflow": "drop"}, "expected one of error, drop_oldest"),
        ({"chat_template": 3}, "expected a text"),
        ({"system": 3}, "system: expected a text"),
        ({"messages": "hello"}, "messages: expected a list"),
        ({"messages": [{"role": "user"}]}, "messages: expected a list"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages: expected a list"),
        ({"system": "a", "messages": [{"role": "system", "content": "b"}]}, "name one of the two"),
    ],
)
async def test_bad_arguments_are_refused_before_a_turn(
    profile: Profile, engine: Engine, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        await engine.chat(**options)
    if not {"system", "messages"} & options.keys():
        chat = await engine.chat()
        with pytest.raises(InputError, match=message):
            chat.send("one", **options)
        with pytest.raises(InputError, match=message):
            chat.clone(**options)
    assert len(profile.engines.workers[-1].turns) <= 1


@pytest.mark.parametrize("text", ["", None, 3, b"x", "\ud800"])
async def test_a_text_is_needed(engine: Engine, text: Any) -> None:
    chat = await engine.chat()
    with pytest.raises(InputError, match="text: expected"):
        chat.send(text)


async def test_a_model_without_a_template_needs_one(profile: Profile, engine: Engine) -> None:
    profile.engines.has_template = False

    with pytest.raises(InputError, match="no chat template"):
        await engine.chat()
    await (await engine.chat(chat_template="{{ messages }}")).send("one")


async def test_other_tasks_have_no_chats(profile: Profile) -> None:
    profile.engines.files = []
    request = PipelineOptions.of({"task_name": "feature-extraction", "model_id": "tiny/embedder"})
    engine = await profile.visit().create_engine(request)

    with pytest.raises(InputError, match="task is feature-extraction, which has no chats"):
        await engine.chat()
