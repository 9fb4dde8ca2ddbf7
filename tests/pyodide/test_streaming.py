"""Text while it is written: what chunks say, and that a loop's end is the generation's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.task_cases import LONG_SOUND, SOUND
from tests.pyodide.test_tasks import engine_request
from tests.tiny_models.whisper import token as token_of

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

PROMPT = "Hello world, the cat"


def in_page(page: Page, function: str, **arguments: Any) -> Any:
    """Call a function of `in_page_tasks`."""
    return page.call(function, module="in_page_tasks", **arguments)


@pytest.mark.parametrize("task", ["text-generation", "translation", "summarization"])
@pytest.mark.parametrize("per_token", [False, True])
def test_chunks_are_the_text_that_run_gives(task_page: Page, site: Site, task: str, *, per_token: bool) -> None:
    outcome = in_page(
        task_page,
        "stream_all",
        config=site.config,
        request=engine_request(task),
        text=PROMPT,
        options={"max_new_tokens": 30, "per_token": per_token, "return_tokens": True},
    )

    (written,) = outcome["result"][0].values()
    assert "".join(chunk["text"] for chunk in outcome["chunks"]) == written.removeprefix(PROMPT)
    assert outcome["result"] == outcome["plain"]
    assert not any(chunk["is_prompt"] for chunk in outcome["chunks"])
    tokens = [token for chunk in outcome["chunks"] for token in chunk["tokens"]]
    assert len(tokens) == 30
    if per_token:
        assert [len(chunk["tokens"]) for chunk in outcome["chunks"]] == [1] * 30


def test_the_prompt_comes_first_when_it_is_asked_for(task_page: Page, site: Site) -> None:
    for options in ({"skip_prompt": False}, {"streamerOptions": {"skipPrompt": False, "perTokens": True}}):
        outcome = in_page(
            task_page,
            "stream_all",
            config=site.config,
            request=engine_request("text-generation"),
            text=PROMPT,
            options={"max_new_tokens": 12, **options},
        )

        first, *rest = outcome["chunks"]
        assert first == {"text": PROMPT, "tokens": None, "is_prompt": True}
        assert not any(chunk["is_prompt"] for chunk in rest)
        assert "".join(chunk["text"] for chunk in outcome["chunks"]) == outcome["result"][0]["generated_text"]


@pytest.mark.parametrize("way", ["break", "exception", "aclose", "callback", "cancelled loop", "cancelled run"])
def test_leaving_the_loop_ends_the_generation(task_page: Page, site: Site, way: str) -> None:
    outcome = in_page(
        task_page, "leave_early", config=site.config, request=engine_request("text-generation"), text=PROMPT, way=way
    )

    assert 0 < outcome["chunks"] < 480
    assert outcome["next"] == outcome["fresh"]


@pytest.mark.console("^No language specified - defaulting to English")  # transformers.js, of Whisper
@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("times", [False, True])
def test_speech_is_written_while_it_is_recognized(task_page: Page, site: Site, *, per_token: bool, times: bool) -> None:
    outcome = in_page(
        task_page,
        "stream_all",
        config=site.config,
        request=engine_request("whisper"),
        text=SOUND,
        options={"max_new_tokens": 30, "return_timestamps": times, "per_token": per_token, "return_tokens": True},
    )

    assert outcome["result"] == outcome["plain"]
    assert "".join(chunk["text"] for chunk in outcome["chunks"]) == outcome["result"]["text"]
    assert outcome["result"]["text"]
    assert not any(chunk["is_prompt"] for chunk in outcome["chunks"])
    tokens = [token for chunk in outcome["chunks"] for token in chunk["tokens"]]
    if times:  # they are told, and no part of the text
        assert any(token >= token_of("0.00") for token in tokens)
    assert outcome["made"] == 30
    if per_token:
        assert [len(chunk["tokens"]) for chunk in outcome["chunks"]] == [1] * 30


def test_what_is_heard_in_pieces_has_a_prompt_for_each(task_page: Page, site: Site) -> None:
    pieces = {"chunk_length_s": 1, "stride_length_s": 0.1, "max_new_tokens": 5}
    outcome = in_page(
        task_page,
        "stream_all",
        config=site.config,
        request=engine_request("whisper"),
        text=LONG_SOUND,
        options={**pieces, "per_token": True, "return_tokens": True, "skip_prompt": False},
    )

    prompt = [token_of(name) for name in ("startoftranscript", "en", "transcribe", "notimestamps")]
    prompts = [chunk["tokens"] for chunk in outcome["chunks"] if chunk["is_prompt"]]
    assert prompts == [prompt] * 3
    assert outcome["made"] == len(outcome["chunks"]) - 3 == 15


@pytest.mark.parametrize("way", ["break", "cancelled run"])
def test_leaving_the_loop_ends_the_recognition(task_page: Page, site: Site, way: str) -> None:
    outcome = in_page(
        task_page, "leave_early", config=site.config, request=engine_request("whisper"), text=SOUND, way=way
    )

    assert 0 < outcome["chunks"] < 480
    assert outcome["next"] == outcome["fresh"]


def test_on_token_hears_every_token(task_page: Page, site: Site) -> None:
    outcome = in_page(
        task_page, "run_on_token", config=site.config, request=engine_request("text-generation"), text=PROMPT, count=17
    )

    assert outcome["tokens"] == 17
    assert PROMPT + outcome["text"] == outcome["result"][0]["generated_text"]


def test_what_cannot_be_streamed_is_refused(task_page: Page, site: Site) -> None:
    outcome = in_page(
        task_page, "refused_streams", config=site.config, request=engine_request("text-classification"), text=PROMPT
    )

    assert outcome == [
        ["InputError", "text-classification writes nothing that could be streamed"],
        ["InputError", "per_token: expected True or False, got 'yes'."],
        ["InputError", "streamer_options has no shout; it has per_token, skip_prompt, return_tokens."],
    ]
