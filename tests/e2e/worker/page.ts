// Runs in the page: the host's side of a worker, as `modelden/_js/worker.py` has it, and the parts under test.
import type {
  AliveMessage,
  CreateOptions,
  EngineInfo,
  ErrorData,
  NeedMessage,
  ReplyMessage,
  RunArguments,
  Runtime,
} from "../../../web/worker/protocol.ts";
import { decode, encode } from "../../../web/worker/values.ts";

/** How the host answers a `need`. */
export type FileAnswer = { blob: Blob } | { missing: true } | { error: string };

/** A message without its id. */
type Request = { type: string } & Record<string, unknown>;

type Message =
  | { type: "ready" }
  | AliveMessage
  | NeedMessage
  | ReplyMessage
  | { type: "failure"; id: number; error: ErrorData }
  | { type: "crash"; error: ErrorData };

const MODEL = "Xenova/all-MiniLM-L6-v2";
const REVISION = "v0.1.0";

interface Pending {
  readonly resolve: (reply: ReplyMessage) => void;
  readonly reject: (error: Error) => void;
}

async function hash(blob: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A worker made of a bundle's text, at a blob: URL. */
class Host {
  readonly needs: string[] = [];
  readonly crashes: ErrorData[] = [];
  /** The lock that the worker holds while it lives. */
  lock: string | undefined;
  answerFile: (url: string) => FileAnswer | Promise<FileAnswer> = () => ({ missing: true });
  /** What drives the WASM file of an engine. */
  glue = new Blob();
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** When the worker has said so: perhaps before anybody waits for it. */
  readonly ready: Promise<void>;
  #onCrash = () => {};
  #lastId = 0;

  constructor(bundle: string) {
    const url = URL.createObjectURL(new Blob([bundle], { type: "text/javascript" }));
    this.#worker = new Worker(url, { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#worker.onerror = ({ message }) => reject(new Error(message));
    this.#worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.type === "ready") resolve();
      else if (data.type === "alive") this.lock = data.lock;
      else if (data.type === "need") void this.#answer(data);
      else if (data.type === "reply") this.#pending.get(data.id)?.resolve(data);
      else if (data.type === "failure") this.#pending.get(data.id)?.reject(Object.assign(new Error(), data.error));
      else {
        this.crashes.push(data.error);
        this.#onCrash();
      }
    };
  }

  /** Wait until so many crashes have been told. */
  async crashed(count = 1): Promise<ErrorData[]> {
    while (this.crashes.length < count) {
      await new Promise<void>((resolve) => {
        this.#onCrash = resolve;
      });
    }
    return this.crashes;
  }

  ask(message: Request): Promise<ReplyMessage> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.post({ ...message, id });
    });
  }

  post(message: Request): void {
    this.#worker.postMessage(message);
  }

  async create(wasm: Blob, options: Partial<CreateOptions> = {}, sha256?: string): Promise<EngineInfo> {
    const all: CreateOptions = {
      task: "feature-extraction",
      modelId: MODEL,
      modelRevision: REVISION,
      hubRootUrl: "https://hub.example/",
      hubUrlTemplate: "{model}/{revision}",
      dtype: "q8",
      device: null,
      logSeverity: 2,
      useExternalDataFormat: null,
      ...options,
    };
    const runtime: Runtime = { wasm, sha256: sha256 ?? (await hash(wasm)), glue: this.glue };
    const { json } = await this.ask({ type: "create", json: JSON.stringify(all), runtime, kept: [] });
    return JSON.parse(json);
  }

  run(args: RunArguments["args"], options: RunArguments["options"] = {}): Promise<ReplyMessage> {
    return this.ask({ type: "run", json: JSON.stringify({ args, options }), buffers: [] });
  }

  end(): void {
    this.#worker.terminate();
  }

  async #answer({ id, url }: NeedMessage): Promise<void> {
    this.needs.push(url);
    this.post({ type: "file", id, ...(await this.answerFile(url)) });
  }
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

/** Start an engine worker that is ready, with a host that has the files of MiniLM; `prelude` runs before the bundle. */
async function startEngine(prelude = ""): Promise<Host> {
  const bundle = await (await get("/assets/engine-5.js")).text();
  const host = new Host(prelude + bundle);
  host.answerFile = modelFile;
  host.glue = await (await get("/assets/ort-wasm-simd-threaded.jsep.mjs")).blob();
  await host.ready;
  return host;
}

async function startTrust(): Promise<Host> {
  const host = new Host(await (await get("/assets/trust.js")).text());
  await host.ready;
  return host;
}

async function modelFile(url: string): Promise<FileAnswer> {
  const response = await fetch(`/hub/${url.slice("https://hub.example/".length)}`);
  return response.ok ? { blob: await response.blob() } : { missing: true };
}

async function wasm(name = "ort-wasm-simd-threaded.jsep.wasm"): Promise<Blob> {
  return (await get(`/onnxruntime/${name}`)).blob();
}

type Embed = (texts: string[], options: object) => Promise<{ data: Float32Array; dims: number[] }>;

/** transformers.js as published, without any of modelden: what the worker's results are compared with. */
async function transformersAlone(): Promise<Embed> {
  const { env, pipeline } = await import(/* @vite-ignore */ `${location.origin}/transformers/transformers.min.js`);
  env.useBrowserCache = false;
  env.allowLocalModels = false;
  env.remoteHost = location.origin;
  env.remotePathTemplate = "hub/{model}/{revision}";
  env.backends.onnx.wasm.wasmPaths = `${location.origin}/transformers/`;
  env.backends.onnx.wasm.numThreads = 1;
  return pipeline("feature-extraction", MODEL, { revision: REVISION, dtype: "q8" });
}

const inPage = { startEngine, startTrust, wasm, hash, modelFile, transformersAlone, encode, decode };

declare global {
  /** What the specs see inside `evaluate`. */
  var page: typeof inPage;
}

globalThis.page = inPage;
