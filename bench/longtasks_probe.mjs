// What held a page's main thread, and what the demo was doing then.

/**
 * @typedef {{start: number, ms: number}} Span
 * @typedef {{longTasks: Span[] | null, timerDelays: Span[], events: {at: number, what: string}[]}} Probed
 */

/**
 * Runs in the page before all else. `longTasks` stays null where the browser has no Long Tasks API.
 * @param {number} limit  Milliseconds above which something counts.
 */
export function probe(limit) {
  const PERIOD = 10;
  const probed = /** @type {Probed} */ ({ longTasks: null, timerDelays: [], events: [] });
  Object.assign(globalThis, { probed });
  const counts = (/** @type {Span} */ { ms }) => ms > limit;

  if (PerformanceObserver.supportedEntryTypes.includes("longtask")) {
    const longTasks = /** @type {Span[]} */ ([]);
    probed.longTasks = longTasks;
    new PerformanceObserver((list) => {
      longTasks.push(
        ...list
          .getEntries()
          .map(({ startTime, duration }) => ({ start: startTime, ms: duration }))
          .filter(counts),
      );
    }).observe({ type: "longtask" });
  }

  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    probed.timerDelays.push(...[{ start: last, ms: now - last - PERIOD }].filter(counts));
    last = now;
  }, PERIOD);

  document.addEventListener("modelden", (event) => {
    const { type, title, detail, state } = /** @type {CustomEvent} */ (event).detail;
    const what = type === "step" ? `${title} ${detail} ${state}`.trim() : type;
    if (probed.events.at(-1)?.what !== what) {
      probed.events.push({ at: performance.now(), what });
    }
  });
}

/**
 * @param {import("@playwright/test").Page} page
 * @returns {Promise<Probed & {booted: number, now: number}>}  Also when Pyodide had booted, and the time now.
 */
export function read(page) {
  return page.evaluate(() => ({
    .../** @type {any} */ (globalThis).probed,
    booted: performance.getEntriesByName("Pyodide has booted")[0]?.startTime ?? 0,
    now: performance.now(),
  }));
}
