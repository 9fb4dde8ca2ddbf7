// What the page and Python say to each other, as JSON text in both directions, so that it crosses to a worker as it is.

/**
 * From the page to Python.
 * @typedef {{type: "load"}
 *   | {type: "search", query: string, sentences: string[]}
 *   | {type: "verify", model: string, revision: string, rootUrl: string | null}
 *   | {type: "run", code: string}} Command
 */

/**
 * A thing that takes time. The same id comes again with news.
 * @typedef {{type: "step", id: string, kind: "python" | "settings" | "options" | "runtime" | "engine" | "file",
 *   title: string, detail: string, state: "running" | "done" | "failed", kept: boolean, loaded: number | null,
 *   total: number | null, ms: number | null, downloaded: number}} Step
 *
 * @typedef {{path: string, ok: boolean}} VerifiedFile
 *
 * @typedef {{type: "problem", title: string, text: string, kind: string, retry: Command | null}} Problem
 *
 * From Python to the page. `loading` starts the list of steps anew. A problem's `retry` is the command that tries again; without
 * one only loading the page again helps.
 * @typedef {Step | Problem
 *   | {type: "loading"}
 *   | {type: "ready", engine: string, ms: number}
 *   | {type: "results", query: string, ranking: {sentence: string, score: number}[], ms: number, digest: string}
 *   | {type: "verified", files: VerifiedFile[]}
 *   | {type: "output", text: string}
 *   | {type: "ran", value: string | null, error: string | null}} DemoEvent
 */

export {};
