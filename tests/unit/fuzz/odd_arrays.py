"""Arrays of NumPy and pictures of Pillow that no call of modelden expects."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image as Pillow


def _cut_picture() -> Any:
    file = io.BytesIO()
    Pillow.new("RGB", (64, 64), (1, 2, 3)).save(file, "PNG")
    return Pillow.open(io.BytesIO(file.getvalue()[:60]))


ODD_ARRAYS: dict[str, Callable[[], Any]] = {
    "complex array": lambda: np.zeros(2, np.complex64),
    "dates": lambda: np.zeros(2, "datetime64[s]"),
    "long doubles": lambda: np.zeros(2, np.longdouble),
    "long double": lambda: np.longdouble(1),
    "big-endian": lambda: np.zeros(2, ">f4"),
    "structured": lambda: np.zeros(2, [("a", "i4")]),
    "objects": lambda: np.array([1, None, {}], dtype=object),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "no numbers": lambda: np.zeros((0, 3), np.float32),
    "halves of strings": lambda: np.array(["a\ud83d", "b"]),
    "picture without pixels": lambda: Pillow.new("RGB", (0, 0)),
    "cut picture": _cut_picture,
    "picture of floats": lambda: Pillow.new("F", (2, 2)),
}
"""By name, for each a function that makes it."""
