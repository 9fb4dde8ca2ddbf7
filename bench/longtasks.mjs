// Does the page stay responsive? Tells what holds its main thread for more than 50 ms while a model loads, cold and warm, and runs,
// and how long `import modelden` takes.
//
//     node bench/longtasks.mjs chromium|firefox...
//
// Chromium reports long tasks itself (Long Tasks API). Firefox has no such API: there a timer of 10 ms is watched, and what delays it
// counts. The timer runs in Chromium too, so that both can be compared. All times are wall time: with a load average above the number
// of cores they tell about the machine and not about the page. What Pyodide's own boot takes is not counted. Prints JSON on stdout.
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { openProfile } from "../tests/e2e/support/browsers.mjs";
import { Demo } from "../tests/e2e/support/demo.mjs";
import { Server } from "../tests/e2e/support/server.mjs";
import { importTimes } from "./longtasks_import.mjs";
import { probe, read } from "./longtasks_probe.mjs";

/** Milliseconds from which on a task is long (Long Tasks API). */
const LIMIT = 50;

const RUNS = `
for number in range(20):
    await engine.run(f"sentence {number}" + " and some more words" * 10, pooling="mean", normalize=True)
`;

/** @import {Probed, Span} from "./longtasks_probe.mjs" */

/**
 * One visit in a new browser: load and first search, then twenty runs.
 * @param {string} browser
 * @param {string} profile
 * @param {string} url
 */
async function visit(browser, profile, url) {
  const context = await openProfile(browser, profile);
  try {
    await context.addInitScript(probe, LIMIT);
    const demo = await Demo.open(context, url);
    await demo.ready();
    await demo.answer();
    const loaded = await read(demo.page);
    await demo.run(RUNS);
    const ran = await read(demo.page);
    return { load: spans(ran, loaded.booted, loaded.now), runs: spans(ran, loaded.now, ran.now) };
  } finally {
    await context.close();
  }
}

/**
 * What began between two times, with the news from the demo before and after it.
 * @param {Probed} probed
 * @param {number} from
 * @param {number} until
 */
function spans({ longTasks, timerDelays, events }, from, until) {
  const within = (/** @type {Span} */ { start }) => start >= from && start < until;
  const describe = (/** @type {Span} */ { start, ms }) => ({
    ms: Math.round(ms),
    after: events.findLast(({ at }) => at <= start)?.what ?? "the opening of the page",
    before: events.find(({ at }) => at >= start + ms)?.what ?? "the end",
  });
  return {
    ms: Math.round(until - from),
    longTasks: longTasks?.filter(within).map(describe) ?? "this browser has no Long Tasks API",
    timerDelays: timerDelays.filter(within).map(describe),
  };
}

/**
 * @param {string} browser
 * @param {Server} server
 */
async function measure(browser, server) {
  const profile = await mkdtemp(join(tmpdir(), "modelden-bench-"));
  try {
    const cold = await visit(browser, profile, server.origin);
    const warm = await visit(browser, profile, server.origin);
    const importMs = await importTimes(browser, profile, server.origin);
    return { browser, limit: LIMIT, loadAverage: loadavg()[0], cold, warm, importMs };
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

const server = await Server.start();
try {
  for (const browser of process.argv.slice(2)) {
    process.stdout.write(`${JSON.stringify(await measure(browser, server), null, 2)}\n`);
  }
} finally {
  await server.stop();
}
