/**
 * Bundle the workers into the wheel's assets: `node tools/bundle.mjs`.
 *
 * Writes into src/modelden/_js/assets:
 *   boot.js                    the start of a page with Python; an ES module
 *   models.js                  the element <modelden-models>; an ES module
 *   engine-N.js, trust.js, vectors.js
 *                              the workers, one engine a runtime major; ES modules, started from a blob: URL or served
 *   ort-*.mjs                  the glue of each WASM file; Python hands it to a worker, or a worker that is served loads it
 *   build.txt                  names this build: the workers say it when they start
 *   runtimes.json              per runtime major: its bundle and the WASM files that belong to it
 *   THIRD_PARTY_LICENSES.txt   the licences of what the bundles contain
 * and src/modelden/host/serve/service_worker.js, the script that `modelden service-worker` writes with a list of files.
 *
 * A glue and a WASM file that do not belong together hang instead of failing, so everything that has to fit is
 * checked here: the versions of the packages, and the places in their code that are rewritten.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = join(ROOT, "node_modules");
const ASSETS = join(ROOT, "src/modelden/_js/assets");
/** The command writes it to a site. A page's wheel does not have it. */
const SERVICE_WORKER = join(ROOT, "src/modelden/host/serve/service_worker.js");

/**
 * What the runtimes are made of, by major version, and the devices that each WASM file is there for. The file of 5 is the
 * one that Mozilla's Remote Settings serves. 6 has a small one, which starts twice as fast, and one with WebGPU, twice as
 * large: one onnxruntime-web drives both, that of WebGPU, which asks nothing of the file until a session wants the GPU.
 */
const RUNTIMES = {
  5: {
    bundle: "engine-5.js",
    files: { "ort-wasm-simd-threaded.jsep": ["wasm", "webgpu"] },
    entry: "ort.min.mjs",
    packages: { transformers: "@huggingface/transformers", onnxruntime: "onnxruntime-web" },
    versions: { transformers: "3.8.1", onnxruntime: "1.22.0-dev.20250409-89f8206ba4" },
  },
  6: {
    bundle: "engine-6.js",
    files: { "ort-wasm-simd-threaded": ["wasm"], "ort-wasm-simd-threaded.asyncify": ["webgpu"] },
    entry: "ort.webgpu.min.mjs",
    packages: { transformers: "transformers-6", onnxruntime: "transformers-6/node_modules/onnxruntime-web" },
    versions: { transformers: "4.3.2", onnxruntime: "1.31.0-dev.20260914-8d85527a0" },
  },
};

/*
 * What is changed in the packages' files: each text has to be there exactly once.
 *
 * The glue looks for its WASM file beside itself, but nothing is beside a blob: URL (`Invalid URL`, thrown where nobody
 * catches it). The file comes as bytes and its URL is only a name then; where the glue is served, too. The other uses of
 * import.meta.url stay: threads are workers that start from it, and a blob: URL is good for that.
 */
const glueRewrites = (file) => [
  // Their minifier breaks lines where it pleases.
  [new RegExp(String.raw`\(new URL\("${file}\.wasm",\n?import\.meta\.url\)\)\.href`), `"${file}.wasm"`],
];

