// transformers.js as published, in the page itself, without any of modelden: what its results are compared with.
// `tests/pyodide/task_cases.py` has the cases; values that JSON lacks are marked as `in_page_tasks.py` marks them.

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

function hexOf(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if ("$file" in value) return new Blob([bytesOf(value.$file)]);
  if ("$floats" in value) return new Float32Array(bytesOf(value.$floats).buffer);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, revive(part)]));
}

function asJson(value, library) {
  if (value === null || value === undefined) return null;
  if (typeof value === "number")
    return Object.is(value, -0) || !Number.isFinite(value) ? { number: `${value}` } : value;
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => asJson(item, library));
  if (value instanceof library.RawImage) {
    return { image: [value.width, value.height, value.channels], bytes: hexOf(value.data) };
  }
  if (ArrayBuffer.isView(value)) return { tensor: "float32", dims: [value.length], bytes: hexOf(value) };
  if ("dims" in value) return { tensor: value.type, dims: value.dims, bytes: hexOf(value.data) };
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, asJson(part, library)]));
}

globalThis.transformersAlone = async ({ base, wasmPaths, hub, task, model, calls }) => {
  const library = await import(`${base}/transformers.min.js`);
  const { env, pipeline } = library;
  env.useBrowserCache = false;
  env.allowLocalModels = false;
  env.remoteHost = hub;
  env.remotePathTemplate = "{model}/v1"; // 4.x looks for some files on the branch main, whatever the revision
  env.backends.onnx.wasm.wasmPaths = wasmPaths;
  env.backends.onnx.wasm.numThreads = 1;
  const run = await pipeline(task, model, { revision: "v1", dtype: "fp32", device: "wasm" });
  const results = [];
  for (const { args, options } of calls) results.push(asJson(await run(...revive(args), revive(options)), library));
  return JSON.stringify(results);
};
