"""Cost of Python for raw models: modelden and onnxruntime-web alone in a worker of the same page, in turns.

    python bench/session.py chrome firefox
    python bench/session.py --sessions 500 chrome firefox

Measures a large run (32 MiB in and out), a small run (a frame of 512 samples with a state, as voice detection has it)
and the opening of a second session. Both copy what they take once on its way to a worker, and are handed the result.
With ``--sessions`` it opens and closes so many sessions, and compares workers, proxies and memory with the beginning.
Prints JSON on stdout.
"""

from __future__ import annotations

import argparse
import base64
import json
from functools import partial
from typing import Any

import numpy as np
from engine import libraries
from onnx import TensorProto, helper, numpy_helper
from pages import BROWSERS, ROOT, page_with_pyodide, report  # also makes tests/ known

from tests.pyodide.servers import Site
from tests.tiny_models.raw import raw_models

TIMES = 15

ALONE = """
    const [libraries] = %s;
    const source = `
        import { env, InferenceSession, Tensor } from "${libraries}/onnxruntime/ort.min.mjs";
        env.wasm.wasmPaths = "${libraries}/onnxruntime/";
        env.wasm.numThreads = 1;
        const sessions = new Map();
        const on = {
            async open({ name, bytes }) {
                sessions.set(name, await InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
            },
            async release({ name }) {
                await sessions.get(name).release();
            },
            async run({ name, feeds }) {
                const tensors = feeds.map(([name, type, data, dims]) => [name, new Tensor(type, data, dims)]);
                const results = await sessions.get(name).run(Object.fromEntries(tensors));
                return Object.values(results).map(({ data }) => data);
            },
        };
        onmessage = async ({ data }) => {
            try {
                const views = await on[data.type](data) ?? [];
                postMessage(views, views.map(({ buffer }) => buffer));
            } catch (error) {
                setTimeout(() => { throw error; }); // heard as onerror
            }
        };
        postMessage("ready");
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    const answer = () => new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = ({ message }) => reject(new Error(message));
    });
    await answer();
    const send = (message, transfer = []) => {
        worker.postMessage(message, transfer);
        return answer();
    };
    const timed = async (count, work) => {
        const start = performance.now();
        for (let index = 0; index < count; index++) await work(index);
        return performance.now() - start;
    };
    const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    let numbers;
    globalThis.onnxruntimeAlone = {
        open(name, model, count) {
            const bytes = bytesOf(model);
            return timed(count, (index) => send({ type: "open", name: `${name}${index}`, bytes }));
        },
        release: (name, count) => timed(count, (index) => send({ type: "release", name: `${name}${index}` })),
        large(name, length, count) {
            numbers ??= new Float32Array(length);
            return timed(count, () => {
                const copy = numbers.slice();
                const message = { type: "run", name, feeds: [["x", "float32", copy, [length]]] };
                return send(message, [copy.buffer]);
            });
        },
        frame: (name, count) =>
            timed(count, () => {
                const feeds = [
                    ["x", "float32", new Float32Array(512), [1, 512]],
                    ["state", "float32", new Float32Array(256), [2, 1, 128]],
                ];
                return send({ type: "run", name, feeds }, feeds.map(([, , { buffer }]) => buffer));
            }),
    };
"""


def frame_model() -> bytes:
    """A model of the size and the form of Silero's voice detection: frame and state to probability and state."""
    random = np.random.default_rng(1)

    def weights(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(random.normal(0, 0.1, shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Unsqueeze", ["x", "one"], ["wave"]),
        helper.make_node("Conv", ["wave", "bank"], ["spectrum"], strides=[128]),
        helper.make_node("Relu", ["spectrum"], ["rectified"]),
        helper.make_node("Conv", ["rectified", "encoder"], ["encoded"], pads=[1, 1]),
        helper.make_node("Transpose", ["encoded"], ["sequence"], perm=[2, 0, 1]),
        helper.make_node("Split", ["state"], ["h", "c"], axis=0, num_outputs=2),
        helper.make_node("LSTM", ["sequence", "w", "r", "", "", "h", "c"], ["", "h-out", "c-out"], hidden_size=128),
        helper.make_node("Concat", ["h-out", "c-out"], ["next"], axis=0),
        helper.make_node("Squeeze", ["h-out", "zero"], ["last"]),
        helper.make_node("MatMul", ["last", "decoder"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["y"]),
    ]
    constants = [
        *(numpy_helper.from_array(np.array([value], np.int64), name) for name, value in (("one", 1), ("zero", 0))),
        weights("bank", 258, 1, 256),
        weights("encoder", 128, 258, 3),
        weights("w", 1, 512, 128),
        weights("r", 1, 512, 128),
        weights("decoder", 128, 1),
    ]
    values = {"x": [1, 512], "state": [2, 1, 128], "y": [1, 1], "next": [2, 1, 128]}
    infos = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()}
    inputs, outputs = [infos["x"], infos["state"]], [infos["y"], infos["next"]]
    model = helper.make_model(
        helper.make_graph(nodes, "frame", inputs, outputs, constants), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 9
    serialized: bytes = model.SerializeToString()
    return serialized


def measure(name: str, sessions: int) -> dict[str, Any]:
    """Start one browser and its servers."""
    models = {"large": raw_models()["identity"], "frame": frame_model()}
    texts = {each: base64.b64encode(data).decode() for each, data in models.items()}
    with Site(ROOT / "build/tree") as site, libraries() as served, page_with_pyodide(name) as runner:
        runner.run_js(ALONE % json.dumps([served.url]))
        source = (ROOT / "bench/session_in_page.py").read_text(encoding="utf-8")
        runner.run_js(f"pyodide.FS.writeFile('/home/pyodide/session_in_page.py', {json.dumps(source)})")
        runner.load_package("modelden")
        call = f"leaks(config, models, {sessions})" if sessions else f"runs(config, models, {TIMES})"
        text = runner.run_async(
            "import json, session_in_page\n"
            f"config, models = json.loads({json.dumps([site.config, texts])!r})\n"
            f"json.dumps(await session_in_page.{call})"
        )
    return {each: round(value, 3) for each, value in json.loads(text).items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("browsers", nargs="*", default=BROWSERS)
    arguments = parser.parse_args()
    report(partial(measure, sessions=arguments.sessions), arguments.browsers)
