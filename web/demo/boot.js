// Starts Pyodide with modelden and the demo's Python, in a page or in a worker alike. Everything comes from the page's own folder.

/** @import {Problem, Step} from "./protocol.js" */

const PYTHON_FILES = ["app.py", "cell.py", "search.py", "steps.py"];

/**
 * @param {(text: string) => void} post  Receives each event, as JSON.
 * @returns {Promise<(text: string) => void>}  Takes each command, as JSON. Does nothing if Python could not be started, which is posted.
 */
export async function boot(post) {
  const started = performance.now();
  post(JSON.stringify(step("running", null)));
  try {
    const app = await python();
    post(JSON.stringify(step("done", performance.now() - started)));
    return app.start(post);
  } catch (error) {
    post(JSON.stringify(problem(error)));
    return () => {};
  }
}

/** The module app.py. */
async function python() {
  const folder = new URL("pyodide/", import.meta.url).href;
  const sources = Promise.all(PYTHON_FILES.map(source));
  const script = await import(new URL("modelden/boot.js", import.meta.url).href);
  const pyodide = await script.boot({ pyodide: folder });
  // What comes before is Pyodide's, what comes after is ours: bench/longtasks.mjs and a browser's profiler tell them apart by this.
  performance.mark("Pyodide has booted");
  await nextTask();
  pyodide.pyimport("modelden");
  await nextTask();
  for (const [name, text] of await sources) {
    pyodide.FS.writeFile(name, text);
  }
  const app = pyodide.pyimport("app");
  await nextTask();
  return app;
}

/** Lets the page draw and react in between: importing takes some tens of milliseconds. */
function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}

/**
 * @param {string} name
 * @returns {Promise<[string, string]>}
 */
async function source(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) {
    throw new Error(`${response.url} answered ${response.status}`);
  }
  return [name, await response.text()];
}

/**
 * @param {Step["state"]} state
 * @param {number | null} ms
 * @returns {Step}
 */
function step(state, ms) {
  const about = { id: "python", title: "Python", detail: "Pyodide and modelden" };
  return { type: "step", kind: "python", ...about, state, kept: false, loaded: null, total: null, ms, downloaded: 0 };
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
function problem(error) {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    type: "problem",
    title: "Python could not be started",
    text: `${reason} Check that this page's own files are all served, the folder pyodide among them; then load it again.`,
    kind: "NoPython",
    retry: null,
  };
}
