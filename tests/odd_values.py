"""Values that no call of modelden expects, of the standard library alone, so that pages have them, too."""

from __future__ import annotations

import datetime as dt
import io
from array import array
from collections import UserDict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any


def _cyclic_list() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def _cyclic_dict() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def _deep() -> Any:
    value: Any = []
    for _ in range(5000):
        value = [value]
    return value


def _released() -> Any:
    view = memoryview(b"abc")
    view.release()
    return view


def _closed_file() -> Any:
    file = io.BytesIO(b"abc")
    file.close()
    return file


class _Rude:
    """An object whose special methods fail."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __bool__(self) -> bool:
        raise RuntimeError("no bool")

    __hash__ = None  # type: ignore[assignment]  # unhashable on purpose


ODD: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "true": lambda: True,
    "zero": lambda: 0,
    "minus one": lambda: -1,
    "three": lambda: 3,
    "huge": lambda: 10**5000,
    "float": lambda: 3.5,
    "nan": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "complex": lambda: 1j,
    "fraction": lambda: Fraction(1, 3),
    "empty text": lambda: "",
    "text": lambda: "something else",
    "nul": lambda: "a\0b",
    "half a character": lambda: "a\ud83d",
    "newline": lambda: "a\nb",
    "dots": lambda: "../../etc",
    "no host": lambda: "http://[",
    "url": lambda: "http://localhost:1/",
    "script": lambda: "модель/模型",
    "long text": lambda: "a" * 100_000,
    "no bytes": lambda: b"",
    "bytes": lambda: b"abc",
    "bytearray": lambda: bytearray(b"abc"),
    "view": lambda: memoryview(b"abcdefgh")[::2],
    "released view": _released,
    "array": lambda: array("f", [0.5]),
    "wide array": lambda: array("w", "ab"),
    "empty list": list,
    "list": lambda: [1, "a", None],
    "texts": lambda: ["a", "b"],
    "cyclic list": _cyclic_list,
    "deep list": _deep,
    "empty dict": dict,
    "dict": lambda: {"a": 1},
    "number keys": lambda: {1: 2},
    "tag": lambda: {"$tensor": 0, "dtype": "float32", "dims": [1]},
    "cyclic dict": _cyclic_dict,
    "user dict": lambda: UserDict({"a": 1}),
    "set": lambda: {1, 2},
    "generator": lambda: (x for x in "ab"),
    "object": object,
    "rude object": _Rude,
    "class": lambda: dict,
    "function": lambda: lambda *_args, **_options: None,
    "date": lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "path": lambda: Path("/no/such/file"),
    "closed file": _closed_file,
}
"""By name, for each a function that makes it."""
