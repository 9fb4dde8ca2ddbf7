"""Numbers of an array as NumPy prints them: aligned, 8 decimals at most, the first and last of many. Pure.

Source: NumPy's ``core/arrayprint.py`` (``FloatingFormat``, ``_leading_trailing``) with its default print options,
but for the threshold.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

THRESHOLD = 100
"""Most numbers that are printed in full (NumPy: 1000). A vector of an embedding has hundreds."""
EDGE = 3
"""First and last items of a dimension of a larger array."""
LINE = 75
"""Characters of a line."""
_DECIMALS = 8
_DIGITS = {"float16": ("e", 5), "float32": ("f", 9), "float64": ("d", 17)}
"""`struct` format, and digits that tell any two numbers apart."""


def array_text(flat: Sequence[Any], shape: tuple[int, ...], dtype: str, indent: int) -> str:
    """Return nested brackets with the numbers.

    Args:
        flat: The items, row-major.
        shape: Lengths of the dimensions.
        dtype: The data type, by onnxruntime's name.
        indent: Column at which the text begins.
    """
    if not shape:
        return _texts([flat[0]], dtype)[0].strip()
    if 0 in shape:
        return "[]"
    is_long = len(flat) > THRESHOLD
    offsets: list[int] = []
    _collect(shape, 0, offsets, is_long=is_long)
    texts = iter(_texts([flat[offset] for offset in offsets], dtype))
    return _nested(shape, lambda: next(texts), indent + 1, is_long=is_long)


def _shown(length: int, *, is_long: bool) -> list[int | None]:
    """Return the positions of a dimension that are printed; None stands for those between."""
    positions: list[int | None] = list(range(length))
    return [*positions[:EDGE], None, *positions[-EDGE:]] if is_long and length > 2 * EDGE else positions


def _collect(shape: tuple[int, ...], offset: int, offsets: list[int], *, is_long: bool) -> None:
    if not shape:
        offsets.append(offset)
        return
    step = math.prod(shape[1:])
    for position in _shown(shape[0], is_long=is_long):
        if position is not None:
            _collect(shape[1:], offset + position * step, offsets, is_long=is_long)


def _nested(shape: tuple[int, ...], text: Callable[[], str], indent: int, *, is_long: bool) -> str:
    items = _shown(shape[0], is_long=is_long)
    if len(shape) == 1:
        return f"[{_wrapped(['...' if item is None else text() for item in items], indent)}]"
    rows = ["..." if item is None else _nested(shape[1:], text, indent + 1, is_long=is_long) for item in items]
    return f"[{(',' + '\n' * (len(shape) - 1) + ' ' * indent).join(rows)}]"


def _wrapped(texts: list[str], indent: int) -> str:
    lines = [""]
    for text in texts:
        if lines[-1] and indent + len(lines[-1]) + len(text) + 2 > LINE:
            lines.append("")
        lines[-1] += f", {text}" if lines[-1] else text
    return (",\n" + " " * indent).join(lines)


def _texts(values: list[Any], dtype: str) -> list[str]:
    if dtype in _DIGITS:
        return _aligned(_floats(values, dtype))
    return _aligned([repr(value) for value in values]) if dtype != "string" else [repr(value) for value in values]


def _aligned(texts: list[str]) -> list[str]:
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts]


def _floats(values: list[float], dtype: str) -> list[str]:
    finite = [value for value in values if math.isfinite(value)]
    sizes = [abs(value) for value in finite if value]
    is_scientific = bool(sizes) and (max(sizes) >= 1e8 or min(sizes) < 1e-4 or max(sizes) / min(sizes) > 1000)
    forms = [_shortest(value, dtype) for value in finite]
    if is_scientific:
        places = max((min(digits - 1, _DECIMALS) for digits, _ in forms), default=0)
        return [_scientific(value, places) if math.isfinite(value) else str(value) for value in values]
    fixed = [_fixed(value, dtype) if math.isfinite(value) else str(value) for value in values]
    width = max((len(text.partition(".")[2]) for text in fixed if "." in text), default=0)
    return [text + " " * (width - len(text.partition(".")[2])) if "." in text else text for text in fixed]


def _shortest(value: float, dtype: str) -> tuple[int, int]:
    """Return the number of digits that name a value, and its decimal exponent."""
    kind, most = _DIGITS[dtype]
    exact = struct.pack(kind, value)
    for digits in range(1, most):
        text = f"{value:.{digits - 1}e}"
        try:
            if struct.pack(kind, float(text)) == exact:
                break
        except OverflowError:  # rounded up beyond the largest number
            continue
    else:
        digits, text = most, f"{value:.{most - 1}e}"
    return digits, int(text.partition("e")[2])


def _fixed(value: float, dtype: str) -> str:
    digits, exponent = _shortest(value, dtype)
    text = f"{value:.{min(max(digits - 1 - exponent, 1), _DECIMALS)}f}"
    return text.rstrip("0")


def _scientific(value: float, places: int) -> str:
    text = f"{value:.{places}e}"
    return text if places else text.replace("e", ".e")
