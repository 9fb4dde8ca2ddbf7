from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelden.tokenizer_offsets import OffsetRules, offsets_of

FAMILIES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "truth/tokenizer_vectors.json").read_text("utf-8"))
GPT = {"readers": [{"type": "ByteLevel", "add_prefix_space": False}]}


def parts_of(family: dict[str, Any]) -> dict[str, Any]:
    tokenizer = family["tokenizer"]
    normalizer = tokenizer["normalizer"]
    return {
        "normalizers": normalizer.get("normalizers", [normalizer]) if normalizer else [],
        "readers": [tokenizer["pre_tokenizer"]],
        "processors": [tokenizer["post_processor"]],
    }


def rules(**parts: Any) -> OffsetRules:
    found = OffsetRules.of(parts)
    assert found is not None
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_offsets_are_those_of_the_reference(name: str) -> None:
    family = FAMILIES[name]
    found = OffsetRules.of(parts_of(family))
    assert found is not None
    for each in family["texts"]:
        count = len(each["plain"])
        begin = next(index for index in range(len(each["ids"]) + 1) if each["ids"][index:][:count] == each["plain"])
        end = begin + count
        offsets = offsets_of(each["text"], each["tokens"][begin:end], [False] * count, found)
        assert offsets is not None, each["text"]
        assert [list(offset) for offset in offsets] == each["offsets"][begin:end], each["text"]


def test_special_tokens_of_a_text_stand_as_they_are() -> None:
    tokens, special = ["hi", "<|end|>", "Ġyo"], [False, True, False]
    assert offsets_of("hi<|end|> yo", tokens, special, rules(**GPT)) == ((0, 2), (2, 9), (9, 12))


def test_spaces_are_left_out_where_the_tokenizer_trims() -> None:
    trims = rules(
        readers=[{"type": "ByteLevel", "add_prefix_space": True}],
        processors=[{"type": "RobertaProcessing", "trim_offsets": True}],
    )
    assert offsets_of("a  b ", ["Ġa", "Ġ", "Ġb", "Ġ"], [False] * 4, trims) == ((0, 1), (2, 2), (3, 4), (5, 5))


def test_spaces_at_the_end_that_a_normalizer_leaves_out_do_not_matter() -> None:
    pieces = rules(readers=[{"type": "Metaspace"}], normalizers=[{"type": "Precompiled"}])
    assert offsets_of("a b  ", ["▁a", "▁b"], [False] * 2, pieces) == ((0, 1), (1, 3))
    assert offsets_of("a   b", ["▁a", "▁b"], [False] * 2, pieces) is None


@pytest.mark.parametrize("tokens", [["hello", "!"], ["hel"], ["", "hello"], ["other"], ["hello", "hello"]])
def test_a_text_that_cannot_be_followed_has_no_offsets(tokens: list[str]) -> None:
    assert offsets_of("hello", tokens, [False] * len(tokens), rules(**GPT)) is None


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"readers": None},
        {"readers": [{"type": "Whitespace"}]},
        {**GPT, "normalizers": [{"type": "Lowercase"}]},
        {"readers": [{"type": "BertPreTokenizer"}], "normalizers": [{"type": "Replace"}]},
        {"readers": ["ByteLevel"]},
    ],
)
def test_other_families_have_no_offsets(parts: dict[str, Any]) -> None:
    assert OffsetRules.of(parts) is None
