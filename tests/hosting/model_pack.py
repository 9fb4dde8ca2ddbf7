"""Models with inputs, in the form in which a page of a test takes them: one file of bytes and one of JSON.

A value is JSON: ``{"dtype", "dims", "at": [offset, length]}``, ``{"strings", "dims"}``, a list of values for a
sequence, or None for an optional tensor that is not there. What a page gives back has ``"data"`` in base64 in place of
``"at"``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

type Value = Any
"""An array, a list of values, a list of dicts, or None."""


@dataclass(frozen=True)
class ModelCase:
    """A model and what goes into it.

    Attributes:
        name: Its name.
        model: Bytes of the ONNX file.
        feeds: Inputs of each of its runs, by name.
    """

    name: str
    model: bytes
    feeds: Sequence[Mapping[str, Value]]


def write_pack(folder: Path, cases: Iterable[ModelCase]) -> None:
    """Write ``cases.json`` and ``pack.bin``."""
    folder.mkdir(parents=True, exist_ok=True)
    described = []
    with (folder / "pack.bin").open("wb") as pack:

        def at(data: bytes) -> list[int]:
            pack.write(bytes(-pack.tell() % 8))  # a typed array begins at a multiple of its item's size
            offset = pack.tell()
            pack.write(data)
            return [offset, len(data)]

        def described_value(value: Value) -> Any:
            if value is None:
                return None
            if isinstance(value, list):
                return [described_value(item) for item in value]
            if value.dtype.kind in "OUS":
                return {"strings": [_text(item) for item in value.ravel().tolist()], "dims": value.shape}
            return {"dtype": str(value.dtype), "dims": value.shape, "at": at(np.ascontiguousarray(value).tobytes())}

        for case in cases:
            feeds = [{name: described_value(value) for name, value in feed.items()} for feed in case.feeds]
            described.append({"name": case.name, "model": at(case.model), "feeds": feeds})
    (folder / "cases.json").write_text(json.dumps(described), encoding="utf-8")


def read_value(value: Any) -> Value:
    """Return a value that a page gave back."""
    if isinstance(value, list):
        return [read_value(item) for item in value]
    if value is None or "maps" in value:
        return value if value is None else value["maps"]
    if "strings" in value:
        return np.array(value["strings"], dtype=object).reshape(value["dims"])
    return np.frombuffer(base64.b64decode(value["data"]), dtype=value["dtype"]).reshape(value["dims"])


def _text(item: Any) -> str:
    return item.decode() if isinstance(item, bytes) else str(item)
