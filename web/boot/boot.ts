/**
 * The start of a page with Python: `const python = await boot({ pyodide: "/pyodide/" })`.
 *
 * Python starts from the snapshot that `modelden snapshot` put beside Pyodide. Without one, or where it cannot be used,
 * Pyodide starts as ever. Either way modelden can be imported.
 */

import type { PyodideAPI } from "pyodide";
import { allowsSnapshot, installedPython, type PyodideModule, type PyodideOptions, RestoredPython } from "./python";
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
  const reading = readLockFile(folder, options);
  const module: PyodideModule = await import(`${folder}pyodide.mjs`);
  const lock = await reading;
  const all = { ...options, indexURL: folder };
  const python = (await startFromSnapshot(module, lock, all)) ?? (await installedPython(module, lock, all));
  if (modelden) configure(python, modelden);
  return python;
}

/** Returns null where there is no snapshot that can be used. */
async function startFromSnapshot(
  module: PyodideModule,
  lock: LockFile | null,
  options: PyodideOptions & { indexURL: string },
): Promise<PyodideAPI | null> {
  const entry = allowsSnapshot(options) ? snapshotEntry(lock) : null;
  if (!entry) return null;
  try {
    return await new RestoredPython(entry, options.indexURL).start(module, options);
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
