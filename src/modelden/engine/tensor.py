"""Tensors, the arrays that models return: shape, data type and one buffer, which NumPy adopts without a copy."""

from __future__ import annotations

import math
import operator
import struct
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from modelden.core.arguments import check_text, show
from modelden.errors import InputError

if TYPE_CHECKING:
    import numpy as np

FORMATS: dict[str, Any] = {
    "bool": "?",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}
"""`struct` formats by onnxruntime's names of data types."""

_NATIVE = frozenset("?efdbhilqnBHILQN")
"""Formats of all numbers that a tensor can have."""

STRING = "string"
"""The data type of strings, which have no buffer."""


def contiguous_view(data: Any, name: str = "an argument") -> memoryview:
    """Return the buffer of an array, contiguous, aligned and in a format of the machine; a copy of any other array.

    Raises:
        InputError: If it has no buffer, or one of another data type.
    """
    if type(data).__name__ == "MaskedArray":
        raise InputError(f"{name} is a masked array, whose mask no tensor has: fill it first.")
    try:
        view = memoryview(data)
        # A "=" or "<" stands for an array that is not aligned, or of ctypes; WASM and its browsers are little-endian.
        kind = view.format.lstrip("@=<" if sys.byteorder == "little" else "@")
        if view.c_contiguous and kind == view.format:
            return view
        if kind not in _NATIVE:
            raise InputError(_no_tensor(view.format))
        flat: Any = memoryview(view.tobytes())
        copy: memoryview = flat.cast(kind) if 0 in (view.shape or ()) else flat.cast(kind, view.shape)
    except (TypeError, ValueError, BufferError, NotImplementedError) as error:
        class_name = type(data).__name__
        raise InputError(
            f"{name} has to be a tensor: a NumPy array or a modelden.Tensor, not {class_name} ({error})."
        ) from error
    return copy


def _no_tensor(kind: str) -> str:
    return f"no tensor has the format {kind!r}; the data types are {', '.join((*FORMATS, STRING))}."


def dtype_of(view: memoryview) -> str:
    """Return onnxruntime's name for the data type of a buffer.

    Raises:
        InputError: If it has none: structures, characters, bytes in the other order.
    """
    kind, size = view.format.lstrip("@"), view.itemsize
    if kind == "?":
        return "bool"
    if kind in ("e", "f", "d"):
        return f"float{size * 8}"
    if len(kind) == 1 and kind in "bhilqn":  # the sizes of these types differ between machines
        return f"int{size * 8}"
    if len(kind) == 1 and kind in "BHILQN":
        return f"uint{size * 8}"
    raise InputError(_no_tensor(view.format))


