/** A bar with figures and a button that stops it. Quarters are spoken, and no more. */
import type { Progress, Transfer } from "./actions";
import { button, make, setText } from "./dom";
import { formatSize } from "./words";

export class ProgressLine {
  readonly element: HTMLElement;
  readonly #bar: HTMLProgressElement;
  readonly #figures = make("span", { part: "figures" });
  readonly #stop: HTMLButtonElement;
  readonly #subject: string;
  readonly #say: (words: string) => void;
  #abort = new AbortController();
  #quarter = 0;

  constructor(subject: string, say: (words: string) => void) {
    this.#subject = subject;
    this.#say = say;
    this.#bar = make("progress", { part: "progress", "aria-label": `Progress of ${subject}` });
    this.#stop = button("Stop", subject, "stop", () => this.#abort.abort());
    this.element = make("div", { class: "line", hidden: "" }, this.#bar, this.#figures, this.#stop);
  }

  /** Shows the line while the work is under way. `canStop` is false for what cannot be stopped. */
  async run<T>(work: (transfer: Transfer) => Promise<T>, canStop: boolean): Promise<T> {
    this.#abort = new AbortController();
    this.#quarter = 0;
    this.#bar.removeAttribute("value");
    setText(this.#figures, "");
    this.#stop.hidden = !canStop;
    this.element.hidden = false;
    try {
      return await work({ onProgress: (progress) => this.#show(progress), signal: this.#abort.signal });
    } finally {
      this.element.hidden = true;
    }
  }

  get isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  #show({ fraction, loaded, total }: Progress): void {
    if (fraction === null) this.#bar.removeAttribute("value");
    else this.#bar.value = fraction;
    const bytes = loaded === null ? "" : formatSize(loaded);
    setText(this.#figures, bytes && total ? `${bytes} of ${formatSize(total)}` : bytes);
    const quarter = Math.floor((fraction ?? 0) * 4);
    if (quarter > this.#quarter && quarter < 4) {
      this.#quarter = quarter;
      this.#say(`${this.#subject}: ${quarter * 25} %`);
    }
  }
}
