"""Cost of Python for an engine: runs through modelden and through transformers.js alone, in one page, in turns.

    python bench/engine.py chrome firefox

Ratios compare within one run. Prints JSON on stdout.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pages import ROOT, page_with_pyodide, report  # also makes tests/ known
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from modelden.host.serve.cors import AnyOrigin
from modelden.host.serve.server import RunningServer
from tests.pyodide.servers import Site

TIMES = 100

ALONE = """
    const [libraries, hub] = %s;
    const source = `
        import { env, pipeline } from "${libraries}/transformers/transformers.min.js";
        env.useBrowserCache = false;
        env.allowLocalModels = false;
        env.remoteHost = "${hub}";
        env.remotePathTemplate = "hub/{model}/{revision}";
        env.backends.onnx.wasm.wasmPaths = "${libraries}/onnxruntime/";
        env.backends.onnx.wasm.numThreads = 1;
        const embed = await pipeline("feature-extraction", "%s", { revision: "%s", dtype: "q8" });
        onmessage = async ({ data: { id, texts } }) => {
            const result = await embed(texts, { pooling: "mean", normalize: true });
            postMessage({ id, data: result.data, dims: result.dims }, [result.data.buffer]);
        };
        postMessage("ready");
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    const pending = new Map();
    let lastId = 0;
    await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = ({ message }) => reject(new Error(message));
    });
    worker.onmessage = ({ data }) => { pending.get(data.id)(data); pending.delete(data.id); };
    const ask = (texts) => new Promise((resolve) => {
        pending.set(++lastId, resolve);
        worker.postMessage({ id: lastId, texts });
    });
    globalThis.transformersAlone = async (json) => {
        const texts = JSON.parse(json);
        const start = performance.now();
        await ask(texts);
        return performance.now() - start;
    };
"""


def libraries() -> RunningServer:
    """transformers.js and onnxruntime-web as published, for pages of any origin."""
    modules = ROOT / "node_modules"
    routes = [
        Mount("/transformers", StaticFiles(directory=modules / "@huggingface/transformers/dist")),
        Mount("/onnxruntime", StaticFiles(directory=modules / "onnxruntime-web/dist")),
    ]
    return RunningServer(AnyOrigin(Starlette(routes=routes), ()))


def figures(runner: Any, site: Site, served: RunningServer) -> dict[str, Any]:
    """Measure all figures of one browser."""
    (options,) = [
        record
        for record in site.collection("ml-inference-options").state.records.values()
        if record.get("featureId") == "simple-text-embedder"
    ]
    runner.run_js(ALONE % (json.dumps([served.url, f"{site.hub.url}/"]), options["modelId"], options["modelRevision"]))
    source = (ROOT / "bench/engine_in_page.py").read_text(encoding="utf-8")
    runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/engine_in_page.py', {json.dumps(source)})")
    runner.load_package("modelden")
    text = runner.run_async(
        "import json, engine_in_page\n"
        f"json.dumps(await engine_in_page.runs(json.loads({json.dumps(site.config)!r}), {TIMES}))"
    )
    return {name: {key: round(value, 3) for key, value in part.items()} for name, part in json.loads(text).items()}


def measure(name: str) -> dict[str, Any]:
    """Start one browser and its servers."""
    with Site(ROOT / "build/tree") as site, libraries() as served, page_with_pyodide(name) as runner:
        return figures(runner, site, served)


if __name__ == "__main__":
    report(measure, sys.argv[1:])
