"""Typed attributes of onnxruntime's option classes, and warnings for those that no browser can honour. Pure.

onnxruntime's classes come from C++: an attribute has one type, and another name is an ``AttributeError``.
"""

from __future__ import annotations

import operator
import warnings
from enum import IntEnum
from functools import cache
from typing import Any, overload

from modelden.core.arguments import check_text, show
from modelden.engine.onnx_errors import InvalidType


@cache
def warn_unsupported(name: str, reason: str) -> None:
    """Warn that the browser cannot honour an option: once for each name, however often it is set.

    Args:
        name: The option.
        reason: What happens instead.
    """
    warnings.warn(f"{name} has no effect in a browser: {reason}.", stacklevel=4)


class Field[T]:
    """An attribute with a type and a default value.

    A value other than the default warns once if the browser cannot honour it.
    """

    def __init__(self, default: T, unsupported: str = "") -> None:
        """Create a field.

        Args:
            default: onnxruntime's default. Its type is the type of the attribute.
            unsupported: Why the browser cannot honour another value; empty if it can.
        """
        self.default = default
        self._unsupported = unsupported
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Field[T]: ...

    @overload
    def __get__(self, instance: Any, owner: type) -> T: ...

    def __get__(self, instance: Any, owner: type) -> Field[T] | T:
        if instance is None:
            return self
        value: T = instance._values.get(self._name, self.default)  # noqa: SLF001  the owner's, for its fields
        return value

    def __set__(self, instance: Any, value: T) -> None:
        checked = _convert(self._name, value, type(self.default))
        if self._unsupported and checked != self.default:
            warn_unsupported(f"{type(instance).__name__}.{self._name}", self._unsupported)
        instance._values[self._name] = checked  # noqa: SLF001  the same


def _convert(name: str, value: Any, kind: type) -> Any:
    """Return ``value`` as an attribute of a type takes it; the conversions are pybind11's."""
    if issubclass(kind, IntEnum):
        if isinstance(value, kind):
            return value
    elif kind is str:
        if isinstance(value, str):
            return check_text(name, value)
    elif kind is bool:
        if value is None or isinstance(value, int | float) or type(value).__name__ == "bool":
            return bool(value)
    elif (number := integer(value)) is not None:
        return number
    raise InvalidType(f"{name}: incompatible function arguments: expected {kind.__name__}, got {show(value)}.")


def has_types(*pairs: tuple[object, type]) -> bool:
    """Return True if each value is an instance of the type beside it, whatever a signature promises."""
    return all(isinstance(value, kind) for value, kind in pairs)


def integer(value: Any) -> int | None:
    """Return an integer, or a value that stands for one; None for any other value, numbers with a fraction too."""
    try:
        number = operator.index(value)
    except Exception:  # noqa: BLE001  a caller's own `__index__`
        return None
    return number if -(2**31) <= number < 2**31 else None
