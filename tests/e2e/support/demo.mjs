// The demo page as a visitor has it, and what it said.

/**
 * @import {BrowserContext, Page} from "@playwright/test"
 * @import {DemoEvent, Step} from "../../../web/demo/protocol.js"
 */

/** Milliseconds: many times what the slowest start needs on a busy machine, and less than a test may take. */
const PATIENCE = 300_000;

export class Demo {
  /**
   * Opens the page in a browser, in its first tab where that is still empty.
   * @param {BrowserContext} context
   * @param {string} url
   */
  static async open(context, url) {
    const [first] = context.pages();
    const page = first?.url() === "about:blank" ? first : await context.newPage();
    const demo = new Demo(page);
    await page.addInitScript(() => {
      const seen = /** @type {DemoEvent[]} */ ([]);
      Object.assign(globalThis, { seen });
      document.addEventListener("modelden", (event) => seen.push(/** @type {CustomEvent} */ (event).detail));
    });
    await page.goto(url);
    return demo;
  }

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /**
     * Uncaught errors and lines of the console that are warnings or errors.
     * @type {string[]}
     */
    this.complaints = [];
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.stack ?? error.message}`));
    page.on("console", (line) => {
      if (["warning", "error", "assert"].includes(line.type())) {
        this.complaints.push(`console: ${line.text()} (${line.location().url})`);
      }
    });
  }

  /**
   * Every event of this page so far.
   * @returns {Promise<DemoEvent[]>}
   */
  events() {
    return this.page.evaluate(() => /** @type {any} */ (globalThis).seen);
  }

  /** The steps with their last news, in the order in which they began. */
  async steps() {
    /** @type {Map<string, Step>} */
    const steps = new Map();
    for (const event of await this.events()) {
      if (event.type === "step") {
        steps.set(event.id, event);
      }
    }
    return [...steps.values()];
  }

  /** Returns when nothing is under way: the engine can be used, or the page shows a problem. Throws with the steps if it hangs. */
  async settled() {
    try {
      await this.page.locator("#now:not([data-state=busy])").waitFor({ timeout: PATIENCE });
    } catch (cause) {
      const steps = (await this.steps()).map(({ title, detail, state }) => `${title} ${detail} ${state}`.trim());
      throw new Error(`The page is still busy after ${PATIENCE} ms: ${steps.join(", ")}`, { cause });
    }
  }

  /** Returns when the engine can be used, or throws with the problem that the page shows. */
  async ready() {
    await this.settled();
    const problem = this.page.locator("#problem");
    if (await problem.isVisible()) {
      throw new Error(`The page says: ${await problem.innerText()}`);
    }
  }

  /** The answer to the newest question, when it is there. */
  async answer() {
    await this.page.locator("#results .score:not(:empty)").first().waitFor();
    const answers = (await this.events()).filter((event) => event.type === "results");
    const newest = answers.at(-1);
    if (!newest) {
      throw new Error("there are results on the page and no event tells of them");
    }
    return newest;
  }

  /**
   * Runs Python in the page's cell, and returns what it shows.
   * @param {string} code
   */
  async run(code) {
    const before = await this.#ran();
    await this.page.locator("#code").fill(code);
    await this.page.locator("#cell button").click();
    await this.page.waitForFunction(
      (count) =>
        /** @type {any} */ (globalThis).seen.filter((/** @type {DemoEvent} */ event) => event.type === "ran").length >
        count,
      before,
    );
    return await this.page.locator("#output").innerText();
  }

  async #ran() {
    return (await this.events()).filter((event) => event.type === "ran").length;
  }
}
