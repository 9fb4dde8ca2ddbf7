"""Fields, options, attributes, operators and protocols of the public classes, each with every odd value.

The calls of `test_calls` draw some of the odd values; here each meets each. Comparison and products with an array of
NumPy are NumPy's, which raises its own errors, and so is what it passes to ``__array__``.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import modelden
from modelden import ModelDenError, onnxruntime
from tests.odd_values import ODD as ODD_VALUES
from tests.unit.fuzz.world import INSTANCES, ODD, World

SHAPES: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda value: value,
    "in a list": lambda value: [value],
    "in a dict": lambda value: {"a": value},
}

TENSORS: dict[str, Callable[[], modelden.Tensor]] = {
    "numbers": lambda: modelden.Tensor(memoryview(bytes(16)), "float32", (2, 2)),
    "strings": lambda: modelden.Tensor(["a", "b"], "string", (2,)),
    "no numbers": lambda: modelden.Tensor(memoryview(b""), "float32", (0, 3)),
    "one number": lambda: modelden.Tensor(memoryview(bytes(8)).cast("q"), "int64", ()),
}

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "index": lambda tensor, value: tensor[value],
    "indices": lambda tensor, value: tensor[value, 0],
    "slice": lambda tensor, value: tensor[value:],
    "step": lambda tensor, value: tensor[::value],
    "equal": lambda tensor, value: tensor == value,
    "unequal": lambda tensor, value: tensor != value,
    "product": lambda tensor, value: tensor @ value,
    "product from the right": lambda tensor, value: value @ tensor,
    "contains": lambda tensor, value: value in tensor,
}

PYTHONS = (IndexError, TypeError)
"""Errors of Python's own protocols: an index out of range ends an iteration."""

ATTRIBUTES = [
    (kind, name)
    for kind in (onnxruntime.SessionOptions, onnxruntime.RunOptions)
    for name, member in sorted(vars(kind).items(), key=lambda item: item[0])
    if not name.startswith("_") and getattr(member, "fset", hasattr(member, "__set__"))
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("field", modelden.Configuration.__dataclass_fields__)
def test_a_field_of_the_configuration(field: str, shape: str) -> None:
    for make in ODD.values():
        with suppress(ModelDenError):
            repr(modelden.Configuration(**{field: SHAPES[shape](make())}))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("field", modelden.PipelineOptions.__dataclass_fields__)
def test_an_option_of_engines(world: World, field: str, shape: str) -> None:
    for make in ODD.values():
        with suppress(ModelDenError):
            world.run(modelden.create_engine(modelden.PipelineOptions(**{field: SHAPES[shape](make())})))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("tensor", TENSORS)
def test_an_operator_of_tensors(tensor: str, operation: str) -> None:
    for make in ODD_VALUES.values():
        with suppress(ModelDenError, *PYTHONS):
            OPERATIONS[operation](TENSORS[tensor](), make())


@pytest.mark.parametrize(("kind", "name"), ATTRIBUTES)
def test_an_attribute_of_the_options_of_onnxruntime(world: World, kind: Any, name: str) -> None:
    for make in ODD.values():
        with suppress(ModelDenError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = kind()
            setattr(options, name, make())
            repr(options)
            if kind is onnxruntime.SessionOptions:
                world.run(modelden.load_session("org/tiny", revision="v1.0", sess_options=options))
            else:
                world.run(world.run(world.session()).run_async(None, {}, options))


@pytest.mark.parametrize("name", INSTANCES)
def test_what_every_object_of_python_has(world: World, name: str) -> None:
    made = world.run(INSTANCES[name](world))

    assert repr(made)
    assert str(made)
    bool(made) if name != "Tensor" else None
    for member, value in inspect.getmembers(type(made)):
        if isinstance(value, property):
            with suppress(ModelDenError):
                getattr(made, member)
        if member.startswith("_repr_"):
            getattr(made, member)()
