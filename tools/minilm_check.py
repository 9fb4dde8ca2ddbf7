"""A BERT encoder in plain numpy and float64, as the reference for the ONNX graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from minilm_graph import INPUTS, OUTPUT, Config, Weights

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

_erf = np.vectorize(math.erf, otypes=[np.float64])


class ReferenceBert:
    """The same encoder as `minilm_graph.BertGraph`, independent of it."""

    def __init__(self, weights: Weights, config: Config) -> None:
        self._weights = {name: array.astype(np.float64) for name, array in weights.items() if array.dtype == np.float32}
        self._config = config

    def run(self, ids: NDArray[Any], mask: NDArray[Any], types: NDArray[Any]) -> NDArray[Any]:
        """The last hidden state, [batch, length, hidden]."""
        positions = np.arange(ids.shape[1])
        x = self._rows("word", ids) + self._rows("token_type", types)
        x = self._norm(x + self._rows("position", positions), "embeddings.LayerNorm")
        for layer in range(self._config["num_hidden_layers"]):
            prefix = f"encoder.layer.{layer}."
            attended = self._attention(x, mask, prefix + "attention.")
            x = self._norm(attended + x, prefix + "attention.output.LayerNorm")
            inner = self._linear(x, prefix + "intermediate.dense")
            inner = 0.5 * inner * (1 + _erf(inner / math.sqrt(2)))
            inner = self._linear(inner, prefix + "output.dense")
            x = self._norm(inner + x, prefix + "output.LayerNorm")
        return x

    def _rows(self, table: str, indices: NDArray[Any]) -> NDArray[Any]:
        rows: NDArray[Any] = self._weights[f"embeddings.{table}_embeddings.weight"][indices]
        return rows

    def _linear(self, x: NDArray[Any], name: str) -> NDArray[Any]:
        product: NDArray[Any] = x @ self._weights[name + ".weight"].T
        return product + self._weights[name + ".bias"]

    def _norm(self, x: NDArray[Any], name: str) -> NDArray[Any]:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt(x.var(-1, keepdims=True) + self._config["layer_norm_eps"])
        normal: NDArray[Any] = centred / deviation * self._weights[name + ".weight"]
        return normal + self._weights[name + ".bias"]

    def _attention(self, x: NDArray[Any], mask: NDArray[Any], prefix: str) -> NDArray[Any]:
        batch, length, hidden = x.shape
        split = (batch, length, self._config["num_attention_heads"], -1)
        query, key, value = (
            self._linear(x, f"{prefix}self.{role}").reshape(split).transpose(0, 2, 1, 3)
            for role in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
        scores = np.where(mask[:, None, None, :] > 0, scores, -np.inf)
        chances = np.exp(scores - scores.max(-1, keepdims=True))
        chances /= chances.sum(-1, keepdims=True)
        context = (chances @ value).transpose(0, 2, 1, 3).reshape(batch, length, hidden)
        return self._linear(context, prefix + "output.dense")


def largest_errors(files: Iterable[Path], weights: Weights, config: Config) -> dict[str, float]:
    """Largest difference of each ONNX file to `ReferenceBert`, over random padded sentences."""
    random = np.random.default_rng(0)
    ids = random.integers(0, config["vocab_size"], (3, 40))
    mask = np.ones_like(ids)
    mask[1, 25:] = 0
    mask[2, 5:] = 0
    types = (random.random(ids.shape) < 0.3).astype(np.int64)
    expected = ReferenceBert(weights, config).run(ids, mask, types)
    errors = {}
    for file in files:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        (output,) = session.run([OUTPUT], dict(zip(INPUTS, (ids, mask, types), strict=True)))
        errors[file.name] = float(np.abs(output - expected)[mask > 0].max())
    return errors
