/** onnxruntime-web and the glue of its WASM file: where both come from, and that nothing else is used. */

import runtime from "modelden:runtime";
import glue from "modelden:runtime-glue";
import { env, InferenceSession } from "onnxruntime-web";

/** The version of onnxruntime-web in this bundle, which the WASM file has to belong to. */
export const ONNXRUNTIME_VERSION = env.versions.web ?? "";

/** The smallest ONNX model: y = x, one float. In base64, from `onnx.helper`. */
const IDENTITY = "CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEQ==";

interface Starting {
  /** How many threads it has, when it has started: 1 where more were asked for and cannot be had. */
  readonly threads: Promise<number>;
}

let begun: Promise<Starting> | undefined;

/** Start the runtime, unless that was done before. It can be asked for sessions from when this resolves. */
export function startRuntime(wasm: Blob, threads: number): Promise<Starting> {
  begun ??= wasm.arrayBuffer().then((bytes) => {
    const starting = { threads: start(bytes, threads) };
    starting.threads.catch(() => {}); // whoever loads a model is told
    return starting;
  });
  return begun;
}

/**
 * onnxruntime-web starts with its first session, which would be the model's: after its files have come. A session
 * of nothing brings that forward, so that compiling 22 MB of WASM goes on while files come and are read, and a WASM
 * file that does not work is told before them.
 */
async function start(wasm: ArrayBuffer, threads: number): Promise<number> {
  const settings = env.wasm;
  settings.numThreads = threads;
  const mjs = glueUrl();
  settings.wasmPaths = { mjs }; // at once: the model's session may be asked for next
  settings.wasmBinary = wasm; // a buffer, not a view of it: Emscripten uses the one and copies the other
  const model = Uint8Array.from(atob(IDENTITY), (character) => character.charCodeAt(0));
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"] }).catch(async (error) => {
    await checkGlue(mjs);
    throw error;
  });
  await session.release();
  delete settings.wasmBinary; // compiled, and 22 MB
  return settings.numThreads;
}

/** From now on sessions are made of nothing: what loads a model asks for its files, and starts no runtime. */
export function skipRuntime(): void {
  env.wasm.wasmPaths = {}; // transformers.js 4.x would look for the files that its own default names
  Object.assign(InferenceSession, { create: async () => ({}) });
}

/** The glue needs a URL of its own: threads are workers that start from it, at any time, so it is not revoked. */
function glueUrl(): string {
  return isServed()
    ? new URL(`${runtime.glueFile}?${MODELDEN_BUILD}`, location.href).href
    : URL.createObjectURL(new Blob([glue], { type: "text/javascript" }));
}

function isServed(): boolean {
  return location.protocol !== "blob:" && location.protocol !== "data:";
}

/** Return if the glue can be loaded: where it cannot, onnxruntime-web says that it found no backend, and not why. */
async function checkGlue(url: string): Promise<void> {
  await import(url).catch((cause) => {
    const way = isServed()
      ? "it has to lie beside the worker, where `modelden assets DIR` puts it"
      : "a content security policy without blob: in script-src refuses it; allow that, or set worker_url in modelden.configure()";
    throw new Error(`the runtime's JavaScript ${url} could not be loaded (${cause}): ${way}`);
  });
}
