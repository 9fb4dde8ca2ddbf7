/**
 * Every message that crosses between Python and modelden's workers, named once; those of chats, of raw models, of
 * the trust worker and of vectors are in `chat_protocol.ts`, `session_protocol.ts`, `trust_protocol.ts` and
 * `vectors_protocol.ts`.
 *
 * A message is a plain object told apart by `type`. Plain data crosses as JSON *text* (one string, one
 * conversion on either side), bytes as Blobs or as transferred typed arrays. How values look inside that JSON
 * is said in `values.ts`. A worker is ended with `worker.terminate()`, so there is no message for it.
 *
 * Two series of ids exist and may overlap: the host counts its requests (`create`, `run`, `read-chain`), the
 * engine worker counts its questions (`need`). A `reply` or `failure` carries an id of the first series, a
 * `file` one of the second.
 */

import type { ChatMessage } from "./chat_protocol";
import type { InferMessage, OpenMessage, ReleaseMessage } from "./session_protocol";

/** An error as it crosses: the fields that structured cloning would not keep. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

// ---- host -> engine worker

/** Start the engine. Asked once in a worker's life: another engine is another worker. */
export interface CreateMessage {
  readonly type: "create";
  readonly id: number;
  /** JSON text of {@link CreateOptions}. */
  readonly json: string;
  /** Absent for what needs no onnxruntime: tokenizers and static embeddings. */
  readonly runtime?: Runtime;
  /** Files that will be needed, with their URLs: there is no need to ask for them. */
  readonly kept: readonly (readonly [url: string, blob: Blob])[];
}

/** A WASM file as it is stored, and what onnxruntime-web drives it with. */
export interface Runtime {
  readonly wasm: Blob;
  /** SHA-256 in lower-case hexadecimal. Bytes with another hash are not run. */
  readonly sha256: string;
  /** The glue that was built with the file: its text, or its URL where workers are served. Another one hangs. */
  readonly glue: Blob | string;
}

/** A device, or one for each part of a model. */
export type Devices = string | Readonly<Record<string, string>>;

