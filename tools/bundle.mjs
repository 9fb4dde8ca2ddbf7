/**
 * Bundle the workers into the wheel's assets: `node tools/bundle.mjs`.
 *
 * Writes into src/modelden/_js/assets:
 *   engine-5.js, trust.js      the workers, one ES module each, to be started from a blob: URL
 *   runtimes.json              per runtime major: its bundle and the WASM file that belongs to it
 *   THIRD_PARTY_LICENSES.txt   the licences of what the bundles contain
 *
 * A glue and a WASM file that do not belong together hang instead of failing, so everything that has to fit is
 * checked here: the versions of the packages, and the places in their code that are rewritten.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = join(ROOT, "node_modules");
const ASSETS = join(ROOT, "src/modelden/_js/assets");

/** What runtime major 5 is made of: this WASM file is the one that Mozilla's Remote Settings serves. */
const RUNTIME = {
  major: "5",
  bundle: "engine-5.js",
  wasm: "ort-wasm-simd-threaded.jsep.wasm",
  glue: "ort-wasm-simd-threaded.jsep.mjs",
  onnxruntime: "1.22.0-dev.20250409-89f8206ba4",
  transformers: "3.8.1",
};

/** What is changed in the packages' files: each text has to be there exactly once. */
const REWRITES = {
  /*
   * The glue looks for its WASM file beside itself, but nothing is beside a blob: URL (`Invalid URL`, thrown where
   * nobody catches it). The file comes as bytes and its URL is only a name then. The other uses of import.meta.url
   * stay: threads are workers that start from it, and a blob: URL is good for that.
   */
  [RUNTIME.glue]: [[`(new URL("${RUNTIME.wasm}",import.meta.url)).href`, `"${RUNTIME.wasm}"`]],
  /* Runs wait for each other in a chain of promises. As published, one that fails makes all later ones fail too. */
  "transformers.web.js": [["webInferenceChain.then(run)", "webInferenceChain.then(run, run)"]],
};

/** Packages whose published files contain others, which the list of bundled files cannot show. */
const CONTAINED = {
  "@huggingface/transformers": ["@huggingface/jinja"],
  "onnxruntime-web": ["onnxruntime-common", "flatbuffers"],
};

const rewriting = {
  name: "modelden-rewriting",
  setup({ onResolve, onLoad }) {
    const glue = join(MODULES, "onnxruntime-web/dist", RUNTIME.glue);
    onResolve({ filter: /^modelden:runtime-glue$/ }, () => ({ path: glue, namespace: "text" }));
    onLoad({ filter: /.*/, namespace: "text" }, async ({ path }) => ({
      contents: await rewritten(path),
      loader: "text",
    }));
    onLoad({ filter: /\/transformers\.web\.js$/ }, async ({ path }) => ({ contents: await rewritten(path) }));
  },
};

await checkVersions();
await mkdir(ASSETS, { recursive: true });
const packages = new Set([
  ...(await bundle("web/worker/engine.ts", RUNTIME.bundle)),
  ...(await bundle("web/worker/trust.ts", "trust.js")),
]);
await writeFile(join(ASSETS, "runtimes.json"), await runtimes());
await writeFile(join(ASSETS, "THIRD_PARTY_LICENSES.txt"), await licenses(packages));

async function checkVersions() {
  for (const [name, wanted] of [
    ["@huggingface/transformers", RUNTIME.transformers],
    ["onnxruntime-web", RUNTIME.onnxruntime],
  ]) {
    const { version } = await manifest(name);
    if (version === wanted) continue;
    throw new Error(`node_modules has ${name} ${version}, runtime ${RUNTIME.major} needs ${wanted}: run npm ci`);
  }
}

/** Bundle one worker, say how large it is, and return the names of the packages in it. */
async function bundle(entry, name) {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: join(ASSETS, name),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none", // the licences are in a file of their own
    // onnxruntime-web without a glue inside: ours comes as text.
    conditions: ["onnxruntime-web-use-extern-wasm", "browser"],
    external: ["node:*"],
    tsconfig: join(ROOT, "web/worker/tsconfig.json"),
    plugins: [rewriting],
    metafile: true,
    logLevel: "warning",
  });
  const text = await readFile(join(ASSETS, name));
  console.log(`${name}: ${text.length} bytes, ${gzipSync(text, { level: 9 }).length} gzipped`);
  const inside = Object.keys(result.metafile.inputs);
  return inside.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean);
}

/** A package's file with its rewrites done; one that they do not fit is not the one they were written for. */
async function rewritten(path) {
  let text = await readFile(path, "utf8");
  for (const [from, to] of REWRITES[basename(path)]) {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`${path} has ${parts.length - 1} times what has to be there once: ${from}`);
    text = parts.join(to);
  }
  return text;
}

async function runtimes() {
  const bytes = await readFile(join(MODULES, "onnxruntime-web/dist", RUNTIME.wasm));
  const { major, bundle, wasm: name, onnxruntime, transformers } = RUNTIME;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const facts = { bundle, name, sha256, size: bytes.length, onnxruntime, transformers };
  return `${JSON.stringify({ [major]: facts }, null, 2)}\n`;
}

async function licenses(bundled) {
  const names = new Set([...bundled].flatMap((name) => [name, ...(CONTAINED[name] ?? [])]));
  const texts = [...names].sort().map(async (name) => {
    const { version, license } = await manifest(name);
    return `${name} ${version} (${license})\n\n${(await licenseText(name)).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

async function licenseText(name) {
  // onnxruntime's npm packages come without their licence.
  if (name.startsWith("onnxruntime")) return readFile(join(ROOT, "tools/licenses/onnxruntime.txt"), "utf8");
  const folder = join(MODULES, name);
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} is in the bundle and its licence is not in ${folder}`);
  return readFile(join(folder, file), "utf8");
}

async function manifest(name) {
  const file = join(MODULES, name, "package.json");
  if (!existsSync(file)) throw new Error(`node_modules has no ${name}: run npm ci`);
  return JSON.parse(await readFile(file, "utf8"));
}
