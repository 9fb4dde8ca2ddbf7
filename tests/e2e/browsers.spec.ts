import { expect, test } from "@playwright/test";

test("the configured browser is the system's, and runs WebAssembly", async ({ page, browserName }) => {
  await page.goto("about:blank");
  const seen = await page.evaluate(() => ({ agent: navigator.userAgent, wasm: typeof WebAssembly }));
  expect(seen.agent).toContain(browserName === "chromium" ? "Chrome/" : "Firefox/");
  expect(seen.wasm).toBe("object");
});
