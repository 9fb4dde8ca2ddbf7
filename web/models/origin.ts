/** What all pages of the origin share besides the database: Web Locks, messages, the inventory, the figures of storage. */
import type { PartialRow, Revision, StoredModel } from "./rows";
import schema from "./schema.json";

/** Locks of engines and downloads, by the names that Python gives them. */
export interface Activity {
  /** Changes when an engine or a download begins or ends. */
  readonly mark: string;
  readonly isDownloading: boolean;
  isUsed(key: Revision): boolean;
  isLoading(row: PartialRow): boolean;
}

const [USE, DOWNLOAD] = [prefix(schema.locks.use), prefix(schema.locks.download)];

export const useLock = ({ root, model, revision }: Revision) =>
  schema.locks.use.replace("{root} {model} {revision}", () => `${root} ${model} ${revision}`);

export const downloadLock = ({ id }: { readonly id: string }) => schema.locks.download.replace("{id}", () => id);

/** False in an insecure context, whose pages cannot wait for each other. */
export function hasLocks(): boolean {
  return navigator.locks !== undefined;
}

/** Waits for the lock of whoever reads rows and writes them back. */
export async function holdRows<T>(work: () => Promise<T>): Promise<T> {
  return (await navigator.locks.request(schema.locks.rows, work)) as T;
}

/** Returns false if the lock is held by somebody. */
export async function tryHold(name: string, work: () => Promise<unknown>): Promise<boolean> {
  return (await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  })) as boolean;
}

export async function activity(): Promise<Activity> {
  const names = new Set<string>();
  try {
    const { held } = await navigator.locks.query();
    for (const { name } of held ?? []) if (name?.startsWith(USE) || name?.startsWith(DOWNLOAD)) names.add(name);
  } catch {
    // Insecure or sandboxed: nobody knows what others do.
  }
  return {
    mark: [...names].sort().join("\n"),
    isDownloading: [...names].some((name) => name.startsWith(DOWNLOAD)),
    isUsed: (key) => names.has(useLock(key)),
    isLoading: (row) => names.has(downloadLock(row)),
  };
}

/** Tells the lists of all tabs that models have changed. */
export function announce(): void {
  withChannel((channel) => {
    channel.postMessage(JSON.stringify({ models: "changed" }));
    channel.close();
  });
}

/** Calls the listener when another script has changed models. Returns what ends that. */
export function listen(listener: () => void): () => void {
  let close = () => {};
  withChannel((channel) => {
    channel.onmessage = ({ data }) => {
      if (typeof data === "string" && data.includes('"models"')) listener();
    };
    close = () => channel.close();
  });
  return () => close();
}

function withChannel(use: (channel: BroadcastChannel) => void): void {
  try {
    use(new BroadcastChannel(schema.channel));
  } catch {
    // Firefox where site data are blocked: the list is read again when the page is looked at.
  }
}

/** Renews the inventory, if there is one: what is deleted here was not evicted by the browser. */
export function recordInventory(models: readonly StoredModel[]): void {
  try {
    if (localStorage.getItem(schema.inventory) === null) return;
    const names = new Map(models.filter(({ files }) => files.length).map((each) => [each.model + each.revision, each]));
    localStorage.setItem(
      schema.inventory,
      JSON.stringify([...names.values()].map((each) => [each.model, each.revision])),
    );
  } catch {
    // Refused like other storage.
  }
}

export interface StorageFigures {
  readonly usage: number | undefined;
  readonly quota: number | undefined;
  readonly persisted: boolean;
}

/** Returns null where the browser does not tell. */
export async function storageFigures(): Promise<StorageFigures | null> {
  try {
    const { usage, quota } = await navigator.storage.estimate();
    return { usage, quota, persisted: await navigator.storage.persisted() };
  } catch {
    return null;
  }
}

function prefix(template: string): string {
  return template.slice(0, template.indexOf("{"));
}
