"""The contract of `modelden.onnxruntime`: the same calls give the same results as onnxruntime itself on CPython.

Pushed into the page as it is, so it imports nothing but the standard library: who runs it gives the module, the
models, what makes an array there (NumPy's, or `modelden.Tensor`), and what skips every second item of one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass
class Subject:
    """onnxruntime, whose ever."""

    ort: Any
    models: dict[str, bytes]
    array: Callable[[str, tuple[int, ...], list[Any]], Any]
    every_second: Callable[[Any], Any]
    float32: Any = "float32"

    def session(self, model: str, **options: Any) -> Any:
        """Open a model."""
        return self.ort.InferenceSession(self.models[model], providers=["CPUExecutionProvider"], **options)


Case = Callable[[Subject], Awaitable[None]]

VALUES: dict[str, list[Any]] = {
    "bool": [True, False, True],
    "float16": [0.5, -2.0, math.inf],
    "float32": [0.1, -0.0, math.inf],
    "float64": [0.1, 1e300, -math.inf],
    "int8": [-128, 0, 127],
    "int16": [-32768, 0, 32767],
    "int32": [-(2**31), 0, 2**31 - 1],
    "int64": [-(2**63), 2**53 + 1, 2**63 - 1],
    "uint8": [0, 1, 255],
    "uint16": [0, 1, 65535],
    "uint32": [0, 1, 2**32 - 1],
    "uint64": [0, 2**53 + 1, 2**64 - 1],
    "string": ["", "Züge 🚆", "a\0b"[:1]],
}


async def every_data_type_comes_back_as_it_went(subject: Subject) -> None:
    session = subject.session("identities")
    given = {dtype: subject.array(dtype, (3, 1), values) for dtype, values in VALUES.items()}
    results = session.run([f"{dtype}-out" for dtype in VALUES], given)
    for (dtype, value), y in zip(given.items(), results, strict=True):
        assert (str(y.dtype).replace("object", "string"), tuple(y.shape)) == (dtype, (3, 1)), dtype
        assert y.tolist() == value.tolist(), dtype


async def empty_and_scalar_tensors_keep_their_shape(subject: Subject) -> None:
    session = subject.session("identity")
    for shape, values in (((0,), []), ((2, 0), []), ((0, 3), []), ((), [1.5])):
        [y] = session.run(None, {"x": subject.array("float32", shape, values)})
        assert tuple(y.shape) == shape
        assert y.tolist() == subject.array("float32", shape, values).tolist()


async def arrays_with_gaps_are_taken(subject: Subject) -> None:
    x = subject.every_second(subject.array("float32", (4,), [1, 2, 3, 4]))
    [y] = subject.session("identity").run(None, {"x": x})
    assert y.tolist() == [1.0, 3.0]


async def inputs_and_outputs_are_described(subject: Subject) -> None:
    session = subject.session("add")
    inputs = [(each.name, each.type, list(each.shape)) for each in session.get_inputs()]
    outputs = [(each.name, each.type, list(each.shape)) for each in session.get_outputs()]
    assert inputs == [("a", "tensor(float)", ["batch", 2]), ("b", "tensor(float)", ["batch", 2])]
    assert outputs == [("sum", "tensor(float)", ["batch", 2]), ("difference", "tensor(float)", ["batch", 2])]
    assert session.get_providers() == ["CPUExecutionProvider"]
    meta = session.get_modelmeta()
    assert (meta.producer_name, meta.graph_name, meta.description, meta.version) == ("modelden", "add", "adds", 7)
    assert meta.custom_metadata_map == {"author": "nobody", "empty": ""}


async def outputs_come_in_the_order_of_their_names(subject: Subject) -> None:
    session = subject.session("add")
    feed = {"a": subject.array("float32", (1, 2), [1, 2]), "b": subject.array("float32", (1, 2), [10, 20])}
    both = [each.tolist() for each in session.run(None, feed)]
    assert both == [[[11.0, 22.0]], [[-9.0, -18.0]]]
    assert [each.tolist() for each in session.run([], feed)] == both
    assert [each.tolist() for each in session.run(["difference", "sum"], feed)] == both[::-1]
    assert [each.tolist() for each in session.run(["sum"], feed, None)] == both[:1]


async def async_runs_call_back(subject: Subject) -> None:
    session = subject.session("add")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def callback(outputs: Any, user_data: Any, error: str) -> None:
        result = ([each.tolist() for each in outputs], user_data, error)
        loop.call_soon_threadsafe(done.set_result, result)

    feed = {"a": subject.array("float32", (1, 2), [1, 2]), "b": subject.array("float32", (1, 2), [1, 1])}
    session.run_async(["sum"], feed, callback, "mine")
    assert await done == ([[[2.0, 3.0]]], "mine", "")


async def wrong_inputs_are_refused_in_words(subject: Subject) -> None:
    session = subject.session("add")
    good = subject.array("float32", (1, 2), [1, 2])
    wide = subject.array("float32", (1, 3), [1, 2, 3])
    flat = subject.array("float32", (2,), [1, 2])
    ints = subject.array("int64", (1, 2), [1, 2])
    for feed, words in (
        ({"a": good}, "Required inputs (['b']) are missing from input feed (['a'])"),
        ({"a": good, "b": good, "c": good}, "Invalid input name: c"),
        ({"a": good, "b": ints}, "Actual: (tensor(int64)) , expected: (tensor(float))"),
        ({"a": good, "b": flat}, "Got: 1 Expected: 2"),
        ({"a": good, "b": wide}, "Got: 3 Expected: 2"),
    ):
        _refused(partial(session.run, None, feed), words)
    _refused(lambda: session.run(["nothing"], {"a": good, "b": good}), "nothing")
    assert len(session.run(None, {"a": good, "b": good})) == 2


async def what_is_no_model_is_refused(subject: Subject) -> None:
    model = subject.models["add"]
    for damaged in (b"<html>a proxy says hello</html>", model[: len(model) // 2], b"\x08\x09"):
        _refused(partial(subject.ort.InferenceSession, damaged), "")


async def external_data_comes_from_memory(subject: Subject) -> None:
    options = subject.ort.SessionOptions()
    weights = subject.models["weights.bin"]
    options.add_external_initializers_from_files_in_memory(["weights.bin"], [weights], [len(weights)])
    session = subject.ort.InferenceSession(subject.models["external"], options)
    [y] = session.run(None, {"x": subject.array("float32", (2,), [1, 2])})
    assert y.tolist() == [11.0, 22.0]
    _refused(lambda: subject.ort.InferenceSession(subject.models["external"]), "weights.bin")


async def options_are_taken(subject: Subject) -> None:
    options = subject.ort.SessionOptions()
    options.graph_optimization_level = subject.ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_mode = subject.ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = False
    options.intra_op_num_threads = 1
    options.add_free_dimension_override_by_name("batch", 1)
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    assert options.get_session_config_entry("session.set_denormal_as_zero") == "1"
    session = subject.ort.InferenceSession(subject.models["add"], sess_options=options)
    good = subject.array("float32", (1, 2), [1, 2])
    assert len(session.run(None, {"a": good, "b": good})) == 2


def _refused(call: Callable[[], Any], words: str) -> None:
    said = ""
    try:
        call()
    except Exception as error:  # noqa: BLE001  onnxruntime's own classes and ours have nothing in common
        said = f"{type(error).__name__}: {error}"
    assert said, f"not refused: {words}"
    assert not said.startswith(("TypeError", "AttributeError")), said
    assert words in said, said


CASES: list[Case] = [
    every_data_type_comes_back_as_it_went,
    empty_and_scalar_tensors_keep_their_shape,
    arrays_with_gaps_are_taken,
    inputs_and_outputs_are_described,
    outputs_come_in_the_order_of_their_names,
    async_runs_call_back,
    wrong_inputs_are_refused_in_words,
    what_is_no_model_is_refused,
    external_data_comes_from_memory,
    options_are_taken,
]
