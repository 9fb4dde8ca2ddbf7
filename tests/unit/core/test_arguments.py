"""Arguments in messages and as JSON. In a page some thousand levels of nesting in `repr` end Python itself."""

from __future__ import annotations

from collections import UserDict, UserList, deque
from collections.abc import Callable
from typing import Any

import pytest

from modelden.core.arguments import MAX_LEVELS, is_json, show

NESTS: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {"a": value},
    "mapping": lambda value: UserDict({"a": value}),
    "deque": lambda value: deque([value]),
    "sequence": lambda value: UserList([value]),
    "view": lambda value: {"a": value}.values(),
    "mixed": lambda value: [{"a": (value, value)}, value],
}


def nested(nest: Callable[[Any], Any], value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = nest(value)
    return value


@pytest.mark.parametrize("nest", [nest for name, nest in NESTS.items() if name != "mixed"])
def test_what_is_nested_deep_is_shown_by_its_type_alone(nest: Callable[[Any], Any]) -> None:
    value = nested(nest, 1, 300)

    assert show(value) == f"a value of type {type(value).__name__}"
    assert not is_json(value)


@pytest.mark.parametrize("nest", [NESTS["list"], NESTS["dict"]])
def test_a_value_of_few_levels_is_shown_and_is_json(nest: Callable[[Any], Any]) -> None:
    value = nested(nest, 1, MAX_LEVELS - 1)

    assert show(value) == f"{repr(value)[:77]}..."
    assert is_json(value)
    assert not is_json(nest(nest(value)))


def test_a_cycle_is_shown_and_is_no_json() -> None:
    value: list[Any] = [1]
    value += [value, value]

    assert show(value) == "a value of type list"
    assert not is_json(value)


def test_a_value_that_unfolds_to_a_very_long_text_is_shown_by_its_type() -> None:
    value = nested(NESTS["mixed"], 1, 40)

    assert show(value) == "a value of type list"
    assert not is_json(value)


def test_a_short_value_is_shown_whole() -> None:
    assert [show(value) for value in ("a", 1, None, [1, "b"], {"a": 1})] == ["'a'", "1", "None", "[1, 'b']", "{'a': 1}"]


class Unreadable(UserDict[str, Any]):
    """A mapping that fails when it is read."""

    def values(self) -> Any:
        raise KeyError("values")


def test_a_mapping_that_fails_is_shown_by_its_type_and_is_no_json() -> None:
    assert show(Unreadable(a=1)) == "a value of type Unreadable"
    assert not is_json(Unreadable(a=1))