const TRANSFORMERS_REWRITES = {
  all: [
    /* Runs wait for each other in a chain of promises. As published, one that fails makes all later ones fail too. */
    ["webInferenceChain.then(run)", "webInferenceChain.then(run, run)"],
    /* Whisper's `generate` takes what may stop it, and does not hand it on. */
    [
      "const init_tokens = kwargs.decoder_input_ids",
      "kwargs.stopping_criteria = stopping_criteria; const init_tokens = kwargs.decoder_input_ids",
    ],
  ],
  /*
   * 4.x looks which files there are before it loads them, on the branch `main` whatever the revision: it would find
   * none, or those of another model. `env.revision` is ours. A tokenizer may be another model's, so it is not looked for.
   */
  6: [
    ['const revision = options.revision ?? "main";', "const revision = options.revision ?? env.revision;"],
    [
      'get_config(modelId, { config = null, cache_dir = null, local_files_only = false, revision = "main" }',
      "get_config(modelId, { config = null, cache_dir = null, local_files_only = false, revision = env.revision }",
    ],
    [
      "const tokenizerFiles = await get_tokenizer_files(pretrained_model_name_or_path);",
      'const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json"];',
    ],
    /*
     * SpeechT5 has a processor, without which its pipeline takes it for a model that makes sounds by itself, and fails;
     * and its vocoder tells one sound of shape (samples,), of which 4.x would make as many empty ones as there are samples.
     */
    [
      'const include_processor = type !== "text";',
      'const include_processor = type !== "text" || task === "text-to-audio";',
    ],
    [
      "const [batch_size, waveformLength] = waveform.dims;",
      "const [batch_size, waveformLength] = waveform.dims.length > 1 ? waveform.dims : [1, ...waveform.dims];",
    ],
  ],
};

/** Packages whose published files contain others, which the list of bundled files cannot show. */
const CONTAINED = {
  "@huggingface/transformers": ["@huggingface/jinja"],
  "transformers-6": ["@huggingface/jinja", "@huggingface/tokenizers"],
  "onnxruntime-web": ["onnxruntime-common", "flatbuffers"],
  "transformers-6/node_modules/onnxruntime-web": ["onnxruntime-common", "flatbuffers"],
};

/** A worker's sources are written against names; which runtime's packages they mean is decided here. */
function runtimePackages(major, { entry, packages }) {
  const [transformers, onnxruntime] = [packages.transformers, packages.onnxruntime].map((name) => join(MODULES, name));
  return {
    name: "modelden-runtime",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^@huggingface\/transformers$/ }, () => ({
        path: join(transformers, "dist/transformers.web.js"),
      }));
      // onnxruntime-web without a glue inside: it comes with its WASM file.
      onResolve({ filter: /^onnxruntime-(web(\/webgpu)?|common)$/ }, () => ({
        path: join(onnxruntime, "dist", entry),
      }));
      const rewrites = [...TRANSFORMERS_REWRITES.all, ...(TRANSFORMERS_REWRITES[major] ?? [])];
      onLoad({ filter: /\/transformers\.web\.js$/ }, async ({ path }) => ({
        contents: await rewritten(path, rewrites),
      }));
    },
  };
}

/** Stands in the workers for what `build.txt` will say. */
const BUILD = "@modelden-build@";

const packages = new Set();
/** Texts of the files that make a build, by name. */
const served = new Map();
await mkdir(ASSETS, { recursive: true });
for (const [major, runtime] of Object.entries(RUNTIMES)) {
  await checkVersions(runtime);
  await bundle("web/worker/engine.ts", runtime.bundle, [runtimePackages(major, runtime)]);
  for (const file of Object.keys(runtime.files)) {
    const glue = join(MODULES, runtime.packages.onnxruntime, "dist", `${file}.mjs`);
    served.set(`${file}.mjs`, await rewritten(glue, glueRewrites(file)));
  }
}
await bundle("web/worker/trust.ts", "trust.js");
await bundle("web/worker/vectors.ts", "vectors.js");
await bundle("web/models/models.ts", "models.js", [trimStyles()]);
const facts = await runtimes();
const bundles = Object.values(facts).flatMap(({ bundle, files }) =>
  files.map(({ sha256, glue }) => [sha256, { bundle, glue }]),
);
await bundle("web/boot/boot.ts", "boot.js", [], { MODELDEN_RUNTIMES: JSON.stringify(Object.fromEntries(bundles)) });
const buildName = createHash("sha256")
  .update([...served.values()].join("\n"))
  .digest("hex")
  .slice(0, 16);
