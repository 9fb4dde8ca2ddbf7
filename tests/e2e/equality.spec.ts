// The package computes what transformers.js alone computes from the same files in the same browser, to the last bit, and what
// onnxruntime computes on CPython, up to rounding.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { mergeTests, type Page } from "@playwright/test";
import { test as demoTest, expect, type Profile, useServer } from "./fixtures.ts";
import { test as siteTest } from "./worker/site.ts";

const test = mergeTests(demoTest, siteTest);
const server = useServer();

const MODEL = "Xenova/all-MiniLM-L6-v2";
const REVISION = "v0.1.0";

/** The reference sentences and their vectors from onnxruntime on CPython, one sentence at a time. */
interface Reference {
  readonly sentences: readonly string[];
  readonly fp32: readonly (readonly number[])[];
  readonly q8: readonly (readonly number[])[];
}
const reference: Reference = JSON.parse(
  await readFile(fileURLToPath(new URL("../truth/minilm_reference.json", import.meta.url)), "utf8"),
);

/** Least similarity to native code, which rounds the activations of q8 otherwise than WebAssembly. */
const SIMILARITY = { q8: 0.99, fp32: 0.9999 } as const;
const DTYPES = ["q8", "fp32"] as const;
type Vectors = Record<(typeof DTYPES)[number], string[]>;

test("the vectors of transformers.js alone, from the page's thread and from a worker", async ({ profile, site }) => {
  const inPage = await withModelden(profile, server.current.origin);
  const inWorker = await withModelden(profile, `${server.current.origin}/?worker`);
  const alone = await withTransformers(await profile.newPage(), site.url);
  expect(inPage).toEqual(alone);
  expect(inWorker).toEqual(alone);

  for (const dtype of DTYPES) {
    expect(alone[dtype]).toHaveLength(reference.sentences.length);
    const similarities = alone[dtype].map((vector, index) => similarity(floats(vector), reference[dtype][index] ?? []));
    expect(Math.min(...similarities)).toBeGreaterThanOrEqual(SIMILARITY[dtype]);
  }
});

/** Each sentence's vector as base64 of its float32 numbers, by the visitor's own Python in the demo's cell. */
async function withModelden(profile: Profile, url: string): Promise<Vectors> {
  const demo = await profile.visit(url);
  await demo.ready();
  await demo.answer();
  const output = await demo.run(`
import base64, json

found = {}
for dtype in ${JSON.stringify(DTYPES)}:
    async with await modelden.create_engine(
        task_name="feature-extraction", model_id="${MODEL}", model_revision="${REVISION}", dtype=dtype, engine_id=dtype
    ) as other:
        found[dtype] = []
        for sentence in json.loads(${JSON.stringify(JSON.stringify(reference.sentences))}):
            vector = await other.run(sentence, pooling="mean", normalize=True)
            found[dtype].append(base64.b64encode(bytes(memoryview(vector))).decode())
print(json.dumps(found))
`);
  return JSON.parse(output);
}

/** The same with nothing but transformers.js, as its package has it. */
async function withTransformers(page: Page, url: string): Promise<Vectors> {
  await page.goto(url);
  return page.evaluate(
    async ({ sentences, dtypes, model, revision }) => {
      const folder = `${location.origin}/transformers/`;
      const { env, pipeline } = await import(`${folder}transformers.min.js`);
      Object.assign(env, { useBrowserCache: false, allowLocalModels: false, remoteHost: location.origin });
      env.remotePathTemplate = "hub/{model}/{revision}";
      Object.assign(env.backends.onnx.wasm, { wasmPaths: folder, numThreads: 1 });
      const found: Vectors = { q8: [], fp32: [] };
      for (const dtype of dtypes) {
        const embed = await pipeline("feature-extraction", model, { revision, dtype });
        for (const sentence of sentences) {
          const { data } = await embed(sentence, { pooling: "mean", normalize: true });
          const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
          found[dtype].push(btoa(String.fromCharCode(...bytes)));
        }
        await embed.dispose();
      }
      return found;
    },
    { sentences: reference.sentences, dtypes: DTYPES, model: MODEL, revision: REVISION },
  );
}

function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}

function similarity(a: Float32Array, b: readonly number[]): number {
  const product = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, index) => sum + value * (y[index] ?? 0), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}
