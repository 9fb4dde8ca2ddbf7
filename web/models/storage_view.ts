/** Storage used and left, and whether the browser keeps it. */
import { button, make, setText } from "./dom";
import { type StorageFigures, storageFigures } from "./origin";
import { formatSize } from "./words";

export class StorageView {
  readonly element: HTMLElement;
  readonly #bar = make("span");
  readonly #meter = make("div", {
    part: "meter",
    role: "meter",
    "aria-label": "Storage of this site",
    "aria-valuemin": "0",
  });
  readonly #words = make("p", { part: "storage" });
  readonly #keep: HTMLButtonElement;

  constructor(say: (words: string) => void) {
    this.#keep = button("Ask to keep", "what this site stores", "keep", async () => {
      const kept = await navigator.storage.persist().catch(() => false);
      say(kept ? "The browser keeps what this site stores." : "The browser does not promise to keep it.");
      await this.refresh();
    });
    this.#meter.append(this.#bar);
    this.element = make("div", { class: "storage" }, this.#meter, this.#words, this.#keep);
  }

  async refresh(): Promise<void> {
    const figures = await storageFigures();
    this.element.hidden = figures === null;
    if (figures !== null) this.#show(figures);
  }

  #show({ usage, quota, persisted }: StorageFigures): void {
    const hasFigures = usage !== undefined && quota !== undefined && quota > 0;
    const figures = hasFigures
      ? `${formatSize(usage)} used by this site, ${formatSize(Math.max(quota - usage, 0))} left. `
      : "";
    setText(
      this.#words,
      `${figures}${persisted ? "The browser keeps it." : "The browser may delete it when it needs space."}`,
    );
    const hadFocus = (this.#keep.getRootNode() as ShadowRoot).activeElement === this.#keep;
    this.#keep.hidden = persisted || !("persist" in navigator.storage);
    if (hadFocus && this.#keep.hidden) {
      this.#words.tabIndex = -1;
      this.#words.focus();
    }
    this.#meter.hidden = !hasFigures;
    if (!hasFigures) return;
    this.#meter.setAttribute("aria-valuemax", String(quota));
    this.#meter.setAttribute("aria-valuenow", String(usage));
    this.#meter.setAttribute("aria-valuetext", `${formatSize(usage)} of ${formatSize(quota)}`);
    this.#bar.style.inlineSize = `${Math.min((usage / quota) * 100, 100)}%`;
  }
}
