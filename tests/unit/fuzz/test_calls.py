"""Every public call of the package, with odd arguments: it returns, or raises a `ModelDenError`.

The calls come from `modelden.__all__` and `modelden.onnxruntime.__all__`, so that a new one is fuzzed too. `TypeError`
is for arguments that do not fit the signature, as for any function of Python.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from contextlib import suppress
from random import Random
from typing import Any

import pytest

import modelden
from modelden import ModelDenError, default_context, onnxruntime
from tests.odd_calls import RESULTS, TARGETS, call_through, draw_arguments, public
from tests.unit.fuzz.world import INSTANCES, ODD, World

EXAMPLES = 40
"""Calls of each function. They are the same in each run."""


def test_every_class_can_be_made_or_is_a_result() -> None:
    names = {name for module in (modelden, onnxruntime) for name in module.__all__}
    classes = {name for name in names if inspect.isclass(public(name)) and not issubclass(public(name), Exception)}

    assert classes - RESULTS == set(INSTANCES)


@pytest.mark.parametrize(("owner", "name"), TARGETS)
def test_a_call_returns_or_says_what_is_wrong(
    world: World, owner: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    context = default_context.page.context

    for example in range(EXAMPLES):
        random = Random(f"{owner} {name} {example}")  # noqa: S311  it keeps no secret
        default_context.page.context = context
        call = public(name) if not owner else getattr(world.run(INSTANCES[owner](world)), name)
        drawn: dict[str, str] = {}
        args, options = draw_arguments(random, call, owner, ODD, drawn)
        try:
            inspect.signature(call).bind(*args, **options)
        except TypeError:
            continue
        try:
            _check(world, call, args, options)
        except BaseException as error:
            error.add_note(f"Example {example} of {owner} {name}, odd arguments by their names in `ODD`: {drawn}")
            raise


def _check(world: World, call: Any, args: list[Any], options: dict[str, Any]) -> None:
    with suppress(ModelDenError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world.run(call_through(call, args, options))
