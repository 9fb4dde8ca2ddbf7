/** What the buttons of a model do, and what is said of it. */
import { type ModelActions, modelName } from "./actions";
import { confirmDeletion } from "./dialog";
import { hasLocks } from "./origin";
import type { Command, ModelRow } from "./row";
import { deleteModel, deletePartials, pinModel } from "./store";
import { count, formatSize, title } from "./words";

/** Returns what is to be said; nothing where the visitor thought better of it. */
export function runCommand(command: Command, row: ModelRow, actions: ModelActions, root: ShadowRoot): Promise<string> {
  return COMMANDS[command](row, actions, root);
}

type Run = (row: ModelRow, actions: ModelActions, root: ShadowRoot) => Promise<string>;

const COMMANDS: Readonly<Record<Command, Run>> = {
  async delete(row, actions, root) {
    const { model } = row;
    const wanted = await confirmDeletion(root, `Delete ${title(model)}?`, deletionFacts(row));
    if (!wanted) return "";
    await row.busy(async () => {
      if (hasLocks()) await deleteModel(model);
      else await actions.delete?.(modelName(model));
    });
    root.host.dispatchEvent(
      new CustomEvent("modelden-delete", { detail: modelName(model), bubbles: true, composed: true }),
    );
    return `${title(model)} is deleted: ${formatSize(model.ownSize)} are free again.`;
  },
  async discard(row) {
    await row.busy(() => deletePartials(row.model));
    return `The interrupted part of ${title(row.model)} is deleted.`;
  },
  async pin(row, actions) {
    const { model } = row;
    const pinned = !model.pinned;
    await row.busy(async () => {
      if (hasLocks()) await pinModel(model, pinned);
      else await actions.pin?.(modelName(model), pinned);
    });
    return pinned
      ? `${title(model)} is pinned: modelden does not delete it to make space for others.`
      : `${title(model)} is not pinned any more.`;
  },
  async verify(row, actions) {
    const verifying = row.busy(() => row.line.run(async () => actions.verify?.(modelName(row.model)), false));
    const results = (await verifying) ?? [];
    const damaged = results.filter(({ ok }) => !ok);
    return damaged.length === 0
      ? `${title(row.model)}: ${count(results.length, "file")} verified, none is damaged.`
      : `${title(row.model)}: ${count(damaged.length, "damaged file")} deleted: ${damaged.map(({ path }) => path).join(", ")}. The next use downloads what is missing.`;
  },
  async resume(row, actions) {
    await row.busy(() => row.line.run(async (transfer) => actions.resume?.(modelName(row.model), transfer), true));
    return row.line.isStopped
      ? `Stopped. What is here of ${title(row.model)} stays.`
      : `${title(row.model)} is complete.`;
  },
  async update(row, actions) {
    const request = row.update?.request ?? {};
    await row.busy(() => row.line.run(async (transfer) => actions.download?.(request, transfer), true));
    return row.line.isStopped
      ? "Stopped. What is here of the update stays."
      : `The update of ${title(row.model)} is here. Its old files stay until an engine has loaded it.`;
  },
};

function deletionFacts({ model, element }: ModelRow): string[] {
  const shared = model.size - model.ownSize;
  const isUsed = element.querySelector("[part=badge]")?.textContent === "in use";
  return [
    `This frees ${formatSize(model.ownSize)} and cannot be undone. The next use downloads the model again.`,
    shared > 0 ? `${formatSize(shared)} are shared with other models, and stay.` : "",
    isUsed ? "An engine uses it now. It goes on with what it has loaded." : "",
    model.pinned ? "It is pinned." : "",
  ].filter(Boolean);
}
