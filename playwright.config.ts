// Ring 3: journeys through the demo page, in the system's Chromium and Firefox.
import { defineConfig } from "@playwright/test";
import { chromium, firefox } from "./tests/e2e/browsers.ts";

export default defineConfig({
  testDir: "tests/e2e",
  // Two cores: a second browser would only make the first one slower, and timeouts mean less.
  workers: 1,
  forbidOnly: true,
  timeout: 120_000,
  reporter: [["list"]],
  projects: [
    { name: "chromium", use: chromium },
    { name: "firefox", use: firefox },
  ],
});
