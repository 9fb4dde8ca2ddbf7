/** The start of Pyodide with modelden installed: from a snapshot, or as `loadPyodide` does. */

import type { loadPyodide, PyodideAPI } from "pyodide";
import type { EarlyWorker } from "./early_worker";
import { type LockFile, readSnapshot, type Snapshot, type SnapshotEntry } from "./snapshot";
import { storeContent } from "./stored_content";

/** Options of `loadPyodide`. */
export type PyodideOptions = NonNullable<Parameters<typeof loadPyodide>[0]>;

export interface PyodideModule {
  loadPyodide: typeof loadPyodide;
}

/** Options that Python reads before a snapshot is restored, so they would have no effect. */
const UNABLE: (keyof PyodideOptions)[] = ["args", "jsglobals", "_makeSnapshot", "_loadSnapshot"];

type FileSystemHook = NonNullable<PyodideOptions["fsInit"]>;

/** Tells whether a page with these options can start from a snapshot. */
export function allowsSnapshot(options: PyodideOptions): boolean {
  return UNABLE.every((name) => options[name] === undefined);
}

/** The private part of Pyodide that has its options. */
type RestoredPyodide = PyodideAPI & { _api?: { config?: { _loadSnapshot?: unknown } } };

/** A snapshot on its way, as options of `loadPyodide` and the steps after it. */
export class RestoredPython {
  readonly #entry: SnapshotEntry;
  readonly #reading: Promise<Snapshot | null>;

  /** Begins to read the snapshot, and Pyodide's script, which `loadPyodide` imports only later. */
  constructor(entry: SnapshotEntry, folder: string) {
    this.#entry = entry;
    import(`${folder}pyodide.asm.mjs`).catch(() => {}); // `loadPyodide` says why
    this.#reading = readSnapshot(entry, folder).catch((error) => {
      console.debug("modelden: there is no usable snapshot of Python:", error);
      return null;
    });
  }

  /** Starts Pyodide from the snapshot. Fails for a damaged snapshot, and for one of another build of Pyodide. */
  async start({ loadPyodide }: PyodideModule, options: PyodideOptions): Promise<PyodideAPI> {
    // Pyodide compiles as soon as it knows the memory's size. Its content is put there while it compiles.
    let memory = new Uint8Array(this.#entry.memory_size);
    const fsInit: FileSystemHook = async (fs, info) => {
      await options.fsInit?.(fs, info);
      const snapshot = await this.#reading;
      // An empty memory is no snapshot, and Pyodide refuses it.
      if (!snapshot) return;
      for (const [start, bytes] of snapshot.ranges) memory.set(bytes, start);
      for (const [path, bytes] of snapshot.files) writeFile(fs, `${info.sitePackages}/${path}`, bytes);
    };
    const packages = options.packages?.filter((name) => name !== "modelden") ?? [];
    const python: RestoredPyodide = await loadPyodide({ ...options, packages, fsInit, _loadSnapshot: memory });
    // Pyodide keeps its options for good: a copy of the whole memory, and the hook, which names it.
    delete python._api?.config?._loadSnapshot;
    memory = new Uint8Array();
    resume(python, options.env ?? {});
    void this.#store();
    return python;
  }

  async #store(): Promise<void> {
    const content = (await this.#reading)?.downloaded;
    if (content) await storeContent(this.#entry.sha256, content);
  }
}

/** Starts Pyodide by itself and installs modelden: of the lock file, or of PyPI. */
export async function installedPython(
  { loadPyodide }: PyodideModule,
  lock: LockFile | null,
  options: PyodideOptions,
): Promise<PyodideAPI> {
  if (lock?.packages?.modelden) {
    return await loadPyodide({ ...options, packages: [...(options.packages ?? []), "modelden"] });
  }
  const python = await loadPyodide({ ...options, packages: [...(options.packages ?? []), "micropip"] });
  const micropip = python.pyimport("micropip");
  try {
    await micropip.install("modelden");
  } finally {
    micropip.destroy();
  }
  return python;
}

/** Gives Python the values that belong to this page, and tells Pyodide that modelden is installed. */
function resume(python: PyodideAPI, env: Record<string, string>): void {
  const LANG = `${(globalThis.navigator?.language ?? "C").replace("-", "_")}.UTF-8`;
  const environment = python.toPy({ LANG, ...env });
  const module = python.pyimport("modelden.memory_snapshot");
  try {
    module.resume(environment);
  } finally {
    module.destroy();
    environment.destroy();
  }
  Object.assign(python.loadedPackages, { modelden: "default channel" });
}

/** Lets Python take a worker that was started before it; ends it where modelden is of another version. */
export function offer(python: PyodideAPI, worker: EarlyWorker): void {
  try {
    const module = python.pyimport("modelden._js.early_worker");
    module.offer(worker);
    module.destroy();
    worker.limitTime();
  } catch (error) {
    console.debug("modelden: Python takes no worker that was started before it:", error);
    worker.end();
  }
}

function writeFile(fs: Parameters<FileSystemHook>[0], path: string, bytes: Uint8Array): void {
  fs.mkdirTree(path.slice(0, path.lastIndexOf("/")));
  fs.writeFile(path, bytes, { canOwn: true });
}
