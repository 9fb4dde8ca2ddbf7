/**
 * onnxruntime-web and the glue of its WASM file: where both come from, and that nothing else is used.
 */

import glue from "modelden:runtime-glue";
import { env } from "@huggingface/transformers";

/** onnxruntime-web's own settings: transformers.js hands on the object that the library keeps them in. */
const { wasm: settings, versions } = env.backends.onnx as OnnxRuntimeEnv;

interface OnnxRuntimeEnv {
  readonly wasm: { numThreads?: number; wasmPaths?: { mjs: string }; wasmBinary?: ArrayBuffer };
  readonly versions: { readonly web: string };
}

/** The version of onnxruntime-web in this bundle, which the WASM file has to belong to. */
export const ONNXRUNTIME_VERSION = versions.web;

/**
 * Give onnxruntime-web the WASM file and the bundled glue. They are used when the first session is made.
 *
 * The glue has to have a URL of its own, because threads are workers that start from it: a blob URL, which is
 * not revoked since the workers may start at any time.
 */
export async function prepareRuntime(wasm: Blob, threads: number): Promise<void> {
  settings.numThreads = threads;
  settings.wasmPaths = { mjs: URL.createObjectURL(new Blob([glue], { type: "text/javascript" })) };
  // An ArrayBuffer, not a view of it: Emscripten wraps the one and copies the other.
  settings.wasmBinary = await wasm.arrayBuffer();
}

/** Drop what is only needed to start, once a session has been made: 22 MB. Tells how many threads there are. */
export function settleRuntime(): number {
  delete settings.wasmBinary;
  return settings.numThreads ?? 1;
}
