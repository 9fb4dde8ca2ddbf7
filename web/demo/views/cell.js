// A cell for the visitor's own Python.
import { byId, make } from "../dom.js";

/** @import {Command, DemoEvent} from "../protocol.js" */

/** @param {(command: Command) => void} send */
export function cellView(send) {
  const form = byId("cell", HTMLFormElement);
  const code = byId("code", HTMLTextAreaElement);
  const output = byId("output", HTMLElement);
  const button = form.querySelector("button");

  /** @param {boolean} can */
  function enable(can) {
    button?.toggleAttribute("disabled", !can);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    output.hidden = false;
    output.replaceChildren();
    enable(false);
    send({ type: "run", code: code.value });
  });
  code.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !button?.disabled) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "ready") {
      enable(true);
    } else if (event.type === "output") {
      output.append(event.text);
    } else if (event.type === "ran") {
      enable(true);
      if (event.error !== null) {
        output.append(make("span", "error", event.error));
      } else if (event.value !== null) {
        output.append(make("span", "value", event.value));
      } else if (!output.hasChildNodes()) {
        output.append(make("span", "hint", "Done; the last line has no value to show."));
      }
    }
  };
}
