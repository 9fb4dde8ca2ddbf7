/** Starts onnxruntime-web with the WASM file and the glue that the host chose, and with nothing else. */

import { env, InferenceSession } from "onnxruntime-web";
import type { Runtime } from "./protocol";

/** The version of onnxruntime-web in this bundle, which WASM file and glue have to belong to. */
export const ONNXRUNTIME_VERSION = env.versions.web ?? "";

/** The smallest ONNX model: y = x, one float. In base64, from `onnx.helper`. */
const IDENTITY = "CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEQ==";

interface Starting {
  /** How many threads it has, when it has started: 1 where more were asked for and cannot be had. */
  readonly threads: Promise<number>;
}

let begun: Promise<Starting> | undefined;

/** Start the runtime, unless that was done before. It can be asked for sessions from when this resolves. */
export function startRuntime({ wasm, glue }: Runtime, threads: number): Promise<Starting> {
  begun ??= wasm.arrayBuffer().then((bytes) => {
    const starting = { threads: start(bytes, glue, threads) };
    starting.threads.catch(() => {}); // whoever loads a model is told
    return starting;
  });
  return begun;
}

/**
 * onnxruntime-web starts with its first session, which would be the model's: after its files have come. A session
 * of nothing brings that forward, so that compiling 14 to 27 MB of WASM goes on while files come and are read, and a WASM
 * file that does not work is told before them.
 */
async function start(wasm: ArrayBuffer, glue: Runtime["glue"], threads: number): Promise<number> {
  const settings = env.wasm;
  settings.numThreads = threads;
  // The glue keeps its URL: threads are workers that start from it, at any time.
  const mjs = typeof glue === "string" ? glue : URL.createObjectURL(glue);
  settings.wasmPaths = { mjs }; // at once: the model's session may be asked for next
  settings.wasmBinary = wasm; // a buffer, not a view of it: Emscripten uses the one and copies the other
  const model = Uint8Array.from(atob(IDENTITY), (character) => character.charCodeAt(0));
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"] }).catch(async (error) => {
    await checkGlue(mjs, typeof glue === "string");
    throw error;
  });
  await session.release();
  delete settings.wasmBinary; // compiled, and large
  return settings.numThreads;
}

/** From now on sessions are made of nothing: what loads a model asks for its files, and starts no runtime. */
export function skipRuntime(): void {
  env.wasm.wasmPaths = {}; // transformers.js 4.x would look for the files that its own default names
  Object.assign(InferenceSession, { create: async () => ({}) });
}

/** Return if the glue can be loaded: where it cannot, onnxruntime-web says that it found no backend, and not why. */
async function checkGlue(url: string, isServed: boolean): Promise<void> {
  await import(url).catch((cause) => {
    const way = isServed
      ? "it has to lie beside the worker, where `modelden assets DIR` puts it"
      : "a content security policy without blob: in script-src refuses it; allow that, or set worker_url in modelden.configure()";
    throw new Error(`the runtime's JavaScript ${url} could not be loaded (${cause}): ${way}`);
  });
}
