"""Inputs that no model accepts: each has its own error, in words, and the engine goes on after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modelden.host.testing import Fault
from tests.pyodide.browser_page import PageError
from tests.pyodide.servers import MODEL
from tests.pyodide.task_cases import IMAGE, SOUND
from tests.pyodide.test_tasks import engine_request

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TINY = {"feature_id": "tiny"}


def call(page: Page, function: str, **arguments: Any) -> Any:
    """Call a function of `in_page_inputs`."""
    return page.call(function, module="in_page_inputs", **arguments)


@pytest.mark.parametrize(
    ("task", "wrong", "right", "name", "words"),
    [
        ("feature-extraction", "empty_list", "hello", "InputError", "is an empty list"),
        ("image-classification", "empty_list", IMAGE, "InputError", "is an empty list"),
        ("image-classification", "canvas_without_pixels", IMAGE, "InputError", "not 0 x 0 as this OffscreenCanvas"),
        ("image-classification", "file_without_pixels", IMAGE, "EngineError", ""),
        ("audio-classification", "samples_that_are_none", SOUND, "InputError", "NaN or infinite"),
        ("audio-classification", "sound_that_is_none", SOUND, "EngineError", "NaN or infinite"),
    ],
)
def test_a_wrong_input(input_page: Page, site: Site, task: str, wrong: str, right: Any, name: str, words: str) -> None:
    request = engine_request(task)
    error = PageError(**call(input_page, "refused", config=site.config, request=request, wrong=wrong, right=right))

    assert error.name == name
    assert words in error.message
    assert error.message
    assert error.foreign == []


def test_a_megabyte_of_text_is_cut_to_what_the_model_takes(input_page: Page, site: Site) -> None:
    outcome = call(input_page, "long_text_is_cut", config=site.config, request=TINY)

    assert outcome == {"same": True, "tokens": 16}


def test_a_closed_engine_says_so(input_page: Page, site: Site) -> None:
    for outcome in call(input_page, "after_close", config=site.config, request=TINY):
        error = PageError(**outcome)
        assert error.name == "EngineClosed"
        assert "create a new one with modelden.create_engine()" in error.message


def test_a_data_type_that_the_model_does_not_have(page: Page, site: Site) -> None:
    error = page.failed_visit(site.config, **TINY, dtype="fp16")

    assert error.name == "FileNotFoundOnHub"
    assert error.facts["file"] == "onnx/model_fp16.onnx"


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_file_that_the_repository_lacks(page: Page, site: Site, file: str) -> None:
    site.fault(Fault(path=f"/hub/{MODEL}/*/{file}", status=404))

    error = page.failed_visit(site.config, **TINY)

    assert error.name == "FileNotFoundOnHub"
    assert error.facts["file"] == file
    page.is_clean()
    site.fault()
    page.visit(site.config, **TINY)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("model_id", "a b", 'Invalid value "a b" for field "modelId". Should follow the format'),
        ("dtype", "q9", 'Invalid value "q9" for field "dtype".'),
        ("timeout_ms", 1.5, 'Invalid value "1.5" for field "timeoutMS". Should be an integer between -1 and 36000000'),
    ],
)
def test_options_that_firefox_refuses(page: Page, site: Site, option: str, value: Any, words: str) -> None:
    error = page.failed_visit(site.config, **{**TINY, option: value})

    assert error.name == "InvalidOption"
    assert error.message.startswith(words)
    assert site.requests() == []
