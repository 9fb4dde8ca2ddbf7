"""The options of a chat, checked before a worker gets them. Pure.

The names are those of ``generate`` in Hugging Face's transformers (``GenerationConfig``). Only options with an effect
are taken: transformers.js ignores ``top_p`` and ``stop_strings``, which ``web/worker/chat.ts`` implements.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from operator import index
from typing import Any, NamedTuple

from modelden.core.argument_checks import check_text_list
from modelden.core.arguments import check_flag, check_optional_text, check_text, show
from modelden.errors import InputError

DEFAULT_NEW_TOKENS = 256
"""Tokens of an answer if the caller names no number; transformers.js' for its pipeline."""

LARGEST_SEED = 2**32 - 1
"""Largest seed."""

OVERFLOWS = ("error", "drop_oldest")
"""Reactions to a chat that does not fit into the model's context."""

_SAMPLING = {"do_sample": "doSample", "seed": "seed", "temperature": "temperature", "top_k": "topK", "top_p": "topP"}
"""Options of sampling, by their names in ``SamplingOptions`` (``web/worker/chat_protocol.ts``)."""

_GENERATION = ("min_new_tokens", "no_repeat_ngram_size", "repetition_penalty")
"""Options that transformers.js' ``generate`` takes under these names."""


def _integer(smallest: int, largest: int = 10**9) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        try:
            number = -1 if isinstance(value, bool) else index(value)
        except Exception:  # noqa: BLE001  no number, or a caller's own `__index__`
            number = -1
        if not smallest <= number <= largest:
            raise InputError(f"{name}: expected a whole number from {smallest} to {largest}, got {show(value)}.")
        return number

    return check


def _number(is_valid: Callable[[float], bool], expected: str) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not -sys.float_info.max <= value <= sys.float_info.max or not is_valid(value):
            raise InputError(f"{name}: expected {expected}, got {show(value)}.")
        return float(value)

    return check


def _strings(name: str, value: Any) -> list[str]:
    strings = [check_text(name, value)] if isinstance(value, str) else check_text_list(name, value)
    if not all(strings):
        raise InputError(f"{name}: expected texts that are not empty, got {show(value)}.")
    return strings


def _overflow(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in OVERFLOWS:
        raise InputError(f"{name}: expected one of {', '.join(OVERFLOWS)}, got {show(value)}.")
    return value


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "max_new_tokens": _integer(1),
    "min_new_tokens": _integer(0),
    "stop_strings": _strings,
    "seed": _integer(0, LARGEST_SEED),
    "do_sample": check_flag,
    "temperature": _number(lambda value: value >= 0, "a number that is 0 (the likeliest token each time) or more"),
    "top_k": _integer(0),
    "top_p": _number(lambda value: 0 < value <= 1, "a number above 0, at most 1"),
    "repetition_penalty": _number(lambda value: value > 0, "a number above 0"),
    "no_repeat_ngram_size": _integer(0),
    "chat_template": check_optional_text,
    "overflow": _overflow,
}
"""The check of each option."""


class ChatOptions(NamedTuple):
    """Checked options of a chat.

    Attributes:
        values: The options that were named, by name.
    """

    values: Mapping[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ChatOptions:
        """Check options; None leaves one to the model.

        Raises:
            InputError: For an option that a chat does not have, or a value that is not valid.
        """
        return cls({}).updated(options)

    def updated(self, options: Mapping[str, Any]) -> ChatOptions:
        """Return these options updated with others; None takes one back; errors as `of`."""
        values = dict(self.values)
        for name, value in options.items():
            if name not in _CHECKS:
                raise InputError(_unknown(name))
            if value is None:
                values.pop(name, None)
            else:
                values[name] = _CHECKS[name](name, value)
        largest = values.get("max_new_tokens", DEFAULT_NEW_TOKENS)
        if values.get("min_new_tokens", 0) > largest:
            raise InputError(
                f"min_new_tokens: expected at most max_new_tokens ({largest}), got {values['min_new_tokens']}."
            )
        return ChatOptions(values)

    @property
    def max_new_tokens(self) -> int:
        """The largest number of tokens of an answer."""
        return int(self.values.get("max_new_tokens", DEFAULT_NEW_TOKENS))

    @property
    def drops_oldest(self) -> bool:
        """True if the oldest turn is dropped where a chat does not fit."""
        return bool(self.values.get("overflow") == "drop_oldest")

    def to_message(self) -> dict[str, Any]:
        """Return the ``ChatOptions`` of ``web/worker/chat_protocol.ts``."""
        sampling = {wire: self.values[name] for name, wire in _SAMPLING.items() if name in self.values}
        if sampling:  # who names a temperature or a seed wants it to have an effect
            sampling = {"doSample": True, "seed": None, **sampling}
        return {
            "maxNewTokens": self.max_new_tokens,
            "stopStrings": self.values.get("stop_strings", []),
            "chatTemplate": self.values.get("chat_template"),
            "sampling": sampling or None,
            "generation": {name: self.values[name] for name in _GENERATION if name in self.values},
        }


def _unknown(name: str) -> str:
    import difflib  # slow to import, and only for this message

    longer = [each for each in _CHECKS if each.startswith(f"{name}_")]
    near = longer or difflib.get_close_matches(str(name), _CHECKS, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(sorted(_CHECKS))}."
    return f"A chat has no option {show(name)}. {hint}"
