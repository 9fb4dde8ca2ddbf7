/** `<modelden-models>`: the list of stored models. It reads the database by itself; Python is called for what needs it. */
import { type DownloadRequest, isLeftOut, type ModelActions, modelName, pyodideActions, type Update } from "./actions";
import { runCommand } from "./commands";
import { Unreadable } from "./database";
import { button, make, setAvailable, setText } from "./dom";
import { activity, hasLocks, listen } from "./origin";
import { ProgressLine } from "./progress_line";
import { type Command, ModelRow, NO_PYTHON } from "./row";
import { revisionKey, type StoredModel } from "./rows";
import { StorageView } from "./storage_view";
import { type Contents, readModels } from "./store";
import { adoptStyle } from "./style";
import { count, formatSize, shortName } from "./words";

/** Milliseconds between two looks at the locks of engines and downloads. */
const WATCH_INTERVAL = 1000;

const NO_LOCKS =
  "This page is not secure (https), so that it cannot wait for other tabs that write. Only Python can change models here.";

export class ModelsElement extends HTMLElement {
  /** For a page that has the class by `customElements.get` alone. */
  static readonly pyodideActions = pyodideActions;
  readonly #root: ShadowRoot;
  readonly #summary = make("p", { part: "summary", tabindex: "-1" }, "Reading what is stored.");
  readonly #check: HTMLButtonElement;
  readonly #status = make("p", { part: "status", role: "status" });
  readonly #problem = make("p", { part: "problem", role: "alert", hidden: "" });
  readonly #list = make("ul", { part: "list", role: "list", "aria-label": "Stored models" });
  readonly #downloads = make("div", { part: "downloads" });
  readonly #note = make("p", { part: "note", hidden: "" });
  readonly #storage: StorageView;
  readonly #rows = new Map<string, ModelRow>();
  #actions: ModelActions = {};
  #updates: readonly Update[] = [];
  #reading: Promise<void> | undefined;
  #isStale = false;
  #mark = "";
  #end = () => {};

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    adoptStyle(this.#root);
    this.#storage = new StorageView((words) => this.#say(words));
    this.#check = button("Check for updates", "", "check", () => void this.checkUpdates());
    this.#root.append(
      make("div", { lang: "en" }, make("div", { part: "top" }, this.#summary, this.#check), this.#problem),
    );
    this.#root.firstElementChild?.append(this.#storage.element, this.#status, this.#downloads, this.#list, this.#note);
  }

  connectedCallback(): void {
    this.#takeProperty();
    const refresh = () => void this.refresh();
    const look = () => document.visibilityState === "visible" && refresh();
    const timer = setInterval(() => void this.#watch(), WATCH_INTERVAL);
    const unlisten = listen(refresh);
    document.addEventListener("visibilitychange", look);
    this.#end = () => {
      clearInterval(timer);
      unlisten();
      document.removeEventListener("visibilitychange", look);
    };
    refresh();
  }

  /** A page may have set the property before this script was there. */
  #takeProperty(): void {
    if (!Object.hasOwn(this, "actions")) return;
    const { actions } = this;
    Reflect.deleteProperty(this, "actions");
    this.actions = actions;
  }

  disconnectedCallback(): void {
    this.#end();
  }

  /** What the page does for the list in Python; `pyodideActions` makes it. */
  get actions(): ModelActions {
    return this.#actions;
  }

  set actions(actions: ModelActions | null | undefined) {
    this.#actions = actions ?? {};
    if (this.isConnected) void this.refresh();
  }

