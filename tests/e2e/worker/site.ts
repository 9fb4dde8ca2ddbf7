// A page on an origin of its own that has the bundles, the runtime and the model, and nothing of modelden's Python.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { test as base } from "../console.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FOLDERS: Record<string, string> = {
  assets: "src/modelden/_js/assets",
  hub: "build/tree/hub",
  onnxruntime: "node_modules/onnxruntime-web/dist",
  transformers: "node_modules/@huggingface/transformers/dist",
};
const TYPES: Record<string, string> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
/** Makes a page cross-origin isolated, which shared memory (so threads) needs. */
const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

interface Site {
  /** A page where `page` of `page.ts` is there. */
  readonly url: string;
  /** The same, cross-origin isolated. */
  readonly isolatedUrl: string;
  /** Paths asked for since the last call. */
  takeRequests(): string[];
}

export const test = base.extend<object, { site: Site }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright wants to see which fixtures are used
    async ({}, use) => {
      const script = await bundlePage();
      let requests: string[] = [];
      const server = createServer((request, response) => {
        const path = request.url ?? "/";
        requests.push(path);
        const [, folder = "", ...rest] = path.split("/");
        if (rest.length === 0 && folder !== "page.js") {
          const headers = folder === "isolated" ? ISOLATION : {};
          response.writeHead(200, { "content-type": "text/html", ...headers });
          response.end('<!doctype html><link rel="icon" href="data:"><script type="module" src="/page.js"></script>');
        } else if (folder === "page.js") {
          response.writeHead(200, { "content-type": "text/javascript" }).end(script);
        } else {
          sendFile(join(ROOT, FOLDERS[folder] ?? "nowhere", ...rest), response);
        }
      });
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
      await use({
        url: `${origin}/`,
        isolatedUrl: `${origin}/isolated`,
        takeRequests: () => {
          const taken = requests;
          requests = [];
          return taken;
        },
      });
      server.closeAllConnections();
      server.close();
    },
    { scope: "worker" },
  ],
});
export { expect } from "@playwright/test";

async function bundlePage(): Promise<string> {
  const entryPoints = [join(ROOT, "tests/e2e/worker/page.ts")];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: "esm", write: false, logLevel: "warning" });
  return outputFiles[0]?.text ?? "";
}

function sendFile(path: string, response: import("node:http").ServerResponse): void {
  if (!existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-length": statSync(path).size });
  createReadStream(path).pipe(response);
}
