// Pages that start without their server, by the file of `modelden service-worker`.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { PageServiceWorker } from "../../web/service_worker/page.ts";
import { test as base, expect } from "./fixtures.ts";
import { Server } from "./support/server.mjs";

declare const modeldenServiceWorker: PageServiceWorker;

/** `site` is a folder that a test deploys, and `server` serves it. Each deployment is of that origin. */
const test = base.extend<{ site: string; deployed: Deployed }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants to see which fixtures are used
  site: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "modelden-site-"));
    await use(folder);
    rmSync(folder, { recursive: true });
  },
  deployed: async ({ site }, use) => {
    const deployed = new Deployed(site);
    await use(deployed);
    await deployed.stop();
  },
});

class Deployed {
  readonly #site: string;
  #server: Server | null = null;
  #port = "0";

  constructor(site: string) {
    this.#site = site;
  }

  async start(): Promise<string> {
    this.#server = await Server.start({ site: this.#site, options: ["--isolate"], port: this.#port });
    this.#port = new URL(this.#server.origin).port;
    return this.#server.origin;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  /** Writes files of the site, and then its service worker. */
  deploy(files: Record<string, string>, ...options: string[]): void {
    for (const [path, text] of Object.entries(files)) writeFileSync(join(this.#site, path), text);
    execFileSync(".venv/bin/modelden", ["service-worker", this.#site, ...options], { stdio: "pipe" });
  }
}

test("the demo starts without its server after one visit", async ({ profile, site, deployed }) => {
  cpSync("build/site", site, { recursive: true });
  const origin = await deployed.start();
  const configuration = await (await fetch(`${origin}/config.json`)).text();
  deployed.deploy({ "config.json": configuration }, "--exclude", "pyodide/pytest-*");

  const first = await profile.visit(`${origin}/?offline`);
  await first.ready();
  const { digest } = await first.answer();
  expect(await installation(first.page)).toEqual({ installed: true, reason: "" });

  await deployed.stop();
  const offline = await profile.visit(`${origin}/?offline`);
  await offline.ready();
  expect((await offline.answer()).digest).toBe(digest);
  expect(await offline.page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(await installation(offline.page)).toEqual({ installed: true, reason: "" });
});

test("deployments replace one another, whole or not at all", async ({ context, site, deployed }) => {
  mkdirSync(join(site, "guide"));
  deployed.deploy(
    version("one", { "guide/index.html": "<title>guide</title>", "later.js": "globalThis.later = 'one'" }),
  );
  const origin = await deployed.start();
  const page = await context.newPage();
  await page.goto(origin);
  expect(await installation(page)).toEqual({ installed: true, reason: "" });
  await page.goto(origin);
  await page.goto(`${origin}/guide`);
  await page.goto(origin);

  await test.step("a tab of the earlier version goes on with its files, also with those that are no more", async () => {
    const second = await context.newPage();
    await second.goto(origin);
    rmSync(join(site, "later.js"));
    deployed.deploy(version("two"));
    await page.reload();
    expect(await installation(page)).toEqual({ installed: true, reason: "" });
    await page.reload();
    expect(await seen(page)).toEqual(["two", "two"]);
    expect(await seen(second)).toEqual(["one", "one"]);
    await second.addScriptTag({ url: "later.js" });
    expect(await second.evaluate(() => (globalThis as unknown as { later: string }).later)).toBe("one");
    await second.reload();
    expect(await seen(second)).toEqual(["two", "two"]);
    await second.close();
  });

  await test.step("a deployment with a file of another one is not used", async () => {
    deployed.deploy(version("three"));
    writeFileSync(join(site, "part.txt"), "four");
    await page.reload();
    const { installed, reason } = await installation(page);
    expect([installed, reason]).toEqual([
      false,
      expect.stringContaining("part.txt is not the file of this deployment"),
    ]);
    await page.reload();
    expect(await seen(page)).toEqual(["two", "two"]);
    rmSync(join(site, "part.txt"));
    await page.reload();
    expect((await installation(page)).reason).toContain("part.txt: the server responded with status 404");
    expect(await page.evaluate(() => fetch("part.txt").then((response) => response.text()))).toBe("two");
  });

  await test.step("without the server it has folders and ranges, and nothing else", async () => {
    await deployed.stop();
    await page.goto(`${origin}/guide`);
    expect(page.url()).toBe(`${origin}/guide/`);
    expect(await page.title()).toBe("guide");
    expect(await page.evaluate(range, "bytes=1-1")).toEqual([206, "bytes 1-1/3", "w"]);
    expect(await page.evaluate(range, "bytes=9-")).toEqual([416, "bytes */3", ""]);
    expect(await page.evaluate(() => fetch("/v1/").then(String, () => "failed"))).toBe("failed");
  });

  await test.step("one call removes it", async () => {
    await deployed.start();
    deployed.deploy(version("five"));
    await page.goto(origin);
    expect(await installation(page)).toEqual({ installed: true, reason: "" });
    await page.evaluate(() => modeldenServiceWorker.remove());
    expect(await stored(page)).toEqual([0, 0]);
  });

  await test.step("a deployment removes it from pages whose own code is broken", async () => {
    deployed.deploy(version("six"));
    await page.goto(origin);
    expect(await installation(page)).toEqual({ installed: true, reason: "" });
    deployed.deploy({ "index.html": "<title>seven</title><script>throw new Error()</script>" });
    await expect.poll(() => page.reload().then(() => page.title())).toBe("seven");
    deployed.deploy({}, "--remove");
    await page.reload();
    await expect.poll(() => stored(page)).toEqual([0, 0]);
  });
});

/** A page that loads the service worker, and a second file. */
function version(name: string, more: Record<string, string> = {}): Record<string, string> {
  const page = `<!doctype html><link rel="icon" href="data:,"><title>${name}</title><script src="service-worker.js"></script>`;
  return { "index.html": page, "part.txt": name, ...more };
}

function installation(page: Page) {
  return page.evaluate(() => modeldenServiceWorker.installation);
}

/** The version of the page, and of a file that it fetches now. */
function seen(page: Page): Promise<string[]> {
  return page.evaluate(async () => [document.title, await (await fetch("part.txt")).text()]);
}

async function range(value: string): Promise<[number, string | null, string]> {
  const response = await fetch("/part.txt", { headers: { range: value } });
  return [response.status, response.headers.get("content-range"), await response.text()];
}

/** Registrations and caches. */
function stored(page: Page): Promise<number[]> {
  return page.evaluate(async () => [
    (await navigator.serviceWorker.getRegistrations()).length,
    (await caches.keys()).length,
  ]);
}
