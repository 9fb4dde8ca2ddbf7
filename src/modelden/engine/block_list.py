"""A list of words and phrases that a text must not have, as Firefox matches them. Pure.

Source: Firefox ``Utils.sys.mjs`` (``BlockListManager``). Phrases are matched as they are
written: callers lower the case of their texts, as the lists have it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from itertools import accumulate

from modelden.core.arguments import check_text
from modelden.errors import InvalidRecord


class BlockList:
    """The phrases of one list and language.

    Attributes:
        name: The name of the list.
        language: Its language, a BCP 47 tag.
        version: Version of its record.
        phrases: The blocked words and phrases.
    """

    __module__ = "modelden"

    def __init__(
        self, name: str, language: str, version: str, phrases: Sequence[str], segment: Callable[[str], Sequence[str]]
    ) -> None:
        """Create a list; `modelden.words_block_list` reads one from Remote Settings.

        Args:
            name: The name of the list.
            language: Its language.
            version: Version of its record.
            phrases: The blocked words and phrases.
            segment: Splits a text into words and what is between them.
        """
        self.name, self.language, self.version = name, language, version
        self.phrases = frozenset(phrases)
        self._lengths = sorted({len(phrase) for phrase in self.phrases} - {0})
        self._segment = segment

    def __repr__(self) -> str:
        """Return name, language, version and size."""
        return f"BlockList({self.name!r}, {self.language!r}, version={self.version!r}, {len(self.phrases)} phrases)"

    def matches(self, text: str) -> bool:
        """Tell whether a text has a blocked phrase between two borders of words (``matchAtWordBoundary``).

        Args:
            text: The text, in the list's case.

        Raises:
            InputError: If it is no text.
        """
        borders = {0, *accumulate(map(len, self._segment(check_text("text", text))))}
        return any(
            start + length in borders and text[start : start + length] in self.phrases
            for start in borders
            for length in self._lengths
        )

    def matches_anywhere(self, text: str) -> bool:
        """Tell whether a text has a blocked phrase anywhere, also within a word (``matchAnywhere``).

        Args:
            text: The text, in the list's case.

        Raises:
            InputError: If it is no text.
        """
        check_text("text", text)
        return any(
            text[start : start + length] in self.phrases for start in range(len(text)) for length in self._lengths
        )


def decode_phrases(encoded: object, record: str) -> list[str]:
    """Return the phrases of a record's ``blockList``, which are UTF-8 in base64.

    Raises:
        InvalidRecord: If it is not a list of such texts.
    """
    if not isinstance(encoded, list):
        raise InvalidRecord(f"{record} should have a list as blockList, but has {type(encoded).__name__}.")
    try:
        return [base64.b64decode(phrase, validate=True).decode() for phrase in encoded]
    except (TypeError, ValueError, binascii.Error) as error:
        raise InvalidRecord(f"{record} should have base64 of UTF-8 in its blockList ({error}).") from error
