// The models that this browser keeps.
import { byId, make } from "../dom.js";
import { ago, bytes } from "../format.js";

/** @import {Command, DemoEvent, Model} from "../protocol.js" */

/** @param {(command: Command) => void} send */
export function modelsView(send) {
  const list = byId("models", HTMLUListElement);
  const note = byId("models-note", HTMLElement);
  const title = byId("models-title", HTMLElement);

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "models") {
      list.replaceChildren(...event.models.map((model) => row(model, send)));
      note.textContent = event.models.length ? "" : "No model is kept.";
    } else if (event.type === "deleted") {
      // The button that had the focus is gone.
      title.focus();
      note.textContent =
        "Deleted. The engine goes on with what it has loaded; the next visit downloads the model again.";
    }
  };
}

/**
 * @param {Model} model
 * @param {(command: Command) => void} send
 */
function row(model, send) {
  const remove = make("button", "quiet", "Delete");
  remove.type = "button";
  remove.setAttribute("aria-label", `Delete ${model.name} ${model.revision}`);
  remove.addEventListener("click", () => {
    remove.disabled = true;
    send({ type: "delete", model: model.name, revision: model.revision });
  });
  const used = make("time", "", ago(model.last_used));
  used.dateTime = new Date(model.last_used).toISOString();
  used.title = new Date(model.last_used).toUTCString();
  const facts = make("span", "facts", `${model.revision} · ${bytes(model.size)} · ${model.files} files · used `, used);
  return make("li", "model", make("span", "name", model.name), facts, remove);
}
