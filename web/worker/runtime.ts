/** Starts onnxruntime-web with the WASM file and the glue that the host chose, and with nothing else. */

import { env, InferenceSession } from "onnxruntime-web";
import type { Runtime } from "./protocol";

/** The version of onnxruntime-web in this bundle, which WASM file and glue have to belong to. */
export const ONNXRUNTIME_VERSION = env.versions.web ?? "";

/** The smallest ONNX model: y = x, one float. In base64, from `onnx.helper`. */
const IDENTITY = "CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEQ==";

/** Stands for the bytes of the WASM file, which onnxruntime-web wants to have before it starts. */
const BYTES = new ArrayBuffer(8);

let starting: Promise<number> | undefined;
let verifying: Promise<void> | undefined;

/**
 * Start the runtime, unless that was done before, and return how many threads it has: 1 where more were asked for and
 * cannot be had. It may be asked for sessions at once.
 *
 * @param compile Only called if the runtime has not been started.
 */
export function startRuntime(
  glue: Runtime["glue"],
  threads: number,
  compile: () => Promise<WebAssembly.Module>,
): Promise<number> {
  if (!starting) {
    instantiateFrom(compile());
    starting = start(glue, threads);
    starting.catch(() => {}); // whoever loads a model is told
  }
  return starting;
}

/** How many threads the runtime has that another model was opened with. */
export async function startedRuntime(): Promise<number> {
  if (!starting) throw new Error("this worker has no runtime yet, and was sent none");
  return starting;
}

/** Compile a WASM file. Not as a stream: of one that is cut short Firefox says then that there is no memory. */
export async function compiled(wasm: Blob): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await wasm.arrayBuffer());
}

/**
 * Return when the WASM file has been hashed, which begins at once, beside its compilation. Measured in a warm visit: in
 * Firefox 60 to 110 ms sooner than after the start, whose end the model's files do not outlast; in Chromium the same.
 *
 * @throws Error if the bytes are not those that were verified when they were stored.
 */
export function verifyRuntime({ wasm, sha256 }: Pick<Runtime, "wasm" | "sha256">): Promise<void> {
  if (!verifying) {
    verifying = checkHash(wasm, sha256);
    verifying.catch(() => {}); // whoever loads a model is told
  }
  return verifying;
}

async function checkHash(wasm: Blob, expected: string): Promise<void> {
  if (!globalThis.crypto?.subtle) return; // a page without https: the host hashes the file
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await wasm.arrayBuffer()));
  const actual = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (actual !== expected)
    throw new Error(`the stored runtime is damaged: expected SHA-256 ${expected}, found ${actual}`);
}

/**
 * The glue compiles bytes itself, when it has been loaded. Here it gets what is being compiled meanwhile, by this worker
 * or the page.
 */
function instantiateFrom(compiling: Promise<WebAssembly.Module>): void {
  compiling.catch(() => {}); // told by the session that does not start
  const { instantiate } = WebAssembly;
  const instantiated = async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
    if (!ArrayBuffer.isView(source) || source.buffer !== BYTES) return instantiate(source as BufferSource, imports);
    const module = await compiling;
    return { module, instance: await instantiate(module, imports) };
  };
  Object.assign(WebAssembly, { instantiate: instantiated });
}

/**
 * onnxruntime-web starts with its first session, which would be the model's: after its files have come. A session
 * of nothing brings that forward, so that compiling 14 to 27 MB of WASM goes on while files come and are read, and a WASM
 * file that does not work is told before them.
 */
async function start(glue: Runtime["glue"], threads: number): Promise<number> {
  const settings = env.wasm;
  settings.numThreads = threads;
  // The glue keeps its URL: threads are workers that start from it, at any time.
  const mjs = typeof glue === "string" ? glue : URL.createObjectURL(glue);
  settings.wasmPaths = { mjs }; // at once: the model's session may be asked for next
  settings.wasmBinary = BYTES;
  const model = Uint8Array.from(atob(IDENTITY), (character) => character.charCodeAt(0));
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"] }).catch(async (error) => {
    await checkGlue(mjs, typeof glue === "string");
    throw error;
  });
  await session.release();
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
