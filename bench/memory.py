"""Memory for loading a model, relative to the bytes of its weights: `engine.memory_guard` reckons with it.

    python bench/memory.py chromium firefox

Each model is loaded and run in a new page with Pyodide, from what an earlier visit stored. Peaks of the pages'
processes above the page before, in MiB; "factor" is that above the tiny model's peak, by the size of the weights.
Prints JSON on stdout.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pages import ROOT, report  # also makes tests/ known

from bench.profiles import MIB, BenchPage, Peak, pyodide_server
from modelden.host.browser.browsers import open_profile, playwright
from tests.pyodide.servers import MODEL, REVISION, Site, write_model, write_tiny_tree
from tests.tiny_models.graph import INT64, Graph

MINILM = "Xenova/all-MiniLM-L6-v2"
WIDTH = 1024

CASES = {
    "tiny": (MODEL, REVISION, "q8", "onnx/model_quantized.onnx"),
    "MiniLM q8": (MINILM, "v0.1.0", "q8", "onnx/model_quantized.onnx"),
    "MiniLM fp32": (MINILM, "v0.1.0", "fp32", "onnx/model.onnx"),
    "generated fp32": ("bench/big", REVISION, "fp32", "onnx/model.onnx"),
}
"""Model, revision, data type, weights."""


def big_model() -> bytes:
    """An embedding of random numbers: 300 MiB."""
    graph = Graph("big", seed=1)
    ids, *_ = [graph.input(name, ["b", "s"], INT64) for name in ("input_ids", "attention_mask", "token_type_ids")]
    numbers = np.random.default_rng(1).random((300 * MIB // WIDTH // 4, WIDTH), dtype=np.float32)
    graph.output(graph.op("Gather", graph.constant(numbers), ids), "last_hidden_state", ["b", "s", WIDTH])
    return graph.model()


def write_tree(folder: Path) -> Path:
    """Build the tests' tree with two more models."""
    hub = write_tiny_tree(folder) / "hub"
    shutil.copytree(ROOT / "build/tree/hub" / MINILM, hub / MINILM)
    write_model(folder, "bench/big")
    (hub / "bench/big" / REVISION / "onnx/model.onnx").write_bytes(big_model())
    return folder


def load(context: Any, url: str, request: dict[str, Any]) -> int:
    """Load and run a model in a new page; returns MiB."""
    page = BenchPage(context, url, "memory_in_page.py")
    with Peak(os.getpid()) as peak:
        page.call("memory_in_page", "load", **request)
    page.tab.close()
    return peak.mib()["pages"]


def measure(name: str) -> dict[str, Any]:
    """Measure all models in one browser."""
    results: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        # In private browsing, Firefox stores less than these files.
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        Site(write_tree(Path(folder))) as site,
        pyodide_server() as served,
        playwright() as driver,
    ):
        context = open_profile(driver, name, Path(profile))
        for label, (model, revision, dtype, weights) in CASES.items():
            request = {"config": site.config, "model_id": model, "model_revision": revision, "dtype": dtype}
            load(context, served.url, request)
            peaks = sorted(load(context, served.url, request) for _ in range(3))
            size = (Path(folder) / "hub" / model / revision / weights).stat().st_size / MIB
            above = peaks[1] - results["tiny"]["peaks"][1] if results else 0
            results[label] = {"weights": round(size, 1), "peaks": peaks, "factor": round(above / size, 2)}
        context.close()
    return results


if __name__ == "__main__":
    report(measure, sys.argv[1:] or ["chromium", "firefox"])
