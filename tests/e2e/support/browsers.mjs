// The system's Chromium and Firefox: as options of a Playwright project, and opened on a profile that outlives them.
// JavaScript and not TypeScript, because the scripts in tools/ and bench/ use it too, and Node 20 runs no TypeScript.
import { execFileSync } from "node:child_process";
import { chromium as chromiumType, firefox as firefoxType } from "@playwright/test";

/**
 * @import {BrowserContext, PlaywrightTestOptions, PlaywrightWorkerOptions} from "@playwright/test"
 * @typedef {Partial<PlaywrightTestOptions & PlaywrightWorkerOptions>} Options
 */

/**
 * The first of these programs that is on the PATH; Playwright itself looks only for its own downloads.
 * @param {...string} names
 * @returns {string}
 */
export function onPath(...names) {
  for (const name of names) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // Not this one; the error below names them all.
    }
  }
  throw new Error(`None of ${names.join(", ")} is on the PATH: ./build.sh setup installs the browsers or says how.`);
}

/** @type {Options} */
export const chromium = {
  browserName: "chromium",
  // As root, which CI and containers are, Chromium's sandbox cannot start.
  launchOptions: {
    executablePath: onPath("chromium", "chromium-browser", "google-chrome"),
    args: ["--no-sandbox"],
  },
};

/** @type {Options} */
export const firefox = {
  browserName: "firefox",
  // Mozilla's own build, driven over WebDriver BiDi, instead of Playwright's patched one.
  channel: "moz-firefox",
  launchOptions: { executablePath: onPath("firefox-esr", "firefox") },
  // Stock Firefox has no command for these emulations, and Playwright sends it unless told not to.
  colorScheme: null,
  contextOptions: { reducedMotion: null, forcedColors: null, contrast: null },
};

/**
 * Start a browser on a profile folder. What a page stores there is there again when the folder is opened next.
 * @param {string} name  `chromium` or `firefox`
 * @param {string} folder
 * @param {import("@playwright/test").BrowserContextOptions} [options]
 * @returns {Promise<BrowserContext>}
 */
export function openProfile(name, folder, options = {}) {
  switch (name) {
    case "chromium":
      return chromiumType.launchPersistentContext(folder, { ...chromium.launchOptions, ...options });
    case "firefox":
      return firefoxType.launchPersistentContext(folder, {
        ...firefox.launchOptions,
        channel: "moz-firefox",
        colorScheme: null,
        ...firefox.contextOptions,
        ...options,
      });
    default:
      throw new Error(`There is no browser '${name}': chromium, firefox`);
  }
}
