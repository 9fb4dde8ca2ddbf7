"""Devices and their memory, by onnxruntime's names. The numbers are those of onnxruntime's ``ortdevice.h``."""

from __future__ import annotations

import operator
from typing import Any

from modelden.core.arguments import show
from modelden.engine.onnx_enums import (
    OrtAllocatorType,
    OrtDeviceMemoryType,
    OrtDeviceVendorId,
    OrtMemoryInfoDeviceType,
    OrtMemType,
)
from modelden.engine.onnx_errors import InvalidType
from modelden.engine.onnx_fields import has_types
from modelden.errors import InputError

_DEVICES: dict[str, tuple[int, OrtDeviceVendorId]] = {
    "cpu": (0, OrtDeviceVendorId.NONE),
    "gpu": (1, OrtDeviceVendorId.NONE),
    "webgpu": (1, OrtDeviceVendorId.NONE),
    "cuda": (1, OrtDeviceVendorId.NVIDIA),
    "dml": (1, OrtDeviceVendorId.MICROSOFT),
    "npu": (3, OrtDeviceVendorId.NONE),
    "cann": (3, OrtDeviceVendorId.HUAWEI),
}
"""Types and vendors of devices by name."""


class OrtDevice:
    """A device that holds values. In a browser values are in Python's memory, which is the device ``cpu``."""

    def __init__(self, device_type: int, mem_type: int, vendor_id: int, device_id: int) -> None:
        """Create a device; `make` does so by name.

        Args:
            device_type: 0 for the CPU, 1 for a GPU, 3 for an NPU.
            mem_type: The type of its memory, 0 for the default.
            vendor_id: PCI number of its vendor, 0 for none.
            device_id: Its number among devices of the same type.

        Raises:
            InputError: If they are no integers.
        """
        numbers = (device_type, mem_type, vendor_id, device_id)
        self._device_type, self._mem_type, self._vendor_id, self._device_id = map(_number, numbers)

    @staticmethod
    def make(ort_device_name: str, device_id: int, vendor_id: int = -1) -> OrtDevice:
        """Return a device by the name of its type.

        Args:
            ort_device_name: ``cpu``, ``gpu``, ``webgpu``, ``cuda``, ``dml``, ``npu`` or ``cann``.
            device_id: Its number among devices of the same type.
            vendor_id: PCI number of its vendor; -1 for the one of the name.

        Raises:
            InputError: For another name.
        """
        if not has_types((ort_device_name, str)) or ort_device_name not in _DEVICES:
            raise InputError(f"Unsupported device type: {show(ort_device_name).strip(chr(39))}")
        kind, vendor = _DEVICES[ort_device_name]
        return OrtDevice(kind, 0, vendor if _number(vendor_id) < 0 else vendor_id, device_id)

    def device_id(self) -> int:
        """Return its number among devices of the same type."""
        return self._device_id

    def device_type(self) -> int:
        """Return the number of its type."""
        return self._device_type

    def device_vendor_id(self) -> int:
        """Return the PCI number of its vendor."""
        return self._vendor_id

    def device_mem_type(self) -> int:
        """Return the type of its memory."""
        return self._mem_type

    def _get_c_device(self) -> OrtDevice:
        return self


class OrtMemoryInfo:
    """A description of memory, as onnxruntime's allocators have it."""

    def __init__(self, name: str, allocator_type: OrtAllocatorType, device_id: int, mem_type: OrtMemType) -> None:
        """Create a description.

        Args:
            name: Name of the allocator: ``Cpu``.
            allocator_type: Its kind.
            device_id: Number of the device.
            mem_type: The use of the memory.

        Raises:
            InputError: If they have other types.
        """
        if not has_types((name, str), (allocator_type, OrtAllocatorType)):
            raise InvalidType(f"A memory has a name and a type of allocator, got {show(name)}, {show(allocator_type)}.")
        if not isinstance(mem_type, OrtMemType):
            raise InvalidType(f"mem_type: expected an OrtMemType, got {show(mem_type)}.")
        self.name = name
        self.allocator_type = allocator_type
        self.device_id = _number(device_id)
        self.mem_type = mem_type
        self.device_mem_type = OrtDeviceMemoryType.DEFAULT
        self.device_vendor_id = 0

    @staticmethod
    def create_v2(
        name: str,
        device_type: OrtMemoryInfoDeviceType,  # noqa: ARG004  onnxruntime's
        vendor_id: int,
        device_id: int,
        device_mem_type: OrtDeviceMemoryType,
        alignment: int,  # noqa: ARG004  onnxruntime's
        allocator_type: OrtAllocatorType,
    ) -> OrtMemoryInfo:
        """Return a description with a vendor and the access to the memory.

        Args:
            name: Name of the allocator.
            device_type: The kind of the device.
            vendor_id: PCI number of its vendor.
            device_id: Number of the device.
            device_mem_type: The access to the memory.
            alignment: Bytes of alignment.
            allocator_type: The kind of the allocator.

        Raises:
            InputError: If they have other types.
        """
        if not isinstance(device_mem_type, OrtDeviceMemoryType):
            raise InvalidType(f"device_mem_type: expected an OrtDeviceMemoryType, got {show(device_mem_type)}.")
        info = OrtMemoryInfo(name, allocator_type, device_id, OrtMemType.DEFAULT)
        info.device_mem_type, info.device_vendor_id = device_mem_type, _number(vendor_id)
        return info


OrtDevice.__module__ = OrtMemoryInfo.__module__ = "modelden.onnxruntime"


def _number(value: Any) -> int:
    try:
        return operator.index(value)
    except Exception as error:  # a caller's own `__index__`
        raise InvalidType(f"expected an integer, got {show(value)}.") from error
