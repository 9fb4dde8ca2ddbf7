// The system's browsers, as the options of a Playwright project.
import { execFileSync } from "node:child_process";
import type { PlaywrightTestOptions, PlaywrightWorkerOptions } from "@playwright/test";

type Options = Partial<PlaywrightTestOptions & PlaywrightWorkerOptions>;

/** The first of these programs that is on the PATH; Playwright itself looks only for its own downloads. */
export function onPath(...names: string[]): string {
  for (const name of names) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // Not this one; the error below names them all.
    }
  }
  throw new Error(`None of ${names.join(", ")} is on the PATH: ./build.sh setup installs the browsers or says how.`);
}

export const chromium: Options = {
  browserName: "chromium",
  // As root, which CI and containers are, Chromium's sandbox cannot start.
  launchOptions: {
    executablePath: onPath("chromium", "chromium-browser", "google-chrome"),
    args: ["--no-sandbox"],
  },
};

export const firefox: Options = {
  browserName: "firefox",
  // Mozilla's own build, driven over WebDriver BiDi, instead of Playwright's patched one.
  channel: "moz-firefox",
  launchOptions: { executablePath: onPath("firefox-esr", "firefox") },
  // Stock Firefox has no command for these emulations, and Playwright sends it unless told not to.
  colorScheme: null,
  contextOptions: { reducedMotion: null, forcedColors: null, contrast: null },
};
