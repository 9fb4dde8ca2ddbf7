/**
 * Transactions of `modelFiles`. The list never makes the database and never upgrades it: that is Python's.
 *
 * Each transaction has a connection of its own, so that an open list keeps no tab from upgrading or deleting the database.
 */
import schema from "./schema.json";

export type StoreName = keyof typeof schema.stores;

/** Milliseconds for the opening: behind a deletion that another script blocks, it waits for ever. */
const OPEN_TIMEOUT = 10_000;
/** Times that a transaction is begun: each deletion of the database, and each clearing of site data, can abort one. */
const ATTEMPTS = 3;

const LOST = ["AbortError", "InvalidStateError", "NotFoundError", "UnknownError"];

/** The database cannot be read here; the message is for the visitor. */
export class Unreadable extends Error {
  readonly state: "blocked" | "earlier" | "failed" | "later" | "refused";

  constructor(state: Unreadable["state"], message: string) {
    super(message);
    this.state = state;
  }
}

/** One transaction's requests. They may be awaited: the transaction lives while one of its requests is under way. */
export class Transaction {
  readonly #transaction: IDBTransaction;

  constructor(transaction: IDBTransaction) {
    this.#transaction = transaction;
  }

  all<T>(store: StoreName, index?: string, key?: IDBValidKey): Promise<T[]> {
    const source = this.#transaction.objectStore(store);
    return result(index === undefined ? source.getAll() : source.index(index).getAll(key));
  }

  put(store: StoreName, row: object): void {
    this.#transaction.objectStore(store).put(row);
  }

  /** Deletes the row with this one's key. */
  delete(store: StoreName, row: object): void {
    const values = schema.stores[store].map((member) => (row as Record<string, IDBValidKey>)[member] ?? "");
    this.#transaction.objectStore(store).delete(values.length === 1 ? (values[0] ?? "") : values);
  }

  /** Deletes the bytes of a content. */
  deleteChunks(content: string): void {
    this.#transaction.objectStore("chunks").delete(IDBKeyRange.bound([content], [content, []]));
  }
}

/**
 * Runs one transaction. Returns null where there is no database: nothing is stored.
 * Throws Unreadable; then nothing was changed.
 */
export async function transact<T>(
  mode: IDBTransactionMode,
  stores: readonly StoreName[],
  work: (transaction: Transaction) => Promise<T>,
): Promise<T | null> {
  for (let attempt = 1; ; attempt++) {
    const database = await open();
    if (database === null) return null;
    try {
      const transaction = database.transaction(stores as string[], mode);
      const ended = end(transaction);
      ended.catch(() => {}); // awaited below, unless the work fails first
      const value = await work(new Transaction(transaction));
      await ended;
      return value;
    } catch (error) {
      const { name, message } = error as Error;
      if (attempt === ATTEMPTS || !LOST.includes(name)) {
        throw new Unreadable("failed", `The browser's storage failed (${name}: ${message}).`);
      }
    } finally {
      database.close();
    }
  }
}

async function open(): Promise<IDBDatabase | null> {
  const database = await connect();
  const version = database?.version ?? schema.version;
  if (version === schema.version) return database;
  database?.close();
  if (version > schema.version) {
    throw new Unreadable(
      "later",
      `The models here are stored by a later version of modelden (${version}; this list reads ${schema.version}). ` +
        "Nothing is changed. Reload the page to get that version, or update modelden on it.",
    );
  }
  throw new Unreadable(
    "earlier",
    `The models here are stored by an earlier version of modelden (${version}; this list reads ${schema.version}). ` +
      "modelden moves them when Python uses it next, and no file is lost. Until then nothing can be changed here.",
  );
}

function connect(): Promise<IDBDatabase | null> {
  return new Promise((resolve, reject) => {
    const refuse = (name: string) =>
      reject(
        new Unreadable(
          "refused",
          `The browser gives this page no storage (${name}): a sandboxed frame, a private window, blocked site data ` +
            "or a full disk.",
        ),
      );
    let request: IDBOpenDBRequest;
    try {
      request = indexedDB.open(schema.database);
    } catch (error) {
      refuse((error as Error).name);
      return;
    }
    let isAbsent = false;
    const timer = setTimeout(
      () =>
        reject(
          new Unreadable(
            "blocked",
            "The browser does not open the models' database: another tab of this site keeps it from being deleted or " +
              "upgraded. Close this site's other tabs.",
          ),
        ),
      OPEN_TIMEOUT,
    );
    request.onupgradeneeded = () => {
      isAbsent = true;
      request.transaction?.abort();
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      const database = request.result;
      database.onversionchange = () => database.close();
      resolve(database);
    };
    request.onerror = (event) => {
      clearTimeout(timer);
      event.preventDefault();
      if (isAbsent) resolve(null);
      else refuse(request.error?.name ?? "AbortError");
    };
  });
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function end(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new DOMException("the transaction was aborted", "AbortError"));
  });
}
