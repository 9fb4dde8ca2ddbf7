"""The models of the browser tests: the same bytes each time, small, and what they claim to be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.tiny_models import MODELS, files
from tests.tiny_models.generation import HEAD, HEADS

HASHES = Path(__file__).parent / "tiny_models.json"
TEXT = np.array([[5, 9, 20, 33, 17]], dtype=np.int64)


def run(model: bytes, feeds: dict[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def test_the_bytes_are_those_of_the_list() -> None:
    made = {
        task: {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files(task).items())} for task in MODELS
    }

    assert made == json.loads(HASHES.read_text("utf-8"))


@pytest.mark.parametrize("task", MODELS)
def test_each_is_small(task: str) -> None:
    assert sum(map(len, files(task).values())) < 100_000


@pytest.mark.parametrize(
    ("task", "file", "past", "present"),
    [
        ("text-generation", "onnx/model.onnx", "past_key_values.0", "present.0"),
        ("translation", "onnx/decoder_model_merged.onnx", "past_key_values.0.decoder", "present.0.decoder"),
        ("image-to-text", "onnx/decoder_model_merged.onnx", "past_key_values.0", "present.0"),
        ("whisper", "onnx/decoder_model_merged.onnx", "past_key_values.0.decoder", "present.0.decoder"),
    ],
)
def test_the_cache_holds_what_was_read(task: str, file: str, past: str, present: str) -> None:
    model = files(task)[file]
    empty = np.zeros((1, HEADS, 0, HEAD), dtype=np.float32)
    feeds: dict[str, Any] = {"input_ids": TEXT, f"{past}.key": empty, f"{past}.value": empty}
    if task == "text-generation":
        feeds["attention_mask"] = np.ones_like(TEXT)
    else:
        feeds["encoder_hidden_states"] = np.linspace(-1, 1, 24, dtype=np.float32).reshape(1, 3, 8)
    whole = run(model, feeds)
    first = run(model, {**feeds, "input_ids": TEXT[:, :3]} | _mask(feeds, 3))
    cache = {f"{past}.key": first[f"{present}.key"], f"{past}.value": first[f"{present}.value"]}

    rest = run(model, {**feeds, **cache, "input_ids": TEXT[:, 3:]})
    without = run(model, {**feeds, "input_ids": TEXT[:, 3:]} | _mask(feeds, 2))

    np.testing.assert_allclose(rest["logits"], whole["logits"][:, 3:], rtol=1e-5, atol=1e-5)
    assert not np.allclose(without["logits"], whole["logits"][:, 3:], atol=0.1)


def _mask(feeds: dict[str, Any], length: int) -> dict[str, Any]:
    return {"attention_mask": feeds["attention_mask"][:, :length]} if "attention_mask" in feeds else {}
