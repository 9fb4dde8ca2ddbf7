/**
 * What needs Python: downloads, updates and the hashing of files. The page gives it as an object of functions, so that Python
 * may run in the page, in a worker, or not yet at all; `pyodideActions` makes that object of a Pyodide.
 */
import type { Revision } from "./rows";

export interface ModelName {
  /** `hostname/organization/name`. */
  readonly model: string;
  readonly revision: string;
  readonly rootUrl: string | null;
}

/** Arguments of `modelden.prefetch`. */
export interface DownloadRequest {
  readonly task_name?: string;
  readonly feature_id?: string;
  readonly model_id?: string;
  readonly model_revision?: string;
  readonly dtype?: string;
  readonly engine_id?: string;
}

export interface Update {
  /** `organization/name` and the revision that are stored. */
  readonly model: string;
  readonly revision: string;
  readonly status: "up-to-date" | "update-available" | "offline" | "unavailable";
  /** The revision that is available. */
  readonly available: string | null;
  /** Downloads the update. */
  readonly request: DownloadRequest;
}

/** Bytes; null where they are not known. `fraction` is from 0 to 1. */
export interface Progress {
  readonly loaded: number | null;
  readonly total: number | null;
  readonly fraction: number | null;
}

export interface Transfer {
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

export interface ModelActions {
  /** Hashes all files, deletes damaged ones, and returns the result for each file. */
  verify?(name: ModelName): Promise<readonly { readonly path: string; readonly ok: boolean }[]>;
  /** Completes interrupted downloads. */
  resume?(name: ModelName, transfer: Transfer): Promise<unknown>;
  updates?(): Promise<readonly Update[]>;
  download?(request: DownloadRequest, transfer: Transfer): Promise<unknown>;
  /** Asked for where the list cannot do it itself: without Web Locks. */
  delete?(name: ModelName): Promise<unknown>;
  pin?(name: ModelName, pinned: boolean): Promise<unknown>;
}

/** A page that gives some actions has chosen them; without any, what needs Python is shown as unavailable. */
export function isLeftOut(actions: ModelActions, name: keyof ModelActions): boolean {
  return actions[name] === undefined && Object.keys(actions).length > 0;
}

/** The part of Pyodide that is used. */
interface Pyodide {
  pyimport(name: string): Record<string, (...values: unknown[]) => Promise<string>>;
}

export function modelName({ model, revision, root }: Revision): ModelName {
  return { model, revision, rootUrl: root || null };
}

/** The actions of a page with Pyodide. `start` is called at the first use of one: Python may start no earlier. */
export function pyodideActions(start: Pyodide | (() => Pyodide | Promise<Pyodide>)): Required<ModelActions> {
  let python: Promise<Record<string, (...values: unknown[]) => Promise<string>>> | undefined;
  const call = async (name: string, ...values: unknown[]) => {
    python ??= Promise.resolve(typeof start === "function" ? start() : start).then((pyodide) =>
      pyodide.pyimport("modelden.model_actions"),
    );
    python.catch(() => {
      python = undefined;
    });
    const answer = JSON.parse((await (await python)[name]?.(...values)) ?? "{}");
    if (answer.error) throw new Error(answer.error);
    return answer.value;
  };
  const transfer = async (name: string, argument: object, { onProgress, signal }: Transfer) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve());
    const report = (text: string) => onProgress(JSON.parse(text));
    await call(name, JSON.stringify(argument), report, promise).finally(resolve);
  };
  return {
    verify: (name) => call("verify", JSON.stringify(name)),
    resume: (name, options) => transfer("resume", name, options),
    updates: () => call("updates"),
    download: (request, options) => transfer("download", request, options),
    delete: (name) => call("delete", JSON.stringify(name)),
    pin: (name, pinned) => call("pin", JSON.stringify(name), pinned),
  };
}
