// Python in this page, or in a module worker of its own. The Python code is the same.
import { boot } from "./boot.js";

/** @import {Command, DemoEvent} from "./protocol.js" */

/**
 * @param {(event: DemoEvent) => void} show
 * @param {boolean} inWorker
 * @returns {(command: Command) => void}
 */
export function connect(show, inWorker) {
  const handle = inWorker ? workerPython(show) : pagePython(show);
  return (command) => void handle(JSON.stringify(command));
}

/** @param {(event: DemoEvent) => void} show */
function pagePython(show) {
  const python = boot((text) => show(JSON.parse(text)));
  return async (/** @type {string} */ text) => (await python)(text);
}

/** @param {(event: DemoEvent) => void} show */
function workerPython(show) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => show(JSON.parse(data));
  return (/** @type {string} */ text) => worker.postMessage(text);
}
