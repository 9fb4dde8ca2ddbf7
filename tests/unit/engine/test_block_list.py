from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from modelden.engine.block_list import BlockList, decode_phrases
from modelden.errors import InputError, InvalidRecord


@pytest.fixture
def words() -> BlockList:
    return BlockList("words", "en", "1.2", ["spam", "two words", "ça"], lambda text: re.findall(r"\w+|\W", text))


@pytest.mark.parametrize("text", ["this is spam text", "spam", "so: two words!", "ça", "x ça"])
def test_phrases_match_between_borders_of_words(words: BlockList, text: str) -> None:
    assert words.matches(text)
    assert words.matches_anywhere(text)


@pytest.mark.parametrize(("text", "anywhere"), [("this isspam text", True), ("spa m", False), ("", False)])
def test_a_part_of_a_word_matches_anywhere_alone(words: BlockList, text: str, *, anywhere: bool) -> None:
    assert not words.matches(text)
    assert words.matches_anywhere(text) is anywhere


def test_a_character_outside_the_basic_plane_moves_no_border(words: BlockList) -> None:
    assert words.matches("\U0001f600 spam")
    assert not words.matches("\U0001f600 spa")


def test_only_texts_are_matched(words: BlockList) -> None:
    value: Any = 7
    with pytest.raises(InputError, match="expected a text, got 7"):
        words.matches(value)
    with pytest.raises(InputError, match="half a character"):
        words.matches_anywhere("\ud800")


def test_its_repr_has_no_blocked_word(words: BlockList) -> None:
    assert repr(words) == "BlockList('words', 'en', version='1.2', 3 phrases)"


def test_phrases_are_utf8_in_base64() -> None:
    assert decode_phrases([base64.b64encode("ça".encode()).decode()], "The record a") == ["ça"]


@pytest.mark.parametrize("encoded", [None, "c3BhbQ==", ["not base64!"], ["/w=="], [7]])
def test_anything_else_is_an_invalid_record(encoded: object) -> None:
    with pytest.raises(InvalidRecord, match="The record a should have"):
        decode_phrases(encoded, "The record a")
