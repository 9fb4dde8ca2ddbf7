"""Evaluation of a test's code in the page of `den_page`. Ring hosting tests the pages themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelden.host.browser.page_eval import evaluate


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + one", 2),
        ("1.0", 1.0),
        ("import asyncio\nawait asyncio.sleep(0, 'later')", "later"),
        ("x = [await each() for each in []]\nx", []),
        ("value = 3", None),
        ("", None),
        ("def f(): return {1: 'a'}\nf()", {"1": "a"}),
        ("(each for each in 'ab')", ["a", "b"]),
        ("memoryview(b'ab')", [97, 98]),
        ("object", "<class 'object'>"),
    ],
)
async def test_the_last_line_comes_back_as_plain_data(source: str, expected: Any) -> None:
    actual = json.loads(await evaluate(json.dumps([source, {"one": 1}]), {}))

    assert actual == expected
    assert type(actual) is type(expected)


async def test_names_live_on() -> None:
    names: dict[str, Any] = {}
    await evaluate(json.dumps(["kept = given", {"given": 5}]), names)

    assert await evaluate(json.dumps(["kept", {}]), names) == "5"


async def test_what_the_code_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await evaluate(json.dumps(["await None if False else 1 / 0", {}]), {})
