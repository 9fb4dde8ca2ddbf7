"""Values on their way into a model: the conversions and the checks of onnxruntime's Python API. Pure.

An array has the type and the shape that the model declares. A list is converted to the type. Beyond onnxruntime an
array of 32-bit integers is taken for one of 64 bits, because those are the default integers of a 32-bit Python; and
numbers that NumPy lacks come in a wider type, as outputs do (``web/worker/composite_inputs.ts`` makes them narrow).
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Buffer, Iterable, Mapping, Sequence
from typing import Any

from modelden.core.arguments import show
from modelden.engine.onnx import NodeArg
from modelden.engine.onnx_errors import InvalidState, InvalidType, invalid_argument, status_error
from modelden.engine.tensor import FORMATS, STRING, Tensor, contiguous_view, dtype_of
from modelden.errors import InputError

ONNX_TYPES = {"float32": "float", "float64": "double"}
"""onnxruntime's names in types, where they differ from those of the data types."""

_DATA_TYPES = {name: dtype for dtype, name in ONNX_TYPES.items()}

_WIDENED = {"int32": "int64", "uint32": "uint64"}
"""Default integers of a 32-bit Python, with those that models declare."""

_NARROW = {
    **dict.fromkeys(("bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"), "float32"),
    "int4": "int8",
    "uint4": "uint8",
}
"""The types in which values come that NumPy has no type for."""

_NO_LIST = "Could not create tensor from given input list"

_FIX = "Please fix either the inputs/outputs or the model."


class FeedSignature:
    """The inputs of a model, and the types and shapes of the last feed: a feed like that one needs no other check.

    Attributes:
        inputs: The inputs.
    """

    def __init__(self, inputs: Sequence[NodeArg]) -> None:
        """Create a signature."""
        self.inputs = inputs
        self._last: dict[str, tuple[str, tuple[int, ...]]] = {}

    def prepare(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a feed as `prepare_feed` does; errors as those."""
        if type(feed) is dict and self._last and self._is_as_last(feed):
            return feed.copy()  # a failed run is repeated with it, whatever its caller has made of the dict
        prepared = prepare_feed(self.inputs, feed)
        is_taken = len(prepared) == len(feed) and all(prepared[name] is feed[name] for name in prepared)
        if is_taken and all(type(value) is Tensor for value in prepared.values()):
            self._last = {name: (value.dtype, value.shape) for name, value in prepared.items()}
        return prepared

    def _is_as_last(self, feed: dict[str, Any]) -> bool:
        last = self._last
        if len(feed) != len(last):
            return False
        for name, value in feed.items():
            if type(value) is not Tensor or last.get(name) != (value.dtype, value.shape):
                return False
        return True


def prepare_feed(inputs: Sequence[NodeArg], feed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a feed as tensors, or arrays, of the types that the inputs of a model have.

    Raises:
        InputError: For names, data types, ranks or lengths that do not fit, in onnxruntime's own words.
    """
    if not isinstance(feed, Mapping):
        raise InvalidType(f"input_feed: expected arrays by the names of inputs, got {show(feed)}.")
    nodes = {node.name: node for node in inputs}
    missing = [node.name for node in inputs if node.name not in feed and not node.type.startswith("optional")]
    if missing:
        raise InputError(f"Required inputs ({missing}) are missing from input feed ({list(feed)}).")
    prepared = {}
    for name, value in feed.items():
        if name not in nodes:
            raise invalid_argument(f"Invalid input name: {name}")
        node = nodes[name]
        if value is None and not node.type.startswith("optional"):
            raise status_error(1, f"Missing Input: {name}")
        if value is not None:
            prepared[name] = _prepare(node, value)
    return prepared


def check_outputs(outputs: Sequence[NodeArg], names: Sequence[str] | None) -> list[str]:
    """Return the names of the requested outputs; without ``names`` all.

    Raises:
        InputError: For an output that the model does not have.
    """
    existing = [node.name for node in outputs]
    if names is not None and not isinstance(names, list | tuple):
        raise InvalidType(f"output_names: expected a list of names or None, got {show(names)}.")
    for name in names or ():
        if not isinstance(name, str):
            raise InvalidType(f"output_names: expected a list of names, found {show(name)}.")
        if name not in existing:
            raise invalid_argument(f"Invalid output name:{name}")
    return list(names) if names else existing


def to_tensor(value: Any, name: str) -> Tensor:
    """Return an array or a buffer as a tensor over the same memory, where that is contiguous.

    Raises:
        InputError: If it is none.
    """
    if isinstance(value, Tensor):
        return value
    if is_array(value) and value.dtype.kind in "UTOSV":
        return Tensor([_text(item) for item in value.ravel().tolist()], STRING, tuple(value.shape))
    view = contiguous_view(_native(value), name)
    shape = tuple(value.shape) if is_array(value) else tuple(view.shape or ())
    dtype = dtype_of(view)
    return Tensor(memoryview(b"").cast(FORMATS[dtype]) if 0 in shape else view, dtype, shape)


def type_name(dtype: str) -> str:
    """Return the type of a tensor in onnxruntime's words: ``tensor(float)``."""
    return f"tensor({ONNX_TYPES.get(dtype, dtype)})"


def _prepare(node: NodeArg, value: Any) -> Any:
    expected = node.type[len("optional(") : -1] if node.type.startswith("optional(") else node.type
    is_sequence = expected.startswith("seq(tensor(")
    item_type = expected[len("seq(") : -1] if is_sequence else expected
    declared = item_type.removeprefix("tensor(").removesuffix(")")
    dtype = _NARROW.get(declared) or _DATA_TYPES.get(declared, declared)
    if not item_type.startswith("tensor(") or dtype not in (*FORMATS, STRING) or (is_sequence and declared in _NARROW):
        raise status_error(9, f"onnxruntime-web takes no {node.type}, which the input {node.name} is.")
    if is_sequence:
        return _sequence(node, value, dtype)
    tensor = _from_list(value, dtype) if isinstance(value, list) else _from_array(node.name, value, dtype)
    _check(node, type_name(tensor.dtype), type_name(dtype), tensor.shape)
    return tensor


def _sequence(node: NodeArg, value: Any, dtype: str) -> list[Tensor]:
    if not isinstance(value, list):
        _from_array(node.name, value, dtype)
        number = 5 if node.type.startswith("optional(") else 3
        raise invalid_argument(f"input with name: '{node.name}' expected to be of type: {number} but received a tensor")
    return [_item(node.name, item, dtype) for item in value]


def _item(name: str, value: Any, dtype: str) -> Tensor:
    """Return a tensor of a sequence. Beyond onnxruntime it may be a list, too."""
    if isinstance(value, list):
        return _from_list(value, dtype)
    if not (isinstance(value, Tensor | Buffer) or is_array(value)) or isinstance(value, bytes | bytearray):
        raise InvalidState("CreateSequenceOfTensors: Input is not a tensor")
    tensor = _from_array(name, value, dtype)
    if tensor.dtype != dtype:
        raise InvalidState(f"TensorSeq: tensor to be added has a different data type: {tensor.dtype}, not {dtype}.")
    return tensor


def _from_list(value: list[Any], dtype: str) -> Tensor:
    flat: list[Any] = []
    try:
        shape = _flatten(value, flat)
        if dtype == STRING:
            return Tensor([_text(item) for item in flat], STRING, shape)
        if dtype == "bool":
            flat = [bool(item) for item in flat]
        elif "float" not in dtype:
            flat = [int(item) for item in flat]
        kind = FORMATS[dtype]
        return Tensor(memoryview(struct.pack(f"={len(flat)}{kind}", *flat)).cast(kind), dtype, shape)
    except (ValueError, TypeError, OverflowError, struct.error, RecursionError) as error:
        raise InvalidState(_NO_LIST) from error


def _flatten(value: Any, flat: list[Any]) -> tuple[int, ...]:
    """Append the numbers of nested lists to ``flat``, and return their shape."""
    items = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, list | tuple):
        flat.append(items)
        return ()
    shapes = [_flatten(item, flat) for item in items]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("the lists have different lengths")
    return (len(items), *(shapes[0] if shapes else ()))


