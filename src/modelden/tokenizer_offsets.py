"""Offsets of tokens in their text, found by following the text as the tokenizer reads it. Pure.

transformers.js has no offsets. For three families they follow from the tokens: byte-level BPE (GPT-2), WordPiece
(BERT) and pieces with ``▁`` for spaces (T5, Llama). A text that cannot be followed to its end has none. The rules are
those of the package ``tokenizers``: ranges of characters, the added ``▁`` has that of the first character, and bytes
have that of theirs (``processors/byte_level.rs``, ``process_offsets``, for ``trim_offsets``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

type Offsets = tuple[tuple[int, int], ...]
"""Begin and end of each token, in characters."""

SPACE = "\u2581"
"""The sign for a space in pieces."""

type Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
"""A form of Unicode."""

_FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
_HARMLESS = ("Precompiled", "Replace", "Prepend")
"""Normalizers of pieces that change spaces, and characters much as NFKC does; what they change else is not followed."""


_UNKNOWN = "\0"
"""No token has it, so that the text is not followed further."""


class _Symbol(NamedTuple):
    """A character or byte as the tokenizer reads it, with its range in the text.

    Attributes:
        text: The character; of a byte its sign in GPT-2's alphabet.
        begin: Begin of its range.
        end: End of its range.
        word: The number of its word; tokens do not cross words of WordPiece.
    """

    text: str
    begin: int
    end: int
    word: int = 0


class OffsetRules(NamedTuple):
    """The rules by which a tokenizer reads a text.

    Attributes:
        family: ``bytes``, ``words`` or ``pieces``.
        form: The Unicode form of the text; None for none.
        lowercase: Words are in lower case.
        strips_accents: Words lose their accents.
        adds_space: A space is put before a text without.
        trims: Ranges of tokens leave out spaces around them (``trim_offsets``).
    """

    family: str
    form: Form | None = None
    lowercase: bool = False
    strips_accents: bool = False
    adds_space: bool = False
    trims: bool = False

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> OffsetRules | None:
        """Read the parts of a ``tokenizer.json`` (``web/worker/tokenizer.ts``); None for other families."""
        normalizers, readers, processors = (
            _by_type(parts.get(name)) for name in ("normalizers", "readers", "processors")
        )
        form = next((form for form in _FORMS if form in normalizers), None)
        others = set(normalizers) - set(_FORMS)
        if "ByteLevel" in readers and not others:
            processor = processors.get("ByteLevel") or processors.get("RobertaProcessing") or {}
            adds_space = bool(readers["ByteLevel"].get("add_prefix_space"))
            return cls("bytes", form, adds_space=adds_space, trims=bool(processor.get("trim_offsets")))
        if "BertPreTokenizer" in readers and others <= {"BertNormalizer"}:
            bert = normalizers.get("BertNormalizer", {})
            lowercase = bool(bert.get("lowercase"))
            accents = bert.get("strip_accents")
            return cls("words", form, lowercase, lowercase if accents is None else bool(accents))
        if ("Metaspace" in readers or "Prepend" in normalizers) and others <= set(_HARMLESS):
            return cls("pieces", form or ("NFKC" if "Precompiled" in normalizers else None), adds_space=True)
        return None


def offsets_of(text: str, tokens: Sequence[str], special: Sequence[bool], rules: OffsetRules) -> Offsets | None:
    """Return the ranges of a text's tokens; None if the text cannot be followed.

    Args:
        text: The text.
        tokens: Its tokens, without those that a template adds.
        special: Whether each token is a special one, which stands in the text as it is.
        rules: The rules of the tokenizer.
    """
    symbols = list(_symbols(text, rules))
    if rules.adds_space and symbols and not symbols[0].text.isspace() and symbols[0].text not in (SPACE, "\u0120"):
        sign = SPACE if rules.family == "pieces" else "\u0120"
        symbols.insert(0, _Symbol(sign, symbols[0].begin, symbols[0].end))
    ranges, position = [], 0
    for token, is_special in zip(tokens, special, strict=True):
        if (
            is_special
            and (begin := text.find(token, symbols[position].begin if position < len(symbols) else len(text))) >= 0
        ):
            found: tuple[int, int] | None = (begin, begin + len(token))
            position = next(
                (index for index, each in enumerate(symbols) if each.begin >= begin + len(token)), len(symbols)
            )
        else:
            found, position = _follow(symbols, position, token, rules)
        if found is None:
            return None
        ranges.append(_trimmed(token, found, rules) if rules.trims and not is_special else found)
    rest = symbols[position:]
    return None if any(symbol.text not in (SPACE, " ") for symbol in rest) else tuple(ranges)


def _follow(
    symbols: Sequence[_Symbol], position: int, token: str, rules: OffsetRules
) -> tuple[tuple[int, int] | None, int]:
    """Return the range of a token from a position on, and the next position."""
    if rules.family == "words":
        return _follow_word(symbols, position, token)
    while rules.family == "pieces" and position < len(symbols) and symbols[position].text == SPACE != token[:1]:
        position += 1  # a space that the normalizer left out
    end = position + len(token)
    if not token or "".join(symbol.text for symbol in symbols[position:end]) != token:
        return None, position
    return (symbols[position].begin, symbols[end - 1].end), end


def _follow_word(symbols: Sequence[_Symbol], position: int, token: str) -> tuple[tuple[int, int] | None, int]:
    if position >= len(symbols):
        return None, position
    word = symbols[position].word
    is_first = position == 0 or symbols[position - 1].word != word
    surface = token if is_first else token.removeprefix("##")
    end = position + len(surface)
    if "".join(symbol.text for symbol in symbols[position:end]) != surface:
        if not is_first:
            return None, position
        end = next((index for index in range(position, len(symbols)) if symbols[index].word != word), len(symbols))
    return (symbols[position].begin, symbols[end - 1].end), end


def _symbols(text: str, rules: OffsetRules) -> Iterator[_Symbol]:
    if rules.family == "words":
        yield from _word_symbols(text, rules)
        return
    for char, place in _normalized(text, rules.form):
        signs = [_BYTE_SIGNS[byte] for byte in char.encode()] if rules.family == "bytes" else [char.replace(" ", SPACE)]
        yield from (_Symbol(sign, place, place + 1) for sign in signs)


def _normalized(text: str, form: Form | None) -> Iterator[tuple[str, int]]:
    """Return the characters of a text in a Unicode form, each with the place that it comes from.

    A character with its marks is normalized as a whole. What it becomes has the places of what was there, in order.
    """
    if form is None:
        yield from ((char, index) for index, char in enumerate(text))
        return
    begin = 0
    while begin < len(text):
        end = begin + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        read = unicodedata.normalize(form, text[begin:end])
        if 1 < len(read) < end - begin:  # several marks, some of them composed: the places are not known
            yield _UNKNOWN, begin
        else:
            yield from ((char, min(begin + index, end - 1)) for index, char in enumerate(read))
        begin = end


def _word_symbols(text: str, rules: OffsetRules) -> Iterator[_Symbol]:
    """Return what BERT's normalizer and pre-tokenizer leave of a text."""
    word, is_joined = 0, False
    for index, char in enumerate(text):
        category = unicodedata.category(char)
        if char.isspace():
            is_joined = False
            continue
        if char in "\0\ufffd" or category.startswith("C"):
            continue
        read = unicodedata.normalize("NFD", char) if rules.strips_accents else char
        read = "".join(each for each in read if not rules.strips_accents or unicodedata.category(each) != "Mn")
        is_alone = category.startswith("P") or (char.isascii() and not char.isalnum()) or _is_chinese(char)
        word += not is_joined or is_alone
        is_joined = not is_alone
        yield from (_Symbol(each, index, index + 1, word) for each in (read.lower() if rules.lowercase else read))


def _is_chinese(char: str) -> bool:
    return any(low <= ord(char) <= high for low, high in _CHINESE)


_CHINESE = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)),
    *((0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
"""Ranges of characters that are words of their own (``normalizers/bert.rs``)."""


def _trimmed(token: str, found: tuple[int, int], rules: OffsetRules) -> tuple[int, int]:
    begin, end = found
    leading = len(token) - len(token.lstrip("\u0120"))
    trailing = len(token) - len(token.rstrip("\u0120"))
    if leading and begin == 0 and rules.adds_space:
        leading -= 1
    begin = min(begin + leading, end)
    return begin, max(end - trailing, begin) if end >= trailing else end


def _by_type(parts: Any) -> dict[str, Mapping[str, Any]]:
    return {str(part.get("type")): part for part in parts or () if isinstance(part, Mapping)}


def _byte_signs() -> tuple[str, ...]:
    """Return GPT-2's sign for each byte (``bytes_to_unicode``)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in printable else next(others)) for byte in range(256))


_BYTE_SIGNS = _byte_signs()
"""GPT-2's sign for each byte."""
