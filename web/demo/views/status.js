// One line below the header: what happens now, and in the end how long it took.
import { byId } from "../dom.js";
import { bytes, duration } from "../format.js";

/** @import {DemoEvent, Step} from "../protocol.js" */

const DOING = {
  python: "Starting Python",
  settings: "Reading the settings",
  options: "Choosing the model",
  runtime: "Fetching the runtime",
  engine: "Starting the engine",
  file: "Fetching the model",
};

export function statusView() {
  const line = byId("now", HTMLElement);
  const text = byId("now-text", HTMLElement);
  const detail = byId("now-detail", HTMLElement);
  let downloaded = 0;

  /**
   * A screen reader speaks each change, so the same words are not set again; figures are beside them, unspoken.
   * @param {string} words
   * @param {string} figures
   * @param {string} state
   */
  function say(words, figures, state) {
    if (text.textContent !== words) {
      text.textContent = words;
    }
    detail.textContent = figures;
    line.dataset.state = state;
  }

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "step") {
      downloaded = event.downloaded;
      if (event.state === "running") {
        say(DOING[event.kind], figures(event), "busy");
      }
    } else if (event.type === "ready") {
      const got = downloaded ? `${bytes(downloaded)} downloaded` : "nothing downloaded";
      say("Ready", `in ${duration(performance.now())}, ${got}`, "ready");
    } else if (event.type === "problem" && line.dataset.state !== "ready") {
      say("Stopped", "", "stopped");
    }
  };
}

/** @param {Step} step */
function figures({ loaded, total }) {
  if (loaded === null) {
    return "";
  }
  return total === null ? bytes(loaded) : `${bytes(loaded)} of ${bytes(total)}`;
}
