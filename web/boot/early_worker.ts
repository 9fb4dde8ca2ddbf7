/**
 * The worker of the last visit's engine, started before Python: it compiles the runtime while Python starts.
 *
 * Python takes it for the worker that it would start at this point (`_js/early_worker.py`), or ends it. The worker has no
 * model: which one may be loaded, Python decides. It hashes the runtime, as any worker.
 */

/** The name of this build of modelden's JavaScript; tools/bundle.mjs replaces it. */
declare const MODELDEN_BUILD: string;

/** Bundle and glue of each WASM file, by its SHA-256; tools/bundle.mjs replaces it. */
declare const MODELDEN_RUNTIMES: Record<string, { bundle: string; glue: string }>;

/** Milliseconds that Python has to create an engine. */
const TIME_LIMIT = 60_000;

interface Runtime {
  hash: string;
  size: number;
}

/** A row of the store `engines` (`src/modelden/engine/history.py`), which may have any form. */
interface EngineRow {
  time?: unknown;
  plan?: { runtime?: { attachment?: Runtime }; options?: { numThreads?: unknown } };
}

/** A row of the store `attachments` (`src/modelden/settings/store.py`), which may have any form. */
interface AttachmentRow {
  attachment?: { blob?: Blob; record?: { attachment?: Runtime } };
}

/** A worker that nobody has taken. */
export class EarlyWorker {
  readonly bundle: string;
  readonly glue: string;
  /** SHA-256 of the WASM file. */
  readonly wasm: string;
  readonly threads: number;
  /** URL of its script. */
  readonly url: string;
  /** URL of the folder that it was started from. */
  readonly folder = new URL(".", import.meta.url).href;
  /** Its messages, and its errors. */
  readonly events: Event[] = [];
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(wasm: Blob, sha256: string, threads: number) {
    ({ bundle: this.bundle, glue: this.glue } = MODELDEN_RUNTIMES[sha256] as { bundle: string; glue: string });
    [this.wasm, this.threads] = [sha256, threads];
    this.url = this.#url(this.bundle);
    const worker = new Worker(this.url, { type: "module", name: `modelden ${this.bundle}` });
    this.#worker = worker;
    for (const type of ["message", "error", "messageerror"])
      worker.addEventListener(type, (event) => this.#worker && this.events.push(event));
    worker.postMessage({ type: "runtime", glue: this.#url(this.glue), numThreads: threads });
    worker.postMessage({ type: "wasm", module: undefined, wasm, sha256 });
  }

  /** Hands the worker over, once. Returns undefined for one that did not start as this build, or has ended. */
  take(): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    clearTimeout(this.#timer);
    const isReady = this.events.some((event) => isMessage(event, "ready") && event.data.build === MODELDEN_BUILD);
    if (isReady && this.events.every((event) => event.type === "message")) return worker;
    worker?.terminate();
    return undefined;
  }

  /** Ends the worker, unless it was taken. */
  end(): void {
    this.take()?.terminate();
  }

  /** Ends the worker if nobody takes it in time. */
  limitTime(): void {
    this.#timer = setTimeout(() => this.end(), TIME_LIMIT);
  }

  #url(name: string): string {
    return `${this.folder}${name}?${MODELDEN_BUILD}`;
  }
}

/** Starts the worker that the last visit's engine had. Returns null without one, and where the browser refuses. */
export async function startEarlyWorker(): Promise<EarlyWorker | null> {
  try {
    if (!globalThis.crypto?.subtle) return null; // the worker could not hash the runtime
    const engine = newest(await readRows<EngineRow>("modelden", "engines"));
    const runtime = engine?.plan?.runtime?.attachment;
    if (!runtime || !MODELDEN_RUNTIMES[runtime.hash]) return null;
    const wasm = findBlob(await readRows<AttachmentRow>("remote-settings", "attachments"), runtime);
    const threads = engine?.plan?.options?.numThreads ?? 0;
    return wasm && typeof threads === "number" ? new EarlyWorker(wasm, runtime.hash, threads) : null;
  } catch (error) {
    console.debug("modelden: no worker is started before Python:", error);
    return null;
  }
}

function newest(rows: EngineRow[]): EngineRow | null {
  const time = (row: EngineRow) => (typeof row.time === "number" ? row.time : 0);
  return rows.reduce<EngineRow | null>((found, row) => (found && time(found) >= time(row) ? found : row), null);
}

function findBlob(rows: AttachmentRow[], { hash, size }: Runtime): Blob | undefined {
  const row = rows.find(
    ({ attachment }) => attachment?.record?.attachment?.hash === hash && attachment.blob?.size === size,
  );
  return row?.attachment?.blob;
}

/** Returns all rows of a store; none of a database that does not exist, which is not created. */
async function readRows<Row>(name: string, store: string): Promise<Row[]> {
  const opening = indexedDB.open(name);
  opening.onupgradeneeded = () => opening.transaction?.abort();
  const database = await settled(opening).catch(() => null);
  if (!database) return [];
  try {
    if (!database.objectStoreNames.contains(store)) return [];
    return await settled<Row[]>(database.transaction(store).objectStore(store).getAll());
  } finally {
    database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault(); // Firefox reports it otherwise
      reject(request.error);
    };
  });
}

function isMessage(event: Event, type: string): event is MessageEvent<{ type: string; build: string }> {
  return event.type === "message" && (event as MessageEvent).data.type === type;
}
