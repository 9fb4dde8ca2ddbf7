/** The messages of raw ONNX models, beside those that all engine workers have (`protocol.ts`). */

import type { ModelFacts } from "./onnx";
import type { Running, Runtime } from "./protocol";

/** Open a raw ONNX model. A worker may have several of them, and no engine then. */
export interface OpenMessage {
  readonly type: "open";
  readonly id: number;
  /** By which it is run and released: a number above 0, used once. */
  readonly session: number;
  /** JSON text of {@link OpenOptions}. */
  readonly json: string;
  /** Absent where the worker has opened a model with it. */
  readonly runtime?: Runtime;
  /** A small model comes as its bytes. */
  readonly model: Blob | Uint8Array<ArrayBuffer>;
}

/** What the JSON of an {@link OpenMessage} holds. */
export interface OpenOptions {
  readonly device: string;
  readonly numThreads: number;
  /** onnxruntime-web's own session options. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Run a raw ONNX model once for each of the feeds. */
export interface InferMessage {
  readonly type: "infer";
  readonly id: number;
  readonly session: number;
  /** JSON text of {@link InferArguments}. */
  readonly json: string;
  readonly buffers: readonly ArrayBufferView[];
}

/** What the JSON of an {@link InferMessage} holds. */
export interface InferArguments<Tensor = unknown> {
  /** Names of the outputs that are wanted; `null` for all. */
  readonly outputs: readonly string[] | null;
  /** An input that is a sequence has a list of tensors; an absent optional one is not there. */
  readonly feeds: readonly Readonly<Record<string, Tensor>>[];
}

/** Free the memory of a raw ONNX model, after what was asked of it before. It is not answered. */
export interface ReleaseMessage {
  readonly type: "release";
  readonly session: number;
}

/** What the JSON of the reply to `open` holds. */
export interface SessionInfo extends Omit<ModelFacts, "external">, Running {
  readonly onnxruntime: string;
}
