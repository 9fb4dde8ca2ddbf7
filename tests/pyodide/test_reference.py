"""Twenty sentences get the vectors that they should, from the page and from a worker."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from tests.pyodide.servers import ROOT

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TRUTH = ROOT / "tests/truth"
REFERENCE = json.loads((TRUTH / "minilm_reference.json").read_text(encoding="utf-8"))
REFERENCE |= json.loads((TRUTH / "minilm_reference_q8_wasm.json").read_text(encoding="utf-8")) | {
    "sentences": REFERENCE["sentences"]
}


def cosine(one: list[float], other: list[float]) -> float:
    return math.sumprod(one, other) / math.sqrt(math.sumprod(one, one) * math.sumprod(other, other))


# Native onnxruntime for both, and for q8 transformers.js alone, on wasm, which rounds activations in another way.
@pytest.mark.parametrize(
    ("dtype", "least"), [("fp32", {"fp32": 0.9999}), ("q8", {"q8": 0.99, "q8_wasm": 0.9999})], ids=["fp32", "q8"]
)
def test_vectors_are_those_of_the_reference(
    everywhere: Page, demo_site: Site, dtype: str, least: dict[str, float]
) -> None:
    vectors = everywhere.call(
        "vectors_one_by_one",
        config=demo_site.config,
        request={"feature_id": "simple-text-embedder", "dtype": dtype},
        texts=REFERENCE["sentences"],
    )

    assert len(vectors) == 20
    for name, limit in least.items():
        assert min(cosine(*pair) for pair in zip(vectors, REFERENCE[name], strict=True)) >= limit
