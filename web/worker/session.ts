/**
 * Raw ONNX models: each is opened once, run with tensors by name, and released. The models of one worker share its
 * runtime and its memory, and run one after another.
 */
import type { Tensor } from "@huggingface/transformers";
import { InferenceSession } from "onnxruntime-web";
import { possibleThreads, tellLoss, threadsReason, usableDevice } from "./device";
import { askFor } from "./files";
import { type ModelFacts, NoGraph, readModel } from "./onnx";
import type { Answer, InferArguments, InferMessage, OpenMessage, OpenOptions, SessionInfo } from "./protocol";
import { crash } from "./rpc";
import { compiled, ONNXRUNTIME_VERSION, startRuntime, verifyRuntime } from "./runtime";
import { type Composite, composeOutputs, partsOf, rewriteOutputs } from "./sequences";
import { decode, encode } from "./values";

interface Opened {
  readonly native: InferenceSession;
  readonly composites: readonly Composite[];
  /** Names of all outputs. */
  readonly names: readonly string[];
}

const sessions = new Map<number, Opened>();
/** Models that are being opened and were not released meanwhile. */
const opening = new Set<number>();
/** onnxruntime-web refuses a run while another one is under way. */
let running: Promise<unknown> = Promise.resolve();

export async function open(message: OpenMessage): Promise<Answer> {
  opening.add(message.session);
  try {
    const { info, ...opened } = await load(message);
    if (opening.has(message.session)) sessions.set(message.session, opened);
    else void inTurn(() => opened.native.release());
    return { json: JSON.stringify(info), buffers: [] };
  } finally {
    opening.delete(message.session);
  }
}

async function load({ session, json, runtime, model }: OpenMessage): Promise<Opened & { info: SessionInfo }> {
  const { device: wanted, numThreads, options } = JSON.parse(json) as OpenOptions;
  const { device, deviceReason } = await usableDevice(wanted);
  const starting = startRuntime(runtime.glue, possibleThreads(numThreads), () => compiled(runtime.wasm));
  const bytes = new Uint8Array(await model.arrayBuffer());
  const { external, ...facts } = describe(bytes);
  const files = external.map(async (path) => ({ path, data: await externalFile(path, session) }));
  const externalData = await Promise.all(files);
  const threads = await starting;
  const { model: rewritten, composites } = rewriteOutputs(bytes);
  const settings = { ...options, executionProviders: [device], externalData };
  const creating = inTurn(() => InferenceSession.create(rewritten, settings));
  const [native] = await Promise.all([creating, verifyRuntime(runtime)]);
  await tellLoss(device);
  const on = { device, deviceReason, threads, threadsReason: threadsReason(numThreads, threads) };
  const info: SessionInfo = { ...facts, onnxruntime: ONNXRUNTIME_VERSION, ...on };
  return { native, composites, names: facts.outputs.map(({ name }) => name), info };
}

export async function infer({ session, json, buffers }: InferMessage): Promise<Answer> {
  const opened = sessions.get(session);
  if (!opened) throw new Error("the session has not been opened yet");
  const { native, composites, names } = opened;
  const { outputs, feeds } = decode(json, buffers) as InferArguments<Tensor>;
  const wanted = outputs ?? names;
  const parts = partsOf(wanted, composites);
  const results: unknown[] = [];
  for (const feed of feeds) {
    const tensors = Object.fromEntries(Object.entries(feed).map(([name, { ort_tensor }]) => [name, ort_tensor]));
    const result = await inTurn(() => native.run(tensors as Parameters<typeof native.run>[0], parts));
    results.push(composeOutputs(wanted, composites, result));
  }
  return encode(results);
}

/** Free a model's memory, after the runs that came before. */
export function release(session: number): void {
  const opened = sessions.get(session);
  opening.delete(session);
  sessions.delete(session);
  if (opened) void inTurn(() => opened.native.release());
}

/** Do what needs the runtime after all that needed it before. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = running.then(work, work);
  running = result;
  result.catch(endWithTrap);
  return result;
}

/** A trap of WebAssembly leaves the memory of all models as it was in the middle of something: none is run any more. */
function endWithTrap(error: unknown): void {
  if (error instanceof WebAssembly.RuntimeError) crash(error);
}

/** Fails with onnxruntime's codes and texts, and with the reason, which onnxruntime does not tell. */
function describe(bytes: Uint8Array): ModelFacts {
  try {
    return readModel(bytes);
  } catch (error) {
    const damage =
      error instanceof NoGraph
        ? "ERROR_CODE: 2, ERROR_MESSAGE: No graph was found in the protobuf."
        : "ERROR_CODE: 7, ERROR_MESSAGE: Failed to load model because protobuf parsing failed.";
    throw new Error(`${damage} (${(error as Error).message})`);
  }
}

async function externalFile(path: string, session: number): Promise<Uint8Array> {
  const answer = await askFor(path, session);
  if ("blob" in answer) return new Uint8Array(await answer.blob.arrayBuffer());
  const reason = "error" in answer ? answer.error : "there is no such file";
  throw new Error(`the model keeps weights in the file ${path} beside it, which cannot be had: ${reason}`);
}
