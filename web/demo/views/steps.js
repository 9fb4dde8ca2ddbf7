// The steps in the order in which they begin, each with its time and, where bytes come, a bar.
import { byId, make } from "../dom.js";
import { bytes, duration } from "../format.js";

/** @import {DemoEvent, Step} from "../protocol.js" */

const STATES = { running: "under way", done: "done", failed: "failed" };

export function stepsView() {
  const list = byId("steps", HTMLOListElement);
  const downloaded = byId("downloaded", HTMLElement);
  /** @type {Map<string, HTMLLIElement>} */
  const rows = new Map();

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "loading") {
      forget(rows);
    } else if (event.type === "step") {
      const row = rows.get(event.id) ?? list.appendChild(make("li", "step"));
      rows.set(event.id, row);
      fill(row, event);
      downloaded.textContent = `Downloaded on this visit: ${bytes(event.downloaded)} of runtime and model.`;
    }
  };
}

/**
 * Before another try: Python itself has not to be started again.
 * @param {Map<string, HTMLLIElement>} rows
 */
function forget(rows) {
  for (const [id, row] of rows) {
    if (id !== "python") {
      row.remove();
      rows.delete(id);
    }
  }
}

/**
 * @param {HTMLLIElement} row
 * @param {Step} step
 */
function fill(row, step) {
  row.dataset.state = step.state;
  row.dataset.kind = step.kind;
  const mark = make("span", "mark");
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", STATES[step.state]);
  const what = make("span", "what", make("span", "title", step.title), make("span", "detail", step.detail));
  row.replaceChildren(mark, what, make("span", "figures", figures(step)));
  if (step.loaded !== null) {
    row.append(bar(step));
  }
}

/** @param {Step} step */
function figures(step) {
  const words = [];
  if (step.loaded !== null) {
    words.push(bytes(step.loaded));
  } else if (step.kept && step.state === "done") {
    words.push("kept here");
  }
  if (step.ms !== null && step.ms >= 1) {
    words.push(duration(step.ms));
  }
  return words.join(" · ");
}

/** @param {Step} step */
function bar(step) {
  const progress = document.createElement("progress");
  progress.setAttribute("aria-label", step.detail);
  // After decompression there can be more bytes than the hub announced.
  const total = Math.max(step.total ?? 0, step.loaded ?? 0);
  if (step.total !== null || step.state === "done") {
    progress.max = total;
    progress.value = step.loaded ?? 0;
  }
  return progress;
}
