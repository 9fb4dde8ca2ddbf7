// onnxruntime-web alone, in a worker: it opens each model of a pack (`model_pack.py`) and runs it.
import { env, InferenceSession, Tensor } from "LIBRARY/ort.wasm.min.mjs";

env.wasm.wasmPaths = "LIBRARY/";
env.wasm.numThreads = 1;

const ARRAYS = {
  bool: Uint8Array,
  float16: globalThis.Float16Array ?? Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
};

function base64(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

function plain({ type, data, dims }) {
  if (type === "string") return { strings: data, dims };
  return { dtype: type, dims, data: base64(data) };
}

async function outcome({ model, feeds }, pack) {
  const tensor = ({ dtype, dims, at, strings }) => {
    if (strings) return new Tensor("string", strings, dims);
    const [offset, length] = at;
    const Kind = ARRAYS[dtype];
    return new Tensor(dtype, new Kind(pack.slice(offset, offset + length)), dims);
  };
  const [offset, length] = model;
  let session;
  try {
    session = await InferenceSession.create(new Uint8Array(pack, offset, length), { executionProviders: ["wasm"] });
    const runs = [];
    for (const feed of feeds) {
      const tensors = Object.entries(feed).map(([name, value]) => [name, tensor(value)]);
      const results = await session.run(Object.fromEntries(tensors));
      runs.push(session.outputNames.map((name) => plain(results[name])));
    }
    return runs;
  } catch (error) {
    return `${error}`;
  } finally {
    await session?.release();
  }
}

addEventListener("message", async ({ data: { url, names } }) => {
  try {
    const cases = await (await fetch(`${url}/cases.json`)).json();
    const pack = await (await fetch(`${url}/pack.bin`)).arrayBuffer();
    const outcomes = {};
    for (const each of cases) {
      if (!names || names.includes(each.name)) outcomes[each.name] = await outcome(each, pack);
    }
    postMessage(JSON.stringify(outcomes));
  } catch (error) {
    setTimeout(() => {
      throw error; // heard as `onerror`
    });
  }
});
postMessage("ready");
