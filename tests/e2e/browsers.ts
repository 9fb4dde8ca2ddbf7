// Where playwright.config.ts finds the browsers; the scripts in tools/ and bench/ take them from the same place.
export { chromium, firefox } from "./support/browsers.mjs";
