"""Chats with a real model: turns with a reused cache answer as fresh runs do, in both runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.browser_page import HERE
from tests.pyodide.servers import offer_runtime_6
from tests.pyodide.test_tasks import engine_request

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

REQUEST = engine_request("text-generation")


@pytest.fixture(params=[5, 6])
def chats(request: pytest.FixtureRequest, task_page: Page, site: Site) -> Page:
    if request.param == 6:
        offer_runtime_6(site)
    task_page.add_module("in_page_chats.py", (HERE / "in_page_chats.py").read_text("utf-8"))
    task_page.call("configure", config=site.config)
    return task_page


def call(page: Page, function: str) -> Any:
    return page.call(function, module="in_page_chats", request=REQUEST)


def test_turns_reuse_what_was_computed_and_answer_as_fresh_runs(chats: Page) -> None:
    outcome = call(chats, "converse")

    first, *later = outcome["turns"]
    assert "".join(first["chunks"]) == first["answer"]["text"]
    assert first["answer"]["cached_tokens"] == 0
    for before, turn in zip(outcome["turns"], later, strict=False):
        read = before["answer"]["prompt_tokens"] + before["answer"]["new_tokens"] - 1
        assert before["answer"]["prompt_tokens"] <= turn["answer"]["cached_tokens"] <= read
    assert [turn["answer"]["text"] for turn in outcome["turns"]] == [turn["fresh"] for turn in outcome["turns"]]
    assert outcome["length"] == 512
    assert [message["role"] for message in outcome["messages"]] == ["system", *["user", "assistant"] * 3]


def test_seeds_repeat_and_stop_strings_end_an_answer(chats: Page) -> None:
    outcome = call(chats, "choose")

    one, again, other = outcome["seeded"]
    assert one == again != other
    text = outcome["greedy"]["text"]
    assert outcome["forced"] == [text] * 3
    stopped = outcome["stopped"]
    assert stopped["text"] == text[: text.index(outcome["stop"])] == "".join(outcome["chunks"])
    assert stopped["finish_reason"] == "stop"
    assert stopped["new_tokens"] < outcome["greedy"]["new_tokens"]


def test_a_chat_stays_within_its_context_and_an_answer_can_be_left(chats: Page) -> None:
    outcome = call(chats, "overflow")

    tokens, new, length = outcome["error"]
    assert (new, length) == (100, 512)
    assert tokens + new > length
    assert (outcome["dropped"], outcome["length"]) == (2, 2)
    assert outcome["left"]
    assert outcome["after"] <= 5
