/** A raw ONNX model in a worker of its own: opened once, then run with tensors by name. */
import type { Tensor } from "@huggingface/transformers";
import { InferenceSession } from "onnxruntime-web";
import { possibleThreads, tellLoss, threadsReason, usableDevice } from "./device";
import { askFor } from "./files";
import { type ModelFacts, NoGraph, readModel } from "./onnx";
import type { Answer, InferArguments, InferMessage, OpenMessage, OpenOptions, SessionInfo } from "./protocol";
import { compiled, ONNXRUNTIME_VERSION, startRuntime, verifyRuntime } from "./runtime";
import { type Composite, composeOutputs, partsOf, rewriteOutputs } from "./sequences";
import { decode, encode } from "./values";

let session: Promise<InferenceSession> | undefined;
let composites: readonly Composite[] = [];
let names: readonly string[] = [];
/** onnxruntime-web refuses a run while another one is under way. */
let running: Promise<unknown> = Promise.resolve();

export async function open({ json, runtime, model }: OpenMessage): Promise<Answer> {
  if (session) throw new Error("this worker has its session; another one needs a worker of its own");
  const { device: wanted, numThreads, options } = JSON.parse(json) as OpenOptions;
  const { device, deviceReason } = await usableDevice(wanted);
  const starting = startRuntime(runtime.glue, possibleThreads(numThreads), () => compiled(runtime.wasm));
  const bytes = new Uint8Array(await model.arrayBuffer());
  const { external, ...facts } = describe(bytes);
  const externalData = await Promise.all(external.map(async (path) => ({ path, data: await externalFile(path) })));
  names = facts.outputs.map(({ name }) => name);
  const threads = await starting;
  const { model: rewritten, composites: made } = rewriteOutputs(bytes);
  composites = made;
  session = InferenceSession.create(rewritten, { ...options, executionProviders: [device], externalData });
  await Promise.all([session, verifyRuntime(runtime)]);
  await tellLoss(device);
  const running = { device, deviceReason, threads, threadsReason: threadsReason(numThreads, threads) };
  const info: SessionInfo = { ...facts, onnxruntime: ONNXRUNTIME_VERSION, ...running };
  return { json: JSON.stringify(info), buffers: [] };
}

export async function infer({ json, buffers }: InferMessage): Promise<Answer> {
  const opened = await session;
  if (!opened) throw new Error("the session has not been opened yet");
  const { outputs, feeds } = decode(json, buffers) as InferArguments<Tensor>;
  const tensors = Object.fromEntries(Object.entries(feeds).map(([name, { ort_tensor }]) => [name, ort_tensor]));
  const wanted = outputs ?? names;
  const run = () => opened.run(tensors as Parameters<typeof opened.run>[0], partsOf(wanted, composites));
  const results = running.then(run, run);
  running = results;
  return encode(composeOutputs(wanted, composites, await results));
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

async function externalFile(path: string): Promise<Uint8Array> {
  const answer = await askFor(path);
  if ("blob" in answer) return new Uint8Array(await answer.blob.arrayBuffer());
  const reason = "error" in answer ? answer.error : "there is no such file";
  throw new Error(`the model keeps weights in the file ${path} beside it, which cannot be had: ${reason}`);
}
