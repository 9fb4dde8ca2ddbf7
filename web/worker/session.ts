/**
 * Raw ONNX models: each is opened once, run with tensors by name, and released. The models of one worker share its
 * runtime and its memory, and run one after another.
 */
import type { Tensor } from "@huggingface/transformers";
import { InferenceSession } from "onnxruntime-web";
import {
  type CompositeInput,
  compositeInputs,
  type Form,
  formOf,
  rewriteInputs,
  tensorsOf,
  usualForm,
} from "./composite_inputs";
import { possibleThreads, tellLoss, threadsReason, usableDevice } from "./device";
import { askFor } from "./files";
import { type ModelFacts, NoGraph, readModel } from "./onnx";
import type { Answer } from "./protocol";
import { crash } from "./rpc";
import { compiled, ONNXRUNTIME_VERSION, startedRuntime, startRuntime, verifyRuntime } from "./runtime";
import { type Composite, composeOutputs, partsOf, rewriteOutputs } from "./sequences";
import type { InferArguments, InferMessage, OpenMessage, OpenOptions, SessionInfo } from "./session_protocol";
import { decode, encode } from "./values";

interface Opened {
  native: InferenceSession;
  /** Of the feeds that `native` takes. */
  form: Form;
  readonly inputs: readonly CompositeInput[];
  /** Opens the model for feeds of another form. It keeps the model's bytes, so most models have none. */
  readonly create: ((form: Form) => Promise<InferenceSession>) | undefined;
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
  const starting = runtime
    ? startRuntime(runtime.glue, possibleThreads(numThreads), () => compiled(runtime.wasm))
    : startedRuntime();
  const bytes = model instanceof Blob ? new Uint8Array(await model.arrayBuffer()) : model;
  const { external, ...facts } = describe(bytes);
  const files = external.map(async (path) => ({ path, data: await externalFile(path, session) }));
  const externalData = await Promise.all(files);
  const threads = await starting;
  const { model: rewritten, composites } = rewriteOutputs(bytes);
  const settings = { ...options, executionProviders: [device], externalData };
  const inputs = compositeInputs(rewritten);
  const create = (form: Form) => InferenceSession.create(rewriteInputs(rewritten, inputs, form), settings);
  const form = usualForm(inputs);
  const [native] = await Promise.all([inTurn(() => create(form)), runtime && verifyRuntime(runtime)]);
  await tellLoss(device);
  const on = { device, deviceReason, threads, threadsReason: threadsReason(numThreads, threads) };
  const info: SessionInfo = { ...facts, onnxruntime: ONNXRUNTIME_VERSION, ...on };
  const names = facts.outputs.map(({ name }) => name);
  return { native, form, inputs, create: inputs.length > 0 ? create : undefined, composites, names, info };
}

export async function infer({ session, json, buffers }: InferMessage): Promise<Answer> {
  const opened = sessions.get(session);
  if (!opened) throw new Error("the session has not been opened yet");
  const { inputs, composites, names } = opened;
  const { outputs, feeds } = decode(json, buffers) as InferArguments<Tensor | Tensor[]>;
  const wanted = outputs ?? names;
  const parts = partsOf(wanted, composites);
  const results: unknown[] = [];
  for (const feed of feeds) {
    const tensors = tensorsOf<Tensor>(inputs, feed).map(([name, { ort_tensor }]) => [name, ort_tensor]);
    const result = await inTurn(async () => {
      await openFor(opened, formOf(inputs, feed));
      return opened.native.run(Object.fromEntries(tensors), parts);
    });
    results.push(composeOutputs(wanted, composites, result));
  }
  return encode(results);
}

/** Open a model again for feeds of this form, if it is open for others. */
async function openFor(opened: Opened, form: Form): Promise<void> {
  if (!opened.create || `${form}` === `${opened.form}`) return;
  const native = await opened.create(form);
  await opened.native.release();
  opened.native = native;
  opened.form = form;
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
