// ./build.sh demo --check BROWSER: a visitor's first visit to the demo and the next one, headless.
//
//     node tools/demo_check.mjs chromium|firefox
//
// Between the visits the browser is restarted on the same profile. Prints one JSON object with both visits on stdout and words for
// people on stderr. Exits with 1 when the second visit asked the hub or the attachments for anything, or when the vectors differ.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openProfile } from "../tests/e2e/support/browsers.mjs";
import { Demo } from "../tests/e2e/support/demo.mjs";
import { Server } from "../tests/e2e/support/server.mjs";

/** @param {string} words */
const say = (words) => process.stderr.write(`demo --check: ${words}\n`);

/**
 * @param {string} browser
 * @param {string} profile
 * @param {Server} server
 */
async function visit(browser, profile, server) {
  await server.clearLog();
  const context = await openProfile(browser, profile);
  try {
    const demo = await Demo.open(context, `${server.origin}/`);
    await demo.ready();
    const answer = await demo.answer();
    const requests = await server.requests();
    return {
      requests: requests.map(({ method, path, status, bytes }) => ({ method, path, status, bytes })),
      bytesDownloaded: requests.reduce((sum, { bytes }) => sum + bytes, 0),
      milliseconds: await milliseconds(demo, answer.ms),
      query: answer.query,
      topMatch: answer.ranking[0],
      vectorDigest: answer.digest,
      complaints: demo.complaints,
    };
  } finally {
    await context.close();
  }
}

/**
 * Per step in its order, then the first search, and all of it from the opening of the page.
 * @param {Demo} demo
 * @param {number} search
 */
async function milliseconds(demo, search) {
  const steps = (await demo.steps()).map(({ title, detail, ms }) => [`${title} ${detail}`.trim(), Math.round(ms ?? 0)]);
  const total = await demo.page.evaluate(() => performance.now());
  return { ...Object.fromEntries(steps), search: Math.round(search), total: Math.round(total) };
}

/** @typedef {Awaited<ReturnType<typeof visit>>} Visit */

/**
 * What is wrong with two visits; nothing if all is well.
 * @param {Visit} cold
 * @param {Visit} warm
 */
function faults(cold, warm) {
  const again = warm.requests.filter(({ path }) => /^\/(hub|attachments)\//.test(path));
  return [
    ...again.map(({ method, path }) => `the second visit asked again: ${method} ${path}`),
    ...(cold.vectorDigest === warm.vectorDigest ? [] : ["the two visits computed different vectors"]),
    ...[...cold.complaints, ...warm.complaints].map((words) => `the page complained: ${words}`),
  ];
}

/**
 * @param {string} name
 * @param {Visit} visit
 */
function tell(name, { requests, bytesDownloaded, milliseconds, query, topMatch }) {
  say(`${name} visit: ${requests.length} requests, ${bytesDownloaded} bytes, ${milliseconds.total} ms`);
  say(`  "${query}" -> "${topMatch?.sentence}" (${topMatch?.score.toFixed(4)})`);
}

/** @param {string} browser */
async function check(browser) {
  const profile = await mkdtemp(join(tmpdir(), "modelden-check-"));
  const server = await Server.start();
  try {
    say(`${browser}, on a fresh profile, at ${server.origin}/`);
    const cold = await visit(browser, profile, server);
    tell("first", cold);
    const warm = await visit(browser, profile, server);
    tell("second", warm);
    const wrong = faults(cold, warm);
    process.stdout.write(
      `${JSON.stringify({ browser, ok: wrong.length === 0, wrong, visits: { cold, warm } }, null, 2)}\n`,
    );
    return wrong;
  } finally {
    await server.stop();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

const [browser = ""] = process.argv.slice(2);
if (!["chromium", "firefox"].includes(browser)) {
  say(`expected chromium or firefox, got '${browser}'`);
  process.exit(2);
}
for (const words of await check(browser)) {
  say(words);
  process.exitCode = 1;
}
