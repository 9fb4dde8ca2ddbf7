"""Cost of Python for a raw model: 32 MiB in and out through modelden and through onnxruntime-web alone, in turns.

    python bench/session.py chrome firefox

Both copy the array once on its way to a worker, and are handed the result. Prints JSON on stdout.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from engine import libraries
from pages import ROOT, page_with_pyodide, report  # also makes tests/ known

from tests.pyodide.servers import Site
from tests.tiny_models.raw import raw_models

TIMES = 15

ALONE = """
    const [libraries, model] = %s;
    const source = `
        import { env, InferenceSession, Tensor } from "${libraries}/onnxruntime/ort.min.mjs";
        env.wasm.wasmPaths = "${libraries}/onnxruntime/";
        env.wasm.numThreads = 1;
        const bytes = Uint8Array.from(atob("${model}"), (character) => character.charCodeAt(0));
        const session = await InferenceSession.create(bytes, { executionProviders: ["wasm"] });
        onmessage = async ({ data }) => {
            const { "x-out": y } = await session.run({ x: new Tensor("float32", data, [data.length]) });
            postMessage(y.data, [y.data.buffer]);
        };
        postMessage("ready");
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    const answer = () => new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = ({ message }) => reject(new Error(message));
    });
    await answer();
    let numbers;
    globalThis.onnxruntimeAlone = async (count) => {
        numbers ??= new Float32Array(count);
        const start = performance.now();
        const copy = numbers.slice();
        worker.postMessage(copy, [copy.buffer]);
        await answer();
        return performance.now() - start;
    };
"""


def measure(name: str) -> dict[str, Any]:
    """Start one browser and its servers."""
    model = base64.b64encode(raw_models()["identity"]).decode()
    with Site(ROOT / "build/tree") as site, libraries() as served, page_with_pyodide(name) as runner:
        runner.run_js(ALONE % json.dumps([served.url, model]))
        source = (ROOT / "bench/session_in_page.py").read_text(encoding="utf-8")
        runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/session_in_page.py', {json.dumps(source)})")
        runner.load_package("modelden")
        text = runner.run_async(
            "import json, session_in_page\n"
            f"json.dumps(await session_in_page.runs(json.loads({json.dumps(site.config)!r}), {model!r}, {TIMES}))"
        )
    return {name: round(value, 3) for name, value in json.loads(text).items()}


if __name__ == "__main__":
    report(measure, sys.argv[1:])
