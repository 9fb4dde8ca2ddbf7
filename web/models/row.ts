/** One model of the list: its facts, its files and its buttons. A row lives as long as its model, and so does its focus. */
import { isLeftOut, type ModelActions, type Update } from "./actions";
import { button, make, setAvailable, setText } from "./dom";
import type { Activity } from "./origin";
import { ProgressLine } from "./progress_line";
import type { StoredModel } from "./rows";
import {
  count,
  formatAge,
  formatSize,
  hubName,
  integrity,
  partialWords,
  shortName,
  title,
  usedBy,
  weakestIntegrity,
} from "./words";

export type Command = "delete" | "discard" | "pin" | "resume" | "update" | "verify";

export interface RowState {
  readonly activity: Activity;
  readonly actions: ModelActions;
  /** Why rows cannot be changed here; empty if they can. */
  readonly readOnly: string;
  readonly update: Update | undefined;
}

export const NO_PYTHON = "This needs Python, which the page has not given to this list.";

export class ModelRow {
  readonly element: HTMLLIElement;
  readonly line: ProgressLine;
  model: StoredModel;
  update: Update | undefined;
  readonly #name = make("strong", { part: "name" });
  readonly #badges = make("span", { class: "badges" });
  readonly #facts = make("p", { part: "facts" });
  readonly #partial = make("p", { part: "partial" });
  readonly #summary = make("summary");
  readonly #files = make("tbody");
  readonly #details: HTMLDetailsElement;
  readonly #buttons: Readonly<Record<Command, HTMLButtonElement>>;
  #isBusy = false;

  constructor(model: StoredModel, say: (words: string) => void, onCommand: (row: ModelRow, command: Command) => void) {
    this.model = model;
    this.line = new ProgressLine(title(model), say);
    const command = (name: Command, words: string) =>
      button(words, title(model), name === "delete" ? "danger" : name, () => onCommand(this, name));
    this.#buttons = {
      update: command("update", "Update"),
      resume: command("resume", "Resume"),
      discard: command("discard", "Discard the interrupted part of"),
      pin: command("pin", "Pin"),
      verify: command("verify", "Verify"),
      delete: command("delete", "Delete"),
    };
    setText(this.#buttons.discard, "Discard part");
    this.#buttons.discard.setAttribute("aria-label", `Discard part of ${title(model)}`);
    const heads = ["File", "Size", "Integrity"].map((name) => make("th", { scope: "col" }, name));
    this.#details = make(
      "details",
      { part: "files" },
      this.#summary,
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), this.#files),
    );
    this.#details.addEventListener("toggle", () => this.#fillFiles());
    this.element = make(
      "li",
      { part: "model" },
      make("div", { class: "head" }, this.#name, this.#badges),
      this.#facts,
      this.#partial,
      this.#details,
      this.line.element,
      make("div", { class: "actions", part: "actions" }, ...Object.values(this.#buttons)),
    );
  }

  /** Shows the model as it is now. */
  show(model: StoredModel, { activity, actions, readOnly, update }: RowState): void {
    this.model = model;
    this.update = update;
    const isUsed = activity.isUsed(model);
    const isLoading = model.partials.some((row) => activity.isLoading(row));
    const isOutdated = update?.status === "update-available";
    setText(this.#name, shortName(model));
    this.#showBadges([isUsed && "in use", model.pinned && "pinned", isOutdated && "update available"]);
    this.#showFacts();
    setText(this.#partial, model.partials.length ? partialWords(model, isLoading) : "");
    this.#partial.hidden = !model.partials.length;
    this.#details.hidden = !model.files.length;
    setText(this.#summary, `${count(model.files.length, "file")}, ${weakestIntegrity(model)}`);
    this.#fillFiles();
    const buttons = this.#buttons;
    buttons.update.hidden = !isOutdated || isLeftOut(actions, "download");
    buttons.discard.hidden = !model.partials.length || isLoading;
    buttons.resume.hidden = buttons.discard.hidden || isLeftOut(actions, "resume");
    buttons.verify.hidden = !model.files.length || isLeftOut(actions, "verify");
    setText(buttons.pin, model.pinned ? "Unpin" : "Pin");
    buttons.pin.setAttribute("aria-label", `${model.pinned ? "Unpin" : "Pin"} ${title(model)}`);
    const busy = this.#isBusy ? "Something is under way for this model." : "";
    setAvailable(buttons.delete, busy || (actions.delete ? "" : readOnly));
    setAvailable(buttons.pin, busy || (actions.pin ? "" : readOnly));
    setAvailable(buttons.discard, busy || readOnly);
    setAvailable(buttons.verify, busy || (actions.verify ? "" : NO_PYTHON));
    setAvailable(buttons.resume, busy || (actions.resume ? "" : NO_PYTHON));
    setAvailable(buttons.update, busy || (actions.download ? "" : NO_PYTHON));
    this.#keepFocus();
  }

  /** No other command begins meanwhile. */
  async busy<T>(work: () => Promise<T>): Promise<T> {
    this.#isBusy = true;
    this.element.setAttribute("aria-busy", "true");
    for (const each of Object.values(this.#buttons)) each.setAttribute("aria-disabled", "true");
    try {
      return await work();
    } finally {
      this.#isBusy = false;
      this.element.removeAttribute("aria-busy");
    }
  }

  focus(): void {
    this.#buttons.delete.focus();
  }

  #showBadges(words: readonly (string | false)[]): void {
    const shown = words.filter((word) => word !== false);
    if (this.#badges.dataset.shown === shown.join()) return;
    this.#badges.dataset.shown = shown.join();
    this.#badges.replaceChildren(...shown.map((word) => make("span", { part: "badge" }, word)));
  }

  #showFacts(): void {
    const { model } = this;
    const date = new Date(model.lastUsed);
    const attributes = { datetime: date.toISOString(), title: date.toLocaleString() };
    const used = make("time", attributes, formatAge(model.lastUsed, Date.now()));
    const users = usedBy(model);
    this.#facts.replaceChildren(
      `${model.revision} · ${formatSize(model.size)} · ${users ? `used by ${users}, ` : "used "}`,
      used,
      ` · ${hubName(model)}`,
    );
  }

  #fillFiles(): void {
    if (!this.#details.open) return;
    const rows = this.model.files.map((file) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, file.path),
        make("td", {}, formatSize(file.size)),
        make("td", {}, integrity(file.integrity)),
      ),
    );
    this.#files.replaceChildren(...rows);
  }

  /** A button that was hidden with the focus in it hands it on. */
  #keepFocus(): void {
    const focused = (this.element.getRootNode() as ShadowRoot).activeElement;
    if (focused instanceof HTMLElement && focused.hidden && this.element.contains(focused)) this.focus();
  }
}