/** What the JSON of a {@link CreateMessage} holds. */
export interface CreateOptions {
  readonly task: string;
  /** `organization/name`. */
  readonly modelId: string;
  readonly modelRevision: string;
  /** For example `https://model-hub.mozilla.org/`. */
  readonly hubRootUrl: string;
  /** For example `{model}/{revision}`. */
  readonly hubUrlTemplate: string;
  /** One for all parts of the model, or by part. `null`: what transformers.js takes for the device (q8 on wasm). */
  readonly dtype: string | Readonly<Record<string, string>> | null;
  /** One for all parts, or by part. `null`: `wasm`. `webgpu` only with a WASM file that has it. */
  readonly device: Devices | null;
  /** Threads of the WASM runtime, 1 when absent, 0 for as many as there are cores. More than one need a cross-origin isolated page. */
  readonly numThreads?: number;
  /** Ask for the files that a load asks for, and load nothing: no runtime is started, no weights are read. */
  readonly filesOnly?: boolean;
  /** The least severe of onnxruntime's messages that are logged: 0 for all, 4 for the fatal ones alone. */
  readonly logSeverity: number;
  /** That weights are in files beside the models, or how many, or that by model file. `null`: as the model's configuration says. */
  readonly useExternalDataFormat: boolean | number | Readonly<Record<string, boolean | number>> | null;
  /** Folder of the ONNX files; empty for the repository's root. */
  readonly subfolder?: string;
  /** Name of the ONNX file without data type and `.onnx`, of models that are one file. */
  readonly modelFileName?: string;
  /** Where the model is a table of token vectors. */
  readonly staticEmbeddings?: StaticEmbeddings;
  /** Options as Firefox has them, for the tasks that tell them back (`moz-echo`). */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Firefox's `staticEmbeddingsOptions`. */
export interface StaticEmbeddings {
  /** Folder of the files in the repository; empty for its root. */
  readonly subfolder: string;
  /** `fp32`, `fp16`, `fp8_e5m2` or `fp8_e4m3`. */
  readonly dtype: string;
  readonly dimensions: number;
  /** The files are compressed with zstd. */
  readonly compression: boolean;
}

/**
 * Start the runtime before it is known what it will run: `create` or `open`, with the same file and threads, finds it
 * started. A `wasm` message follows.
 */
export interface RuntimeMessage {
  readonly type: "runtime";
  /** As in {@link Runtime}. */
  readonly glue: Blob | string;
  /** As in {@link CreateOptions}. */
  readonly numThreads: number;
}

/** The WASM file of the runtime that is being started. */
export interface WasmMessage extends Pick<Runtime, "wasm" | "sha256"> {
  readonly type: "wasm";
  /** The file as the page compiled it; `undefined` where that failed. */
  readonly module: WebAssembly.Module | undefined;
}

/** Run the engine once. */
export interface RunMessage {
  readonly type: "run";
  readonly id: number;
  /** JSON text of {@link RunArguments}. */
  readonly json: string;
  /** What the tags of the JSON point to: any views, their bytes count. */
  readonly buffers: readonly ArrayBufferView[];
}

/** What the JSON of a {@link RunMessage} holds: the pipeline's positional arguments, then its options. */
export interface RunArguments {
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
  /** Tell chunks while it runs. Only for tasks that write. */
  readonly stream?: StreamOptions;
}

/** Firefox's `streamerOptions`. */
export interface StreamOptions {
  /** A chunk for each token, else for each word. */
  readonly perTokens: boolean;
  readonly skipPrompt: boolean;
  readonly returnTokens: boolean;
}

/** End the run or the turn of a chat of this id after its current token: it is answered with what there is. */
export interface StopMessage {
  readonly type: "stop";
  readonly id: number;
}

/** The answer to the {@link NeedMessage} of the same id. */
export type FileMessage =
  | { readonly type: "file"; readonly id: number; readonly blob: Blob }
  /** The hub does not have it. transformers.js goes on without an optional file, and refuses otherwise. */
  | { readonly type: "file"; readonly id: number; readonly missing: true }
  /** It could not be had. Creation fails with this text, also for an optional file. */
  | { readonly type: "file"; readonly id: number; readonly error: string };

/** Answer at once: the host cannot see from the worker's lock whether it lives. */
export interface PingMessage {
  readonly type: "ping";
}

export type EngineRequest =
  | PingMessage
  | RuntimeMessage
  | WasmMessage
  | CreateMessage
  | RunMessage
  | ChatMessage
  | StopMessage
  | OpenMessage
  | InferMessage
  | ReleaseMessage
  | FileMessage;

// ---- engine worker -> host

/** The worker's module has been evaluated, and messages are heard. Sent once. */
export interface ReadyMessage {
  readonly type: "ready";
  /** Of which build it is: the host refuses others than its own. */
  readonly build: string;
}

/** The worker holds this lock until it ends: whoever gets it knows that the worker is gone. */
export interface AliveMessage {
  readonly type: "alive";
  readonly lock: string;
}

/** The answer to a {@link PingMessage}. */
export interface PongMessage {
  readonly type: "pong";
}

/** The browser took the GPU away: nothing that the worker holds there works any more. */
export interface LostMessage {
  readonly type: "lost";
  /** What the browser says. */
  readonly reason: string;
}

/**
 * transformers.js wants the file behind this URL, or a raw model the file at this path beside it. Several questions
 * can be open at once.
 */
export interface NeedMessage {
  readonly type: "need";
  readonly id: number;
  /** The raw model that asks; 0 for a pipeline. */
  readonly session: number;
  readonly url: string;
}

/** The request of this id is done. `create` answers with {@link EngineInfo}, `run` with the pipeline's result. */
export interface ReplyMessage {
  readonly type: "reply";
  readonly id: number;
  readonly json: string;
  /** Transferred. What the `$tensor` tags of the JSON point to. */
  readonly buffers: readonly ArrayBufferView[];
  /** JSON text of the `RunMetrics` (`metrics.ts`) of a `run`. */
  readonly metrics?: string;
}

/** The run of this id has written something. */
export interface ChunkMessage {
  readonly type: "chunk";
  readonly id: number;
  /** JSON text of {@link Chunk}. */
  readonly json: string;
}

export interface Chunk {
  readonly text: string;
  /** `null` when not asked for. */
  readonly tokens: readonly number[] | null;
  readonly isPrompt: boolean;
}

/** What a request is answered with. */
export type Answer = Pick<ReplyMessage, "json" | "buffers" | "metrics">;

/** The request of this id failed. */
export interface FailureMessage {
  readonly type: "failure";
  readonly id: number;
  readonly error: ErrorData;
}

/**
 * Something failed that belongs to no request: an uncaught error, an unhandled rejection, a message that
 * cannot be understood. Requests under way may never be answered after it.
 */
export interface CrashMessage {
  readonly type: "crash";
  readonly error: ErrorData;
}

/** What a model runs on. */
export interface Running {
  readonly device: Devices;
  /** Why it is not the one that was asked for; `null` if it is. */
  readonly deviceReason: string | null;
  readonly threads: number;
  /** Why there are as many; `null` where their number was asked for. */
  readonly threadsReason: string | null;
}

/** What the JSON of the reply to `create` holds. */
export interface EngineInfo extends Running {
  readonly transformers: string;
  readonly onnxruntime: string;
  /** Hz, of the sounds that the model takes; `null` if it takes none. */
  readonly samplingRate: number | null;
  /** It makes text token by token, which can be streamed. */
  readonly writes: boolean;
}

export type EngineEvent =
  | ReadyMessage
  | AliveMessage
  | PongMessage
  | LostMessage
  | NeedMessage
  | ChunkMessage
  | ReplyMessage
  | FailureMessage
  | CrashMessage;
