// Ring 3: journeys through the demo page, in the system's Chromium and Firefox.
import { defineConfig } from "@playwright/test";
import { chromium, firefox } from "./tests/e2e/browsers.ts";

export default defineConfig({
  testDir: "tests/e2e",
  // A browser waits more than it works.
  workers: 2,
  forbidOnly: true,
  // For what hangs. A test takes seconds on an idle machine; one with two visits in Firefox took two minutes on a busy one.
  timeout: 600_000,
  // As in the other rings: tools/steps/checks.sh says why.
  retries: 1,
  reporter: [["list"]],
  projects: [
    { name: "chromium", use: chromium },
    { name: "firefox", use: firefox },
  ],
});
