"""Twenty sentences get the vectors that they should, from the page and from a worker."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from tests.pyodide.servers import JSEP, ROOT, attach

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

TRANSFORMERS = ROOT / "node_modules/@huggingface/transformers/dist/transformers.min.js"
REFERENCE = json.loads((ROOT / "tests/truth/minilm_reference.json").read_text(encoding="utf-8"))
FEATURE = "simple-text-embedder"

_ALONE = """
    const [base, hub, wasmName, texts] = ARGUMENTS;
    const text = async (name) => (await fetch(base + name)).text();
    const moduleUrl = (source) => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { pipeline, env } = await import(moduleUrl(await text("transformers.min.js")));
    Object.assign(env, {
        remoteHost: hub, remotePathTemplate: "{model}/{revision}", allowLocalModels: false, useBrowserCache: false,
    });
    const glue = await text(wasmName.replace(".wasm", ".mjs"));
    Object.assign(env.backends.onnx.wasm, {
        numThreads: 1,
        wasmPaths: { mjs: moduleUrl(glue.replaceAll("import.meta.url", JSON.stringify(base))) },
        wasmBinary: await (await fetch(base + wasmName)).arrayBuffer(),
    });
    const model = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2", { revision: "v0.1.0", dtype: "q8" });
    const vectors = [];
    for (const each of texts) {
        vectors.push((await model([each], { pooling: "mean", normalize: true })).tolist()[0]);
    }
    await model.dispose();
    return vectors;
"""


def cosine(one: list[float], other: list[float]) -> float:
    return math.sumprod(one, other) / math.sqrt(math.sumprod(one, one) * math.sumprod(other, other))


def vectors(page: Page, site: Site, dtype: str) -> list[list[float]]:
    """The vectors of all sentences from modelden, one after the other."""
    found: list[list[float]] = page.call(
        "vectors_one_by_one",
        config=site.config,
        request={"feature_id": FEATURE, "dtype": dtype},
        texts=REFERENCE["sentences"],
    )
    assert len(found) == 20
    return found


@pytest.mark.parametrize(("dtype", "least"), [("fp32", 0.9999), ("q8", 0.99)])
def test_vectors_are_those_of_native_onnxruntime(everywhere: Page, demo_site: Site, dtype: str, least: float) -> None:
    found = vectors(everywhere, demo_site, dtype)

    assert min(cosine(*pair) for pair in zip(found, REFERENCE[dtype], strict=True)) >= least


def test_vectors_are_those_of_transformers_js_alone(
    page: Page, worker: Page, site: Site, demo_site: Site, tiny_tree: Path
) -> None:
    for file in (JSEP.with_suffix(".mjs"), TRANSFORMERS):
        attach(tiny_tree, file.name, file.read_bytes())
    arguments = [
        f"{site.settings.url}/attachments/runtime/",
        f"{demo_site.hub.url}/hub/",
        JSEP.name,
        REFERENCE["sentences"],
    ]
    alone = page.runner.run_js(_ALONE.replace("ARGUMENTS", json.dumps(arguments)))

    # The same files, the same build of onnxruntime-web, the same browser: the same bits.
    assert vectors(page, demo_site, "q8") == alone
    assert vectors(worker, demo_site, "q8") == alone
