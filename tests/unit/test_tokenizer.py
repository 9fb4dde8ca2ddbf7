"""A tokenizer from Python: without weights and runtime, from the same cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import modelden
from modelden import default_context
from modelden.errors import EngineClosed, FileNotFoundOnHub, InputError

if TYPE_CHECKING:
    from tests.simulators.profile import Profile


@pytest.fixture
def page(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    profile.engines.files = ["tokenizer.json"]
    monkeypatch.setattr(default_context.page, "context", profile.visit())
    return profile


async def test_texts_become_tokens_and_come_back(page: Profile) -> None:
    async with await modelden.load_tokenizer("org/tiny", "v1.0") as tokenizer:
        encoding = await tokenizer.encode("ab", "c")
        batch = await tokenizer.encode_batch(["a", ""], add_special_tokens=False)

        assert encoding == modelden.Encoding((0, 97, 98, 99), ("[CLS]", "a", "b", "c"), (0, 0, 0, 1), (1, 1, 1, 1))
        assert (len(encoding), encoding.offsets) == (4, None)
        assert [each.ids for each in batch] == [(97,), ()]
        assert await tokenizer.count("abc") == 4
        assert await tokenizer.decode(encoding.ids, skip_special_tokens=True) == "abc"
        assert await tokenizer.decode_batch([[97], []]) == ["a", ""]
        assert (tokenizer.max_length, tokenizer.special_ids) == (512, (0,))
        assert repr(tokenizer) == "Tokenizer('org/tiny', 'v1.0')"
    with pytest.raises(EngineClosed, match="The tokenizer of org/tiny was closed"):
        await tokenizer.count("a")
    assert page.engines.workers[0].closed


async def test_a_chat_is_written_by_the_models_template(page: Profile) -> None:
    tokenizer = await modelden.load_tokenizer("org/tiny", "v1.0")
    chat = [{"role": "user", "content": "hi"}]

    text = await tokenizer.apply_chat_template(chat, tools=[{"name": "f"}], add_generation_prompt=True)
    assert text == "<user>hi<tools><assistant>"
    assert await tokenizer.apply_chat_template(chat, tokenize=True) == [ord(each) for each in "<user>hi"]
    assert page.engines.alive == 1


async def test_neither_weights_nor_a_runtime_are_requested(page: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    await modelden.load_tokenizer("org/tiny", "v1.0")
    first = page.requests()
    monkeypatch.setattr(default_context.page, "context", page.visit())
    await modelden.load_tokenizer("org/tiny", "v1.0")

    assert [each for each in first if "/hub/org" in each] == ["GET /hub/org/tiny/v1.0/tokenizer.json?download=true"]
    assert not [each for each in first if "onnx" in each]
    assert page.requests() == []
    assert page.engines.workers[0].wasm == b""


async def test_a_model_without_a_tokenizer_says_so(page: Profile) -> None:
    page.engines.files = ["nothing.json"]
    with pytest.raises(FileNotFoundOnHub, match=r"nothing\.json"):
        await modelden.load_tokenizer("org/tiny", "v1.0")

    assert page.engines.alive == 0


@pytest.mark.parametrize(
    ("method", "args", "options"),
    [
        ("encode", (7,), {}),
        ("encode", ("a", 7), {}),
        ("encode", ("a",), {"add_special_tokens": 1}),
        ("encode_batch", ("a text",), {}),
        ("encode_batch", ([None],), {}),
        ("count", ("\ud800",), {}),
        ("decode", ("ids",), {}),
        ("decode", ([-1],), {}),
        ("decode", ([1.5],), {}),
        ("decode", ([True],), {}),
        ("decode", ([2**40],), {}),
        ("decode_batch", ([1],), {}),
        ("decode_batch", (7,), {}),
        ("apply_chat_template", ([],), {}),
        ("apply_chat_template", ("hi",), {}),
        ("apply_chat_template", ([{"content": "hi"}],), {}),
        ("apply_chat_template", ([{"role": "user"}],), {"tools": {"name": "f"}}),
        ("apply_chat_template", ([{"role": "user"}],), {"tokenize": None}),
    ],
)
async def test_wrong_arguments_are_refused(page: Profile, method: str, args: Any, options: Any) -> None:
    tokenizer = await modelden.load_tokenizer("org/tiny", "v1.0")

    with pytest.raises(InputError, match="expected"):
        await getattr(tokenizer, method)(*args, **options)
    assert await tokenizer.count("a") == 2
    assert page.engines.alive == 1


async def test_names_that_no_hub_can_have_send_no_request(page: Profile) -> None:
    for model, revision in (("../x", "main"), ("org/tiny", "../x"), ("", "main")):
        with pytest.raises(InputError):
            await modelden.load_tokenizer(model, revision)

    assert page.requests() == []
