"""Addresses in Python's memory, by which onnxruntime's ``IOBinding`` takes buffers of other libraries.

A module of its own: `ctypes` is loaded where an address is used, and nowhere else.
"""

from __future__ import annotations

import ctypes


def address(view: memoryview) -> int:
    """Return the address of a writable buffer."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view)) if len(view) else 0


def buffer_at(pointer: int, size: int) -> memoryview:
    """Return the bytes at an address, which the caller keeps alive.

    Args:
        pointer: The address.
        size: The number of bytes.
    """
    return memoryview((ctypes.c_char * size).from_address(pointer)).cast("B")