def _from_array(name: str, value: Any, dtype: str) -> Tensor:
    is_tensor = isinstance(value, Tensor | Buffer) or is_array(value)
    if isinstance(value, int | float | complex) or not (is_tensor or isinstance(value, Iterable)):
        raise InvalidState(f"Unable to handle object of type {type(value)}")
    if isinstance(value, bytes | bytearray) or not is_tensor:
        raise InvalidState(f"Input must be a list of dictionaries or a single numpy array for input '{name}'.")
    if is_array(value) and value.dtype.kind in "cMm":
        raise InvalidState(f"Numpy_type {value.dtype.num} can't be converted to MLDataType.")
    tensor = to_tensor(value, name)
    if _WIDENED.get(tensor.dtype) != dtype:
        return tensor
    wide = array(FORMATS[dtype], tensor.flat.tolist() if isinstance(tensor.flat, memoryview) else ())
    return Tensor(memoryview(wide), dtype, tensor.shape)


def _check(node: NodeArg, actual: str, expected: str, shape: tuple[int, ...]) -> None:
    error: InputError | None = None
    if actual != expected:
        error = invalid_argument(f"Unexpected input data type. Actual: ({actual}) , expected: ({expected})")
    elif node.shape and len(node.shape) != len(shape):
        text = f"Invalid rank for input: {node.name} Got: {len(shape)} Expected: {len(node.shape)} {_FIX}"
        error = invalid_argument(text)
    elif wrong := [
        f" index: {index} Got: {length} Expected: {wanted}\n"
        for index, (length, wanted) in enumerate(zip(shape, node.shape, strict=False))
        if isinstance(wanted, int) and wanted >= 0 and length != wanted
    ]:
        text = f"Got invalid dimensions for input: {node.name} for the following indices\n{''.join(wrong)} {_FIX}"
        error = invalid_argument(text)
    if error is not None:
        error.add_note(f"The input is {node.name}: {node.type}, of the shape {node.shape}; the value is of {shape}.")
        raise error


def is_array(value: Any) -> bool:
    """Recognise a NumPy array or one of its numbers, without NumPy."""
    return hasattr(type(value), "__array_interface__") and hasattr(type(value), "dtype")


def _native(value: Any) -> Any:
    """Return an array in the byte order of the machine."""
    if is_array(value) and value.dtype.byteorder == ">":
        return value.astype(value.dtype.newbyteorder("="))
    return value


def _text(value: Any) -> str:
    """Return an item of an array of texts, of bytes or of objects, as onnxruntime takes it."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"An array of bytes has to hold UTF-8: {error}.") from error
    try:
        return value if isinstance(value, str) else str(value)
    except Exception as error:  # a caller's own `__str__`
        raise InputError("An array of objects has to hold texts.") from error
