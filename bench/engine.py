"""What Python costs an engine: runs through modelden and through transformers.js alone, in one page, in turns.

    python bench/engine.py chrome firefox

Ratios compare within one run. Prints JSON on stdout.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from pytest_pyodide.server import spawn_web_server

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from starlette.applications import Starlette  # noqa: E402
from starlette.routing import Mount  # noqa: E402
from starlette.staticfiles import StaticFiles  # noqa: E402

from modelden.host.cors import AnyOrigin  # noqa: E402  the path above is needed first
from modelden.host.server import RunningServer  # noqa: E402
from tests.pyodide.conftest import RUNNERS, launch  # noqa: E402
from tests.pyodide.servers import Site  # noqa: E402

TIMES = 60

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


def measure(runner: Any, site: Site, served: RunningServer) -> dict[str, Any]:
    """All figures of one browser."""
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


def main(browsers: list[str]) -> None:
    """Measure in these browsers, or in both."""
    found = {}
    with (
        Site(ROOT / "build/tree") as site,
        libraries() as served,
        sync_playwright() as playwright,
        spawn_web_server(ROOT / "build/pyodide") as (host, port, log),
    ):
        for name in browsers or ["chrome", "firefox"]:
            browser = launch(playwright, name)
            runner = RUNNERS[name, "page"](
                browsers={name: browser},
                server_hostname=host,
                server_port=port,
                server_log=log,
                dist_dir=ROOT / "build/pyodide",
            )
            found[name] = measure(runner, site, served)
            runner.quit()
            browser.close()
    print(json.dumps({"load average": os.getloadavg()[0], **found}, indent=2))  # noqa: T201  its one result


if __name__ == "__main__":
    main(sys.argv[1:])