class Tensor:
    """An array of numbers or strings, row-major, in Python's memory.

    Indices, slices, iteration, ``==`` and ``@`` are as NumPy's. `memoryview` and `numpy.asarray` share its buffer;
    `tolist` returns nested lists. Strings have no buffer, and a `memoryview` cannot have an empty dimension beside
    others.
    """

    __module__ = "modelden"

    __slots__ = ("_buffer", "dtype", "shape")

    shape: tuple[int, ...]
    """Lengths of the dimensions."""
    dtype: str
    """The data type, in onnxruntime's names: ``float32``, ``int64``, ``string``, ..."""

    def __init__(self, buffer: memoryview | list[str], dtype: str, shape: tuple[int, ...]) -> None:
        """Adopt ``buffer``.

        Args:
            buffer: The numbers, row-major, contiguous; or a flat list of strings.
            dtype: Their data type.
            shape: Lengths of the dimensions.

        Raises:
            InputError: If the buffer's size is not that of the shape, or the data type has no Python format.
        """
        flat: memoryview | list[str]
        shape = _checked_shape(shape)
        if isinstance(buffer, list):
            dtype, flat = STRING, buffer
            if not all(isinstance(item, str) for item in buffer):
                raise InputError("a list in a tensor is one of strings; numbers come in a buffer, such as array.array.")
        elif check_text("dtype", dtype) not in FORMATS:
            raise InputError(f"no buffer format for the data type {show(dtype)}; there are {', '.join(FORMATS)}.")
        else:
            flat = _flat(buffer, dtype)
        if len(flat) != math.prod(shape):
            raise InputError(f"{len(flat)} numbers do not fill the shape {shape}.")
        self._buffer = flat
        self.dtype = dtype
        self.shape = shape

    @property
    def flat(self) -> memoryview | list[str]:
        """All numbers, or strings, in one dimension."""
        return self._buffer

    def __buffer__(self, flags: int) -> memoryview:
        """Return the buffer in its shape (PEP 688)."""
        if isinstance(self._buffer, list):
            raise BufferError("strings have no buffer; tolist() and numpy.asarray give them")  # noqa: TRY004  PEP 688's
        if self.shape == (0,):
            return self._buffer
        if 0 in self.shape:  # without its dimensions it would lose its shape; NumPy calls __array__ then
            raise BufferError(f"memoryview knows no empty dimensions such as those of {self.shape}")
        shaped: memoryview = self._buffer.cast("B").cast(FORMATS[self.dtype], self.shape)
        return shaped

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:  # noqa: FBT001  NumPy's
        """Return a NumPy array over the same memory."""
        import numpy as np

        if isinstance(self._buffer, list):
            array = np.array(self._buffer, dtype=object).reshape(self.shape)
        else:
            array = np.frombuffer(self._buffer, self.dtype).reshape(self.shape)
        return np.array(array, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        """Return the length of the first dimension."""
        if not self.shape:
            raise TypeError("a tensor without dimensions has no length")
        return self.shape[0]

    def tolist(self) -> Any:
        """Return the numbers as nested lists, or one number if there are no dimensions."""
        flat = self._buffer if isinstance(self._buffer, list) else self._buffer.tolist()
        return _nest(flat, self.shape)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the first dimension: over tensors, or numbers."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Return an item, or a part as NumPy's basic indexing has it: ``[0]``, ``[:, -1]``, ``[..., ::2]``."""
        from modelden.engine.tensor_selection import select

        selected = select(self._buffer, self.shape, key)
        return Tensor(selected[0], self.dtype, selected[1]) if isinstance(selected, tuple) else selected

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # as NumPy's arrays
        """Compare item by item, with an array of the same shape or with one value."""
        return self._compared(other, operator.eq)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # as NumPy's arrays
        """Compare item by item, with an array of the same shape or with one value."""
        return self._compared(other, operator.ne)

    __hash__ = None  # type: ignore[assignment]  # unhashable, as Python documents it

    def __bool__(self) -> bool:
        """Return the truth of a single item.

        Raises:
            InputError: If there are none or several: ``all(tensor.flat)`` and ``any(tensor.flat)`` have an answer.
        """
        if len(self._buffer) != 1:
            raise InputError(f"{len(self._buffer)} items have no truth of their own: use all(tensor.flat) or any(...).")
        return bool(self._buffer[0])

    def __matmul__(self, other: Any) -> Any:
        """Return the matrix product with a tensor or array; a number for two vectors."""
        return _product(self, as_tensor(other))

    def __rmatmul__(self, other: Any) -> Any:
        """Return the matrix product of an array and this tensor."""
        return _product(as_tensor(other), self)

    @property
    def T(self) -> Tensor:  # noqa: N802  NumPy's
        """The tensor with its dimensions in the opposite order, as a copy."""
        if len(self.shape) < 2:
            return self
        columns = [self[..., column] for column in range(self.shape[-1])]
        parts = [column.T.flat for column in columns]
        shape = self.shape[::-1]
        if isinstance(self._buffer, list):
            return Tensor([item for part in parts for item in part], STRING, shape)
        return Tensor(memoryview(b"".join(parts)), self.dtype, shape)

    def __repr__(self) -> str:
        """Return the numbers as NumPy prints them, the first and the last ones of many, with shape and data type."""
        from modelden.display.array_text import array_text

        return (
            f"Tensor({array_text(self._buffer, self.shape, self.dtype, 7)}, shape={self.shape}, dtype={self.dtype!r})"
        )

    def _compared(self, other: object, operation: Callable[[Any, Any], bool]) -> Tensor:
        from modelden.engine.tensor_arithmetic import compare

        is_scalar = other is None or isinstance(other, str | int | float)
        truth = compare(_operand(self), other if is_scalar else _operand(as_tensor(other)), operation)
        return Tensor(memoryview(truth), "bool", self.shape)


def adopt(flat: memoryview, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor without the checks of its constructor, which take as long as a run of a small model.

    Args:
        flat: As many numbers as ``shape`` says, in one dimension, in the format of ``dtype``.
        dtype: A data type of `FORMATS`.
        shape: Lengths of the dimensions.
    """
    tensor = Tensor.__new__(Tensor)
    tensor._buffer, tensor.dtype, tensor.shape = flat, dtype, shape  # noqa: SLF001  of this module
    return tensor


def as_tensor(value: Any) -> Tensor:
    """Return a tensor over the buffer of an array; errors as those of `contiguous_view`."""
    if isinstance(value, Tensor):
        return value
    view = contiguous_view(value)
    shape = view.shape or ()
    return Tensor(view if 0 in shape else view.cast("B"), dtype_of(view), shape)


def _operand(tensor: Tensor) -> tuple[memoryview | list[str], tuple[int, ...], str]:
    return tensor.flat, tensor.shape, tensor.dtype


def _product(left: Tensor, right: Tensor) -> Any:
    from modelden.engine.tensor_arithmetic import multiply

    items, shape, dtype = multiply(_operand(left), _operand(right))
    if not shape:
        return items[0]
    buffer: Any = memoryview(bytearray(len(items) * struct.calcsize(FORMATS[dtype]))).cast(FORMATS[dtype])
    for place, item in enumerate(items):
        buffer[place] = item
    return Tensor(buffer, dtype, shape)


def _checked_shape(shape: Any) -> tuple[int, ...]:
    try:
        lengths = tuple(operator.index(length) for length in shape)
    except Exception as error:  # a caller's own iterator
        raise InputError(f"shape: expected a tuple of lengths, got {show(shape)}.") from error
    if any(length < 0 for length in lengths):
        raise InputError(f"shape: expected lengths of 0 and more, got {lengths}.")
    return lengths


def _flat(buffer: Any, dtype: str) -> memoryview:
    view = contiguous_view(buffer, "the buffer of a tensor")
    kind = FORMATS[dtype]
    try:
        return view if view.format == kind and view.ndim == 1 else view.cast("B").cast(kind)
    except (TypeError, ValueError) as error:
        raise InputError(f"a buffer of {view.nbytes} bytes has no whole number of {dtype}.") from error


def _nest(flat: list[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return flat
    step = math.prod(shape[1:])
    return [_nest(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]
