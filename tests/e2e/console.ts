// The console of a test's page: each warning and each error in it fails the test, unless the test expects it.
import { test as base, type ConsoleMessage, expect } from "@playwright/test";

const LEVELS = new Set(["warning", "error", "assert"]);

/** What a test expects: `test("...", expectConsole(/pattern/), async ({ page }) => ...)`. */
export function expectConsole(...patterns: RegExp[]): { annotation: { type: string; description: string }[] } {
  return { annotation: patterns.map(({ source }) => ({ type: "console", description: source })) };
}

export const test = base.extend<{ quietConsole: undefined }>({
  quietConsole: [
    async ({ page }, use, { annotations }) => {
      const messages: string[] = [];
      page.on("pageerror", (error) => messages.push(`uncaught: ${error.message}`));
      page.on("console", (message: ConsoleMessage) => {
        if (LEVELS.has(message.type())) messages.push(message.text());
      });
      await use(undefined);
      const expected = annotations.filter(({ type }) => type === "console");
      const isExpected = (text: string) => expected.some(({ description }) => new RegExp(description ?? "").test(text));
      expect(messages.filter((text) => !isExpected(text))).toEqual([]);
    },
    { auto: true },
  ],
});
