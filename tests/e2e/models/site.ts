// A page with the element <modelden-models> and nothing else of modelden, and rows as Python writes them.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, type Page } from "@playwright/test";
import schema from "../../../web/models/schema.json" with { type: "json" };

const ASSETS = new URL("../../../src/modelden/_js/assets/", import.meta.url);
/** As strict as a policy can be for a page with a script of its own. */
const POLICY = "default-src 'none'; script-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'";
const HTML = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Models</title>
<link rel="icon" href="data:,"><script type="module" src="/models.js"></script></head>
<body><main><h1>Models of this site</h1><modelden-models></modelden-models></main></body>
</html>`;
const FRAME = `<!doctype html><html lang="en"><title>Frame</title><iframe sandbox="allow-scripts" src="/" title="sandboxed"></iframe>`;

/** Rows by the names of their stores; Blobs are made of the texts in `data`. */
export type Stores = Record<string, Record<string, unknown>[]>;

interface Models {
  readonly url: string;
  readonly frameUrl: string;
}

export const test = base.extend<object, { site: Models }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright wants to see which fixtures are used
    async ({}, use) => {
      const script = await readFile(new URL("models.js", ASSETS));
      const server = createServer(({ url }, response) => {
        const isScript = url === "/models.js";
        const type = isScript ? "text/javascript" : "text/html";
        response.writeHead(200, {
          "content-type": type,
          "content-security-policy": POLICY,
          "access-control-allow-origin": "*", // for the sandboxed frame, whose origin is opaque
        });
        response.end(isScript ? script : url === "/frame" ? FRAME : HTML);
      });
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
      await use({ url: `${origin}/`, frameUrl: `${origin}/frame` });
      server.closeAllConnections();
      server.close();
    },
    { scope: "worker" },
  ],
});

/** Opens the database as Python does, and puts these rows into it. Another version has no stores. */
export async function store(page: Page, stores: Stores, version = schema.version): Promise<void> {
  await page.evaluate(
    async ([description, rows, asked]) => {
      const request = indexedDB.open(description.database, asked);
      request.onupgradeneeded = () => {
        if (asked !== description.version) return;
        for (const [name, key] of Object.entries(description.stores)) {
          const made = request.result.createObjectStore(name, { keyPath: key.length === 1 ? (key[0] ?? "") : key });
          if (name === "files" || name === "chunks") made.createIndex("contentIndex", "content");
          if (name !== "chunks" && name !== "partials") made.createIndex("modelRevisionIndex", ["model", "revision"]);
        }
      };
      await new Promise((resolve, reject) => {
        request.onsuccess = resolve;
        request.onerror = reject;
        request.onblocked = reject;
      });
      const database = request.result;
      if (Object.keys(rows).length) {
        const transaction = database.transaction(Object.keys(rows), "readwrite");
        for (const [name, added] of Object.entries(rows)) {
          for (const row of added) {
            const data = "data" in row ? { data: new Blob([String(row.data)]) } : {};
            transaction.objectStore(name).put({ ...row, ...data });
          }
        }
        await new Promise((resolve, reject) => {
          transaction.oncomplete = resolve;
          transaction.onabort = reject;
        });
      }
      database.close();
    },
    [schema, stores, version] as const,
  );
}

/** The rows of all stores, Blobs left out; null without a database. */
export function stored(page: Page): Promise<Stores | null> {
  return page.evaluate(async (name) => {
    if (!(await indexedDB.databases()).some((each) => each.name === name)) return null;
    const request = indexedDB.open(name);
    await new Promise((resolve, reject) => {
      request.onsuccess = resolve;
      request.onerror = reject;
    });
    const database = request.result;
    const names = [...database.objectStoreNames];
    const found: Stores = {};
    for (const each of names) {
      const reading = database.transaction(each).objectStore(each).getAll();
      await new Promise((resolve) => {
        reading.onsuccess = resolve;
      });
      if (reading.result.length) found[each] = reading.result.map((row) => ({ ...row, data: undefined }));
    }
    database.close();
    return found;
  }, schema.database);
}

const ROOT = "https://hub.example/";
const DAY = 86_400_000;

/** The rows of one complete file. */
export function file(
  model: string,
  path: string,
  {
    size = 1000,
    content = `${model}/${path}`,
    root = ROOT,
    age = DAY,
    integrity = "hub",
    task = "feature-extraction",
  } = {},
): Stores {
  const names = { model, revision: "main", file: path, root };
  const time = Date.now() - age;
  return {
    headers: [{ ...names, headers: { fileSize: size, lastUpdated: time, lastUsed: time } }],
    engines: [{ ...names, engineIds: ["default-engine"] }],
    tasks: [{ ...names, taskName: task }],
    files: [
      { ...names, id: `${root} ${model}/main/${path}`, sha256: content, integrity, hub: root, content, chunks: 1 },
    ],
    chunks: [{ content, index: "000000", data: path }],
  };
}

/** The rows of a download that was interrupted. */
export function partial(model: string, path: string, received: number, total: number | null): Stores {
  const id = `${ROOT} ${model}/main/${path}`;
  const content = `part of ${id}`;
  const names = { model, revision: "main", file: path, root: ROOT };
  const row = { ...names, id, content, url: id, validator: null, total, received, chunks: 1, updatedAt: Date.now() };
  return { partials: [row], chunks: [{ content, index: "000000", data: "begin" }] };
}

export function together(...parts: Stores[]): Stores {
  const all: Stores = {};
  for (const part of parts)
    for (const [name, rows] of Object.entries(part)) all[name] = [...(all[name] ?? []), ...rows];
  return all;
}

export const pin = (model: string): Stores => ({ pins: [{ model, revision: "main", root: ROOT }] });
export const missing = (model: string): Stores => ({
  missing: [{ id: `${ROOT} ${model}/main/none.json`, model, revision: "main", root: ROOT, at: 1 }],
});
