/**
 * The start of a page with Python: `const python = await boot({ pyodide: "/pyodide/" })`.
 *
 * Python starts from the snapshot that `modelden snapshot` put beside Pyodide. Without one, or where it cannot be used,
 * Pyodide starts as ever. Either way modelden can be imported. Beside it, the worker of the last visit's engine starts.
 */

import type { PyodideAPI } from "pyodide";
import { startEarlyWorker } from "./early_worker";
import {
  allowsSnapshot,
  installedPython,
  offer,
  type PyodideModule,
  type PyodideOptions,
  RestoredPython,
} from "./python";
import { type LockFile, snapshotEntry } from "./snapshot";

export interface BootOptions extends PyodideOptions {
  /** Folder of Pyodide's files; otherwise `indexURL`, or the folder `pyodide` beside the folder of this script. */
  pyodide?: string | URL;
  /** Arguments of Python's `modelden.configure`; without them it is not called. */
  modelden?: Record<string, unknown>;
}

/**
 * Starts Pyodide with modelden.
 *
 * All other options are those of `loadPyodide`. Fails as `loadPyodide` does, and with Python's error for a wrong configuration.
 */
export async function boot({ pyodide, modelden, ...options }: BootOptions = {}): Promise<PyodideAPI> {
  const folder = folderUrl(pyodide ?? options.indexURL);
  const all = { ...options, indexURL: folder };
  const importing: Promise<PyodideModule> = import(`${folder}pyodide.mjs`);
  importing.catch(() => {}); // awaited below
  const early = startEarlyWorker();
  const lock = await readLockFile(folder, options);
  const entry = allowsSnapshot(options) ? snapshotEntry(lock) : null;
  const restored = entry && new RestoredPython(entry, folder);
  try {
    const module = await importing;
    const python = (restored && (await started(restored, module, all))) ?? (await installedPython(module, lock, all));
    const worker = await early;
    if (worker) offer(python, worker);
    if (modelden) configure(python, modelden);
    return python;
  } catch (error) {
    (await early)?.end();
    throw error;
  }
}

/** Returns null where the snapshot cannot be used. */
async function started(
  restored: RestoredPython,
  module: PyodideModule,
  options: PyodideOptions,
): Promise<PyodideAPI | null> {
  try {
    return await restored.start(module, options);
  } catch (error) {
    console.debug("modelden: Python starts without a snapshot:", error);
    return null;
  }
}

function folderUrl(folder: string | URL | undefined): string {
  const url = folder ? new URL(folder, globalThis.location?.href) : new URL("../pyodide/", import.meta.url);
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}

/** Returns null if it cannot be read: `loadPyodide` says why. */
async function readLockFile(folder: string, options: PyodideOptions): Promise<LockFile | null> {
  try {
    if (options.lockFileContents) {
      const content = await options.lockFileContents;
      return typeof content === "string" ? JSON.parse(content) : (content as LockFile);
    }
    const response = await fetch(options.lockFileURL ?? `${folder}pyodide-lock.json`);
    return await response.json();
  } catch {
    return null;
  }
}

function configure(python: PyodideAPI, values: Record<string, unknown>): void {
  const [module, fields] = [python.pyimport("modelden"), python.toPy(values)];
  const call = python.runPython("lambda module, fields: module.configure(**fields) and None");
  try {
    call(module, fields);
  } finally {
    for (const proxy of [call, fields, module]) proxy.destroy();
  }
}
