"""Two runtimes in one wheel: which one is used, and that the newer one computes what its transformers.js computes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.servers import PACKAGE_6, TRANSFORMERS_6, StaticServer, offer_runtime_6

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

MINILM = {"task_name": "feature-extraction", "model_id": "Xenova/all-MiniLM-L6-v2", "model_revision": "v0.1.0"}
TEXTS = ["The weather is lovely today.", "It is so sunny outside!"]

_ALONE = """
    const [base, hub, texts] = ARGUMENTS;
    const { pipeline, env } = await import(`${base}/dist/transformers.min.js`);
    Object.assign(env, {
        remoteHost: hub, remotePathTemplate: "{model}/v0.1.0", allowLocalModels: false, useBrowserCache: false,
        useWasmCache: false,
    });
    const runtime = `${base}/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded`;
    Object.assign(env.backends.onnx.wasm, {
        numThreads: 1, wasmPaths: { mjs: `${runtime}.mjs`, wasm: `${runtime}.wasm` },
    });
    const options = { dtype: "q8", device: "wasm" };
    const model = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2", options);
    const vectors = (await model(texts, { pooling: "mean", normalize: true })).tolist();
    await model.dispose();
    return [env.version, vectors];
"""


@pytest.fixture
def both(site: Site) -> Site:
    """A site that offers runtime 6 besides 5."""
    offer_runtime_6(site)
    return site


def test_runtime_6_is_used_where_it_is_offered(page: Page, both: Site, demo_site: Site) -> None:
    with StaticServer(PACKAGE_6) as package:
        arguments = json.dumps([package.url, f"{demo_site.hub.url}/hub/", TEXTS])
        version, alone = page.runner.run_js(_ALONE.replace("ARGUMENTS", arguments))
    config: dict[str, Any] = {**both.config, "hub_root_url": demo_site.config["hub_root_url"]}

    outcome = page.visit(config, TEXTS, **MINILM, dtype="q8")

    assert (outcome["info"]["transformers"], outcome["info"]["onnxruntime"][:4]) == (version, "1.31")
    assert outcome["vectors"] == alone


def test_a_page_may_stay_with_runtime_5(page: Page, both: Site) -> None:
    newest = page.visit(both.config, feature_id="tiny")
    pinned = page.visit({**both.config, "runtime_major": 5}, feature_id="tiny")

    assert [each["info"]["transformers"] for each in (newest, pinned)] == [TRANSFORMERS_6, "3.8.1"]
    assert pinned["info"]["onnxruntime"].startswith("1.22")


def test_without_an_adapter_the_reason_for_wasm_is_told(page: Page, both: Site) -> None:
    for device in ("gpu", "auto"):
        info = page.visit(both.config, feature_id="tiny", device=device)["info"]
        assert (info["device"], info["transformers"]) == ("wasm", TRANSFORMERS_6), "what 5 has more is of no use"
        assert info["deviceReason"] in (
            "this browser has no WebGPU here",
            "WebGPU finds no adapter on this machine",
        )
    assert page.visit(both.config, feature_id="tiny", device="wasm")["info"]["deviceReason"] is None


def test_threads_that_cannot_be_had_are_explained(page: Page, site: Site) -> None:
    asked = {number: page.visit(site.config, feature_id="tiny", num_threads=number)["info"] for number in (1, 2, None)}

    assert [asked[number]["threads"] for number in asked] == [1, 1, 1]
    assert asked[1]["threadsReason"] is None
    assert "not cross-origin isolated" in asked[2]["threadsReason"]
    assert "not cross-origin isolated" in asked[None]["threadsReason"]
