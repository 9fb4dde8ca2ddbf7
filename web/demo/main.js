// The page: shows what Python says and tells Python what the visitor wants. All decisions are Python's, in app.py.
// Each event is also dispatched on the document as "modelden", for whoever watches: the tests, a visitor's own script.
import { connect } from "./connect.js";
import { cellView } from "./views/cell.js";
import { modelsView } from "./views/models.js";
import { problemView } from "./views/problem.js";
import { searchView } from "./views/search.js";
import { statusView } from "./views/status.js";
import { stepsView } from "./views/steps.js";

/** @import {Command, DemoEvent} from "./protocol.js" */

/** @param {Command} command */
const send = (command) => tell(command);

const views = [statusView(), stepsView(), searchView(send), modelsView(send), cellView(send), problemView(send)];

/** @param {DemoEvent} event */
function show(event) {
  for (const view of views) {
    view(event);
  }
  document.dispatchEvent(new CustomEvent("modelden", { detail: event }));
}

const options = new URLSearchParams(location.search);
const tell = connect(show, options.has("worker"));
tell({ type: "load" });
if (options.has("offline")) {
  // The file of `modelden service-worker`, which is not there by default.
  document.head.append(Object.assign(document.createElement("script"), { src: "service-worker.js" }));
}
