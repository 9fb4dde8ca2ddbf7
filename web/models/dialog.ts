/** The question before something is deleted. */
import { button, make } from "./dom";

/** Returns true if the visitor wants it. The focus goes back to where it was. */
export function confirmDeletion(root: ShadowRoot, question: string, facts: readonly string[]): Promise<boolean> {
  const cancel = button("Cancel", "", "cancel", () => dialog.close());
  const remove = button("Delete", "", "danger", () => dialog.close("delete"));
  cancel.autofocus = true;
  const dialog = make(
    "dialog",
    { part: "dialog", "aria-labelledby": "question", "aria-describedby": "facts" },
    make("h2", { id: "question" }, question),
    make("div", { id: "facts" }, ...facts.map((fact) => make("p", {}, fact))),
    make("div", { class: "actions" }, cancel, remove),
  );
  root.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "delete");
    });
    dialog.showModal();
  });
}
