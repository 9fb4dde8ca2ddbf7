"""``OrtValue`` of onnxruntime's Python API: a tensor that shares its memory with an array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from modelden.core.arguments import show
from modelden.engine.numpy_array import to_array
from modelden.engine.onnx_errors import InvalidState, InvalidType
from modelden.engine.onnx_feed import is_array, to_tensor, type_name
from modelden.engine.tensor import FORMATS, STRING, Tensor
from modelden.errors import InputError
from modelden.onnxruntime.devices import OrtDevice

_ELEMENT_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    STRING: 8,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
}
"""``TensorProto.DataType`` by data type."""

_DATA_TYPES = {number: dtype for dtype, number in _ELEMENT_TYPES.items()}

_PYTHON_TYPES = {"float": "float64", "int": "int64", "str": STRING, "str_": STRING, "object_": STRING, "object": STRING}
"""Data types by the names of Python's and NumPy's types, where they differ."""

_NO_DEVICE = (
    "Can't allocate memory on the device using this package of OnnxRuntime. Please use the appropriate package of "
    "OnnxRuntime for your hardware to use this feature."
)


class OrtValue:
    """A tensor in Python's memory. Runs take it and return it without a conversion to NumPy."""

    def __init__(self, tensor: Tensor, numpy_obj: Any = None) -> None:
        """Adopt a tensor; `ortvalue_from_numpy` and `ortvalue_from_shape_and_type` make one.

        Args:
            tensor: The tensor.
            numpy_obj: The array whose memory it shares.

        Raises:
            InputError: If it is no tensor.
        """
        if not isinstance(tensor, Tensor):
            raise InputError(f"`Provided ortvalue` needs to be of type modelden.Tensor, got {show(tensor)}.")
        self._tensor = tensor
        self._numpy_obj = numpy_obj

    @classmethod
    def ortvalue_from_numpy(
        cls, numpy_obj: Any, /, device_type: str = "cpu", device_id: int = 0, vendor_id: int = -1
    ) -> OrtValue:
        """Return a value that shares the memory of an array.

        Args:
            numpy_obj: A NumPy array or a `modelden.Tensor` of numbers.
            device_type: ``cpu``.
            device_id: Number of the device.
            vendor_id: PCI number of its vendor, -1 for none.

        Raises:
            InputError: If it is no array of numbers, or for another device.
        """
        _check_device(device_type, device_id, vendor_id)
        try:
            tensor = to_tensor(numpy_obj, "numpy_obj")
        except InputError as error:
            raise InvalidState(_NO_ARRAY) from error
        if tensor.dtype == STRING:
            raise InvalidState(_NO_ARRAY)
        return cls(tensor, numpy_obj)

    @classmethod
    def ortvalue_from_shape_and_type(
        cls,
        shape: Sequence[int],
        element_type: Any,
        device_type: str = "cpu",
        device_id: int = 0,
        vendor_id: int = -1,
        memory_info: Any = None,  # noqa: ARG003  onnxruntime's
    ) -> OrtValue:
        """Return a value of zeros.

        Args:
            shape: Lengths of the dimensions.
            element_type: A type of NumPy (``numpy.float32``), its name, or a number of ``onnx.TensorProto``.
            device_type: ``cpu``.
            device_id: Number of the device.
            vendor_id: PCI number of its vendor, -1 for none.
            memory_info: Not used in a browser.

        Raises:
            InputError: If there are no such tensors, or for another device.
        """
        _check_device(device_type, device_id, vendor_id)
        dtype = data_type(element_type)
        try:
            if any(length < 0 for length in shape):
                raise InvalidState("Tensor shape.Size() must be >= 0")
            size = math.prod(shape)
            if dtype == STRING:
                return cls(Tensor([""] * size, STRING, tuple(shape)))
            return cls(Tensor(memoryview(bytearray(size * _item_size(dtype))), dtype, tuple(shape)))
        except (TypeError, OverflowError, MemoryError) as error:
            raise InvalidType(f"shape: expected a list of lengths, got {show(shape)}.") from error

    def data_ptr(self) -> int:
        """Return the address of the first number in Python's memory.

        Raises:
            InputError: For texts.
        """
        from modelden.onnxruntime.memory import address

        if isinstance(self._tensor.flat, list):
            raise InvalidState("A tensor of texts has no data pointer.")
        return address(self._writable())

    def device_name(self) -> str:
        """Return the name of the device that holds it: ``cpu``."""
        return "cpu"

    def shape(self) -> list[int]:
        """Return the lengths of the dimensions."""
        return list(self._tensor.shape)

    def data_type(self) -> str:
        """Return the type: ``tensor(float)``."""
        return type_name(self._tensor.dtype)

    def element_type(self) -> int:
        """Return the type of the numbers, as a number of ``onnx.TensorProto``."""
        return _ELEMENT_TYPES[self._tensor.dtype]

    def tensor_size_in_bytes(self) -> int:
        """Return the size in bytes.

        Raises:
            InputError: For texts.
        """
        if isinstance(self._tensor.flat, list):
            raise InvalidState("A tensor of texts has no size in bytes.")
        return self._tensor.flat.nbytes

    def has_value(self) -> bool:
        """Return True: an empty optional is no value in a browser."""
        return True

    def is_tensor(self) -> bool:
        """Return True."""
        return True

    def is_sparse_tensor(self) -> bool:
        """Return False."""
        return False

    def is_tensor_sequence(self) -> bool:
        """Return False."""
        return False

    def numpy(self) -> Any:
        """Return a NumPy array over the same memory; a `modelden.Tensor` if NumPy is not installed."""
        return to_array(self._tensor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001  NumPy's
        """Return a NumPy array over the same memory."""
        return self._tensor.__array__(dtype, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the device in DLPack's numbers: the CPU."""
        return (1, 0)

    def update_inplace(self, data: Any) -> None:
        """Copy the numbers of an array, or of another value, into this one.

        Raises:
            InputError: If it is none, or has another size.
        """
        if not isinstance(data, OrtValue | Tensor) and not is_array(data):
            raise InvalidType("data must be a numpy.ndarray or an OrtValue.")
        source = data.tensor if isinstance(data, OrtValue) else to_tensor(data, "data")
        if isinstance(source.flat, list) or isinstance(self._tensor.flat, list):
            raise InvalidState("A tensor of texts cannot be updated in place.")
        if source.flat.nbytes != self._tensor.flat.nbytes:
            raise InvalidState("The input size of numpy arrays does not match the size of the OrtValue.")
        self._writable()[:] = source.flat.cast("B")

    @property
    def tensor(self) -> Tensor:
        """The tensor."""
        return self._tensor

    def _writable(self) -> memoryview:
        """Return its bytes, writable: a copy if they were not, which it has from then on."""
        flat = self._tensor.flat
        if isinstance(flat, memoryview) and flat.readonly:
            self._tensor = Tensor(memoryview(bytearray(flat)), self._tensor.dtype, self._tensor.shape)
            flat = self._tensor.flat
        return memoryview(flat).cast("B")  # type: ignore[arg-type]  # no texts

    def _get_c_value(self) -> OrtValue:
        return self


OrtValue.__module__ = "modelden.onnxruntime"

_NO_ARRAY = "Creation of OrtValues is currently only supported from non-string numpy arrays"


def _check_device(device_type: Any, device_id: Any, vendor_id: Any) -> None:
    if OrtDevice.make(device_type, device_id, vendor_id).device_type() != 0:
        raise InvalidState(_NO_DEVICE)


def data_type(element_type: Any) -> str:
    """Return a data type by a type of NumPy, by its name, or by a number of ``onnx.TensorProto``.

    Raises:
        InputError: If there are no tensors of it.
    """
    if isinstance(element_type, int):
        name = _DATA_TYPES.get(element_type, "")
        if not name:
            raise InvalidState(f"tensor type {element_type} is not supported")
        return name
    name = element_type if isinstance(element_type, str) else getattr(element_type, "name", "")
    name = str(name or getattr(element_type, "__name__", ""))
    name = _PYTHON_TYPES.get(name, name)
    if name not in _ELEMENT_TYPES:
        raise InvalidState(f"element_type: expected a type of NumPy or of ONNX, got {show(element_type)}.")
    return name


def _item_size(dtype: str) -> int:
    return memoryview(bytes(8)).cast(FORMATS[dtype]).itemsize
