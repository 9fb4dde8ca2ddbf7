"""``IOBinding`` of onnxruntime's Python API: values that stay bound to the inputs and outputs of a session."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelden.core.arguments import show
from modelden.engine.onnx_errors import InvalidState, InvalidType
from modelden.engine.onnx_feed import to_tensor
from modelden.engine.tensor import FORMATS, STRING, Tensor
from modelden.errors import InputError
from modelden.onnxruntime.devices import OrtDevice
from modelden.onnxruntime.ort_value import OrtValue, data_type
from modelden.onnxruntime.session import Session


class IOBinding:
    """Values bound to the inputs and the outputs of a session, for several runs.

    A bound array is read at each run, so a caller can change its numbers between two runs. Values are in Python's
    memory: a device other than the CPU is accepted for outputs, which come to the CPU all the same.
    """

    def __init__(self, session: Session) -> None:
        """Create a binding; `InferenceSession.io_binding` does so.

        Args:
            session: The session.

        Raises:
            InputError: If it is none.
        """
        if not isinstance(session, Session):
            raise InvalidType(f"session: expected an InferenceSession, got {show(session)}.")
        self._session = session
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, OrtValue | None] = {}
        self._results: list[OrtValue] = []

    def bind_cpu_input(self, name: str, arr_on_cpu: Any) -> None:
        """Bind an array to an input.

        Args:
            name: The input.
            arr_on_cpu: A NumPy array or a `modelden.Tensor`.

        Raises:
            InputError: If there is no such input, or it is no array.
        """
        self._check_name(name, [node.name for node in self._session.get_inputs()])
        try:
            to_tensor(arr_on_cpu, name)
        except InputError as error:
            raise InvalidState("Unable to create OrtValue from the given python object") from error
        self._inputs[name] = arr_on_cpu

    def bind_input(
        self, name: str, device_type: str, device_id: int, element_type: Any, shape: Sequence[int], buffer_ptr: int
    ) -> None:
        """Bind a buffer in Python's memory to an input.

        Args:
            name: The input.
            device_type: ``cpu``.
            device_id: Number of the device.
            element_type: A type of NumPy, or a number of ``onnx.TensorProto``.
            shape: Lengths of the dimensions.
            buffer_ptr: Address of the first number; the caller keeps the buffer alive.

        Raises:
            InputError: If there is no such input, or for another device.
        """
        OrtDevice.make(device_type, device_id)
        self._check_name(name, [node.name for node in self._session.get_inputs()])
        self._inputs[name] = _at_address(device_type, element_type, shape, buffer_ptr)

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        """Bind a value to an input.

        Raises:
            InputError: If there is no such input, or it is no `OrtValue`.
        """
        self._check_name(name, [node.name for node in self._session.get_inputs()])
        self._inputs[name] = _checked(ortvalue)

    def synchronize_inputs(self) -> None:
        """Return at once: values in Python's memory need no synchronization."""

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """Bind an output, to memory that is allocated for it or to a buffer.

        Args:
            name: The output.
            device_type: ``cpu``.
            device_id: Number of the device.
            element_type: Type of the numbers of the buffer.
            shape: Lengths of the dimensions of the buffer.
            buffer_ptr: Address of a buffer in Python's memory; None to have memory allocated.

        Raises:
            InputError: For an unknown device, or a buffer without type and shape.
        """
        OrtDevice.make(device_type, device_id)
        if buffer_ptr is not None and (element_type is None or shape is None):
            raise InputError("`element_type` and `shape` are to be provided if pre-allocated memory is provided")
        self._check_name(name, None)
        self._outputs[name] = (
            None if buffer_ptr is None else _at_address(device_type, element_type, shape or (), buffer_ptr)
        )

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """Bind an output to a value, into which each run writes.

        Raises:
            InputError: If it is no `OrtValue`.
        """
        self._check_name(name, None)
        self._outputs[name] = _checked(ortvalue)

    def synchronize_outputs(self) -> None:
        """Return at once: values in Python's memory need no synchronization."""

    def get_outputs(self) -> list[OrtValue]:
        """Return the outputs of the last run, in the order in which they were bound."""
        return list(self._results)

    def get_outputs_as_ortvaluevector(self) -> list[OrtValue]:
        """Return the outputs of the last run."""
        return self.get_outputs()

    def copy_outputs_to_cpu(self) -> list[Any]:
        """Return the outputs of the last run as NumPy arrays, or as `modelden.Tensor` without NumPy."""
        return [value.numpy() for value in self._results]

    def clear_binding_inputs(self) -> None:
        """Bind no input any more."""
        self._inputs.clear()

    def clear_binding_outputs(self) -> None:
        """Bind no output any more."""
        self._outputs.clear()
        self._results.clear()

    @property
    def session(self) -> Session:
        """The session of the binding."""
        return self._session

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The bound inputs by name."""
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, OrtValue | None]:
        """The bound outputs by name, with the values that receive them."""
        return self._outputs

    def receive(self, results: Mapping[str, Tensor]) -> None:
        """Write the results of a run into the bound outputs.

        Raises:
            InputError: If a bound value has another type or another shape.
        """
        received = []
        for name, target in self._outputs.items():
            result = results[name]
            if target is None:
                received.append(OrtValue(result))
                continue
            if (target.tensor.dtype, target.tensor.shape) != (result.dtype, result.shape):
                raise InvalidState(
                    f"Error in execution: The output OrtValue provided for output '{name}' is of {target.tensor.dtype} "
                    f"and has shape {target.tensor.shape} but the computed one is of {result.dtype} and has shape "
                    f"{result.shape}."
                )
            target.update_inplace(result)
            received.append(target)
        self._results = received

    def _check_name(self, name: Any, existing: list[str] | None) -> None:
        if not isinstance(name, str):
            raise InvalidType(f"name: expected a text, got {show(name)}.")
        if existing is not None and name not in existing:
            raise InvalidState(f"Failed to find NodeArg with name: {name} in the def list")


IOBinding.__module__ = "modelden.onnxruntime"


def _checked(ortvalue: Any) -> OrtValue:
    if not isinstance(ortvalue, OrtValue):
        raise InvalidType(f"ortvalue: expected an OrtValue, got {show(ortvalue)}.")
    return ortvalue


def _at_address(device_type: str, element_type: Any, shape: Sequence[int], pointer: Any) -> OrtValue:
    from modelden.onnxruntime.memory import buffer_at

    if device_type != "cpu":
        raise InvalidState(f"An address is one of Python's memory, which is on the device cpu, not {device_type}.")
    dtype = data_type(element_type)
    try:
        count = math.prod(shape)
        if dtype == STRING or not isinstance(pointer, int) or count < 0 or (count and pointer <= 0):
            raise InvalidType(f"buffer_ptr: expected the address of {count} numbers, got {show(pointer)}.")
        size = count * memoryview(bytes(8)).cast(FORMATS[dtype]).itemsize
        return OrtValue(Tensor(buffer_at(pointer, size), dtype, tuple(shape)))
    except (TypeError, OverflowError) as error:
        raise InvalidType(f"shape: expected a list of lengths, got {show(shape)}.") from error
