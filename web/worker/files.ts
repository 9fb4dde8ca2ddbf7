/**
 * The only way in for files: transformers.js asks its custom cache, the cache asks the host. Nothing here or in
 * the libraries can reach the network.
 *
 * What transformers.js 3.8.1 makes of a cache's answer (`src/utils/hub.js`) decides the shape of this module. It
 * asks `match` for a local path, then for the URL. A Response is taken for the file *whatever its status*; an
 * exception is swallowed; after either an exception or `undefined` it calls `fetch` with the URL, where a 404
 * means "not there" and an exception ends the creation. So a file that is missing or failed is a miss in the
 * cache, and `fetch`, which is ours, tells which of the two it was.
 */
import { inspect } from "./onnx";
import type { CreateMessage, CreateOptions, FileMessage } from "./protocol";
import { post } from "./rpc";

/** Ways to the network besides `fetch`. Dynamic imports and workers are left: the runtime's glue needs both. */
const WAYS_OUT = ["XMLHttpRequest", "WebSocket", "WebSocketStream", "WebTransport", "EventSource", "caches"];

/** Files that are read into memory as a whole, and by nothing but a session. */
const WEIGHTS = /\.onnx(_data(_\d+)?)?$/;

type Answered = FileMessage | { readonly blob: Blob };

const open = new Map<number, (answer: FileMessage) => void>();
/** How the last question for a URL ended, when it did not bring a file. */
const refusals = new Map<string, FileMessage>();
/** Paths of all that was asked for. */
const asked = new Set<string>();
/** Models that were handed out for a load, by their URLs. */
const models = new Map<string, Blob>();
/** Files that the host gave without having been asked, by their URLs. */
const kept = new Map<string, Blob>();
/** Weights among them, which are read while the runtime starts. */
const read = new Map<Blob, Promise<ArrayBuffer>>();
let readsWeights = true;
let lastId = 0;

/** transformers.js' `env.customCache`, answered by the host. */
export const hostCache = {
  /** `key` is a path under `NO_LOCAL` first, which no one has, then the file's URL. */
  async match(key: string): Promise<Response | undefined> {
    if (!URL.canParse(key)) return undefined;
    asked.add(new URL(key).pathname);
    const blob = kept.get(key);
    const answer: Answered = blob ? { blob } : await askFor(key);
    if ("blob" in answer) {
      const { pathname } = new URL(key);
      if (!readsWeights && WEIGHTS.test(pathname)) return new Response();
      if (pathname.endsWith(".onnx")) models.set(key, answer.blob);
      return fileResponse(answer.blob);
    }
    refusals.set(key, answer);
    return undefined;
  },

  /** Asked of every cache by transformers.js; only for what `fetch` brought, and ours brings nothing. */
  async put(): Promise<void> {},
};

/** Take the files that a load needs. */
export function keep(files: CreateMessage["kept"]): void {
  for (const [url, blob] of files) {
    kept.set(url, blob);
    if (!readsWeights || !WEIGHTS.test(new URL(url).pathname)) continue;
    const reading = blob.arrayBuffer();
    reading.catch(() => {}); // told to whoever reads it
    read.set(blob, reading);
  }
}

/** From now on weights are asked for as ever, and empty: nobody is going to run them. */
export function leaveWeights(): void {
  readsWeights = false;
}

/**
 * The result of a load. Of a damaged model, or one whose weights are elsewhere, onnxruntime-web says little, in Firefox
 * nothing or a number: so this looks for one.
 */
export async function explained<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    throw (await fault().catch(() => null)) ?? error;
  } finally {
    models.clear();
    read.clear(); // weights that nobody came for
  }
}

async function fault(): Promise<Error | null> {
  for (const [url, blob] of models) {
    const path = new URL(url).pathname;
    const { damage, external } = inspect(new Uint8Array(await blob.arrayBuffer()));
    if (damage) return new Error(`${path} is damaged: ${damage}`);
    const beside = external.find((file) => !asked.has(`${path.slice(0, path.lastIndexOf("/"))}/${file}`));
    if (beside)
      return new Error(
        `${path} has weights in the file ${beside} beside it, which was not asked for: use_external_data_format=True ` +
          "(or the number of such files) does; transformers.js expects them to be named like the model, with _data at the end",
      );
  }
  return null;
}

/** The URL of a file of the engine's model, as transformers.js makes it. */
export function fileUrl(options: CreateOptions, file: string): string {
  const { hubRootUrl, hubUrlTemplate, modelId, modelRevision } = options;
  const path = hubUrlTemplate
    .replaceAll("{model}", modelId)
    .replaceAll("{revision}", encodeURIComponent(modelRevision));
  return `${hubRootUrl.replace(/\/$/, "")}/${path.replace(/^\/|\/$/g, "")}/${file}`;
}

/** The bytes of a file, without which there is no engine. */
export async function requiredFile(url: string): Promise<ArrayBuffer> {
  const blob = kept.get(url);
  const answer: Answered = blob ? { blob } : await askFor(url);
  if ("blob" in answer) return answer.blob.arrayBuffer();
  throw new Error("error" in answer ? answer.error : `the hub has no ${url}`);
}

/** The text of a file that a model may do without; null where the hub does not have it. */
export async function optionalText(url: string): Promise<string | null> {
  const answer = await askFor(url);
  if ("blob" in answer) return answer.blob.text();
  if ("error" in answer) throw new Error(answer.error);
  return null;
}

/** Hand a `file` message to the question that it answers. */
export function receiveFile(message: FileMessage): void {
  const settle = open.get(message.id);
  if (!settle) throw new Error(`file ${message.id} was not asked for`);
  open.delete(message.id);
  settle(message);
}

/** Replace everything in the worker's scope that could make a request. */
export function closeNetwork(): void {
  const define = (name: string, value: unknown) => Object.defineProperty(globalThis, name, { value });
  define("fetch", closedFetch);
  for (const name of WAYS_OUT) define(name, undefined);
}

/** Ask the host for a file; `url` may be any name that it knows. A raw model tells its number. */
export function askFor(url: string, session = 0): Promise<FileMessage> {
  const id = ++lastId;
  return new Promise((settle) => {
    open.set(id, settle);
    post({ type: "need", id, session, url });
  });
}

/**
 * A Response that hands out the Blob's bytes at one go: its own `arrayBuffer` reads them as a stream, piece by piece,
 * which takes Chromium twice as long. The length is for readers that allocate once by it.
 */
function fileResponse(blob: Blob): Response {
  const response = new Response(blob, { headers: { "content-length": `${blob.size}` } });
  response.arrayBuffer = () => {
    const reading = read.get(blob) ?? blob.arrayBuffer();
    read.delete(blob); // large, and the reader's from here on
    return reading;
  };
  return response;
}

async function closedFetch(input: RequestInfo | URL): Promise<Response> {
  const url = input instanceof Request ? input.url : `${input}`;
  const refusal = refusals.get(url);
  if (refusal && "missing" in refusal) return new Response(null, { status: 404 });
  if (refusal && "error" in refusal) throw new Error(refusal.error);
  throw new Error(`the engine has no network: ${url} is no file of the model`);
}
