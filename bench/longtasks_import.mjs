// How long `import modelden` takes on Pyodide.
import { openProfile } from "../tests/e2e/support/browsers.mjs";

const PAGES = 7;

const IMPORT = `
import sys, time
before, started = set(sys.modules), time.perf_counter()
import modelden
imported = time.perf_counter()
import modelden._js
(1000 * (imported - started), 1000 * (time.perf_counter() - imported), len(set(sys.modules) - before))
`;

/**
 * The median of several fresh pages, in milliseconds: the import that a page writes, and the browser's half of the package, which is
 * imported when the first engine is made. Unpacking the wheel is not in it.
 * @param {string} browser
 * @param {string} profile
 * @param {string} origin
 */
export async function importTimes(browser, profile, origin) {
  const context = await openProfile(browser, profile);
  try {
    const times = [];
    for (let count = 0; count < PAGES; count++) {
      const page = await context.newPage();
      // Any file of the origin will do that is not the demo itself.
      await page.goto(`${origin}/icon.svg`);
      times.push(await page.evaluate(importOnce, [`${origin}/pyodide/`, IMPORT]));
      await page.close();
    }
    return {
      modelden: median(times.map(({ modelden }) => modelden)),
      browserHalf: median(times.map(({ browserHalf }) => browserHalf)),
      modules: times[0]?.modules,
      pages: PAGES,
    };
  } finally {
    await context.close();
  }
}

/** @param {string[]} arguments_ */
async function importOnce([folder, code]) {
  const { loadPyodide } = await import(`${folder}pyodide.mjs`);
  const python = await loadPyodide({ indexURL: folder });
  await python.loadPackage("modelden", { messageCallback: () => {} });
  const [modelden, browserHalf, modules] = python.runPython(code).toJs();
  return { modelden, browserHalf, modules };
}

/** @param {number[]} values */
function median(values) {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}
