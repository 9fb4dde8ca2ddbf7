// What went wrong, in words, and a button that tries again.
import { byId } from "../dom.js";

/** @import {Command, DemoEvent} from "../protocol.js" */

/** @param {(command: Command) => void} send */
export function problemView(send) {
  const box = byId("problem", HTMLElement);
  const title = byId("problem-title", HTMLElement);
  const text = byId("problem-text", HTMLElement);
  const button = byId("problem-retry", HTMLButtonElement);
  /** @type {Command | null} */
  let retry = null;

  button.addEventListener("click", () => {
    box.hidden = true;
    if (retry) {
      send(retry);
    } else {
      location.reload();
    }
  });

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "problem") {
      retry = event.retry;
      title.textContent = event.title;
      text.textContent = event.text;
      box.dataset.kind = event.kind;
      box.hidden = false;
      box.scrollIntoView({ block: "nearest" });
    }
  };
}