  /** Reads the stored models again. Changes are noticed without it. */
  refresh(): Promise<void> {
    this.#isStale = true;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Downloads a model by `actions.download`, and shows the progress. */
  async download(request: DownloadRequest): Promise<void> {
    const { download } = this.#actions;
    if (!download) throw new Error(NO_PYTHON);
    const subject = request.model_id ?? request.feature_id ?? request.task_name ?? "model";
    const line = new ProgressLine(subject, (words) => this.#say(words));
    const box = make("div", {}, make("p", { part: "facts" }, `Downloading ${subject}`), line.element);
    this.#downloads.append(box);
    try {
      await line.run((transfer) => download(request, transfer), true);
      this.#say(line.isStopped ? `Stopped. What is here of ${subject} stays.` : `${subject} is downloaded.`);
    } catch (error) {
      this.#say((error as Error).message);
      throw error;
    } finally {
      this.#release(box);
      await this.refresh();
    }
  }

  /** Asks `actions.updates` what is newer. */
  async checkUpdates(): Promise<void> {
    this.#say("Looking for updates.");
    try {
      this.#updates = (await this.#actions.updates?.()) ?? [];
      const found = this.#updates.filter(({ status }) => status === "update-available").length;
      const isOffline = this.#updates.some(({ status }) => status === "offline");
      this.#say(
        found ? `${count(found, "update")} found.` : isOffline ? "The server did not answer." : "No update found.",
      );
    } catch (error) {
      this.#say((error as Error).message);
    }
    await this.refresh();
  }

  async #read(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        const [contents, current] = await Promise.all([readModels(), activity(), this.#storage.refresh()]);
        this.#mark = current.mark;
        this.#show(contents, current);
      } catch (error) {
        this.#fail(error as Error);
      }
    }
  }

  async #watch(): Promise<void> {
    if (document.visibilityState !== "visible" || this.#reading) return;
    const { mark, isDownloading } = await activity();
    if (mark !== this.#mark || isDownloading) await this.refresh();
  }

  #show({ models, size }: Contents, current: Awaited<ReturnType<typeof activity>>): void {
    this.#problem.hidden = true;
    this.#list.hidden = models.length === 0;
    setText(
      this.#summary,
      models.length ? `${count(models.length, "model")}, ${formatSize(size)}` : "No model is stored.",
    );
    this.#check.hidden = isLeftOut(this.#actions, "updates");
    setAvailable(this.#check, this.#actions.updates ? "" : NO_PYTHON);
    const readOnly = hasLocks() ? "" : NO_LOCKS;
    const reasons = [
      models.length > 0 && readOnly,
      models.length > 0 && Object.keys(this.#actions).length === 0 && NO_PYTHON_NOTE,
    ];
    setText(this.#note, reasons.filter(Boolean).join(" "));
    this.#note.hidden = this.#note.textContent === "";
    this.#removeOthers(models);
    for (const [place, model] of models.entries()) {
      const row = this.#row(model);
      if (this.#list.children[place] !== row.element)
        this.#list.insertBefore(row.element, this.#list.children[place] ?? null);
      const update = this.#updates.find((each) => each.model === shortName(model) && each.revision === model.revision);
      row.show(model, { activity: current, actions: this.#actions, readOnly, update });
    }
    const detail = models.map((model) => ({
      ...modelName(model),
      size: model.size,
      files: model.files.length,
      partialFiles: model.partials.length,
      tasks: model.tasks,
      lastUsed: model.lastUsed,
      pinned: model.pinned,
    }));
    this.dispatchEvent(new CustomEvent("modelden-models", { detail, bubbles: true, composed: true }));
  }

  #fail(error: Error): void {
    this.#list.hidden = true;
    this.#note.hidden = true;
    setText(this.#summary, error instanceof Unreadable ? TITLES[error.state] : "The list cannot be shown");
    setText(this.#problem, error.message);
    this.#problem.hidden = false;
  }

  #row(model: StoredModel): ModelRow {
    const key = revisionKey(model);
    let row = this.#rows.get(key);
    if (!row) {
      row = new ModelRow(
        model,
        (words) => this.#say(words),
        (each, command) => void this.#run(each, command),
      );
      this.#rows.set(key, row);
    }
    return row;
  }

  async #run(row: ModelRow, command: Command): Promise<void> {
    let words: string;
    try {
      words = await runCommand(command, row, this.#actions, this.#root);
    } catch (error) {
      words = (error as Error).message;
    }
    await this.refresh();
    if (words) this.#say(words);
  }

  /** Removes the rows of models that are gone. */
  #removeOthers(models: readonly StoredModel[]): void {
    const keys = new Set(models.map(revisionKey));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      this.#rows.delete(key);
      this.#release(row.element);
    }
  }

  /** Removes a part of the list; a focus in it goes to the next model, else to the one before, else to the summary. */
  #release(part: HTMLElement): void {
    const hadFocus = part.contains(this.#root.activeElement);
    const neighbour = part.nextElementSibling ?? part.previousElementSibling;
    part.remove();
    if (!hadFocus) return;
    const next = [...this.#rows.values()].find(({ element }) => element === neighbour);
    if (next) next.focus();
    else this.#summary.focus();
  }

  #say(words: string): void {
    setText(this.#status, words);
  }
}

const NO_PYTHON_NOTE = "Verifying, resuming and updating need Python, which this page has not given to this list.";

const TITLES: Readonly<Record<Unreadable["state"], string>> = {
  blocked: "The models are locked by another tab",
  earlier: "The models are of an earlier version",
  failed: "The models cannot be read",
  later: "The models are of a later version",
  refused: "This page has no storage",
};