for (const [name, text] of served) {
  const bytes = Buffer.from(text.replaceAll(BUILD, buildName));
  await writeFile(join(ASSETS, name), bytes);
  console.log(`${name}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`);
}
await writeFile(join(ASSETS, "build.txt"), buildName);
await writeFile(join(ASSETS, "runtimes.json"), `${JSON.stringify(facts, null, 2)}\n`);
await writeFile(join(ASSETS, "THIRD_PARTY_LICENSES.txt"), await licenses());
await writeFile(SERVICE_WORKER, await bundled("web/service_worker/main.ts", { format: "iife" }));

async function checkVersions({ bundle, packages, versions }) {
  for (const [what, wanted] of Object.entries(versions)) {
    const { version } = await manifest(packages[what]);
    if (version !== wanted) throw new Error(`${bundle} needs ${packages[what]} ${wanted}, not ${version}: run npm ci`);
  }
}

/** Terser finds what esbuild leaves: 6 % of the bundles' compressed bytes, which a page downloads before all else. */
async function smaller(text) {
  return (await minify(text, { module: true, ecma: 2022 })).code;
}

/** Styles are text to a minifier of scripts. */
function trimStyles() {
  return {
    name: "modelden-styles",
    setup({ onLoad }) {
      onLoad({ filter: /\/style\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        const styles = await Promise.all(
          text.split("`").map((part, number) => (number % 2 ? minifyStyle(part) : part)),
        );
        return { contents: styles.join("`"), loader: "ts" };
      });
    },
  };
}

async function minifyStyle(css) {
  return (await transform(css, { loader: "css", minify: true })).code.trim();
}

/** Bundle one script that is served with the wheel's. */
async function bundle(entry, name, plugins = [], define = {}) {
  const text = await bundled(entry, { plugins, define: { MODELDEN_BUILD: JSON.stringify(BUILD), ...define } });
  served.set(name, text);
}

/** Bundle one script, and note the packages in it. */
async function bundled(entry, options) {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outdir: ASSETS,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none", // the licences are in a file of their own
    conditions: ["browser"],
    external: ["node:*"],
    tsconfig: join(ROOT, "web/worker/tsconfig.json"),
    metafile: true,
    logLevel: "warning",
    ...options,
  });
  for (const path of Object.keys(result.metafile.inputs)) {
    const folder = /node_modules\/(.*node_modules\/)?(@[^/]+\/)?[^/]+/.exec(path)?.[0];
    if (folder) packages.add(folder.slice("node_modules/".length));
  }
  return smaller(result.outputFiles[0].text);
}

/** A package's file with its rewrites done; one that they do not fit is not the one they were written for. */
async function rewritten(path, rewrites) {
  let text = await readFile(path, "utf8");
  for (const [from, to] of rewrites) {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`${path} has ${parts.length - 1} times what has to be there once: ${from}`);
    text = parts.join(to);
  }
  return text;
}

async function runtimes() {
  const described = Object.entries(RUNTIMES).map(async ([major, { bundle, files, packages, versions }]) => {
    const listed = Object.entries(files).map(async ([file, devices]) => {
      const bytes = await readFile(join(MODULES, packages.onnxruntime, "dist", `${file}.wasm`));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name: `${file}.wasm`, glue: `${file}.mjs`, sha256, size: bytes.length, devices };
    });
    return [major, { bundle, ...versions, files: await Promise.all(listed) }];
  });
  return Object.fromEntries(await Promise.all(described));
}

async function licenses() {
  const names = [...new Set([...packages].flatMap((name) => [name, ...(CONTAINED[name] ?? [])]))].sort();
  const texts = names.map(async (folder) => {
    const { name, version, license } = await manifest(folder);
    return `${name} ${version} (${license})\n\n${(await licenseText(folder)).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

async function licenseText(name) {
  // onnxruntime's npm packages come without their licence.
  if (/(^|\/)onnxruntime-[a-z]+$/.test(name)) return readFile(join(ROOT, "tools/licenses/onnxruntime.txt"), "utf8");
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
