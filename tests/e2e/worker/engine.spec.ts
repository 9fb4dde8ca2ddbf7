// The engine worker in real browsers, against transformers.js alone and against what can go wrong.
import { expectConsole } from "../console.ts";
import { expect, test } from "./site.ts";

const TEXTS = ["a cat", "", "Ein Satz über Züge 🚆, 東京", "word ".repeat(600)];

test.beforeEach(async ({ page, site }) => {
  await page.goto(site.url);
  await page.waitForFunction(() => "page" in globalThis);
});

test("embeds as transformers.js alone does, to the last bit", async ({ page }) => {
  const differences = await page.evaluate(async (texts) => {
    const alone = await globalThis.page.transformersAlone();
    const engine = await globalThis.page.startEngine();
    await engine.create(await globalThis.page.wasm());
    const found: string[] = [];
    for (const input of [...texts.map((text) => [text]), texts]) {
      for (const options of [{ pooling: "mean", normalize: true }, { pooling: "cls" }, {}]) {
        const expected = await alone(input, options);
        const { json, buffers } = await engine.run([input], options);
        const wanted = JSON.stringify({ $tensor: 0, dtype: "float32", dims: expected.dims });
        const bits = (floats: Float32Array) => new Uint32Array(floats.buffer, floats.byteOffset, floats.length).join();
        const equal = bits(buffers[0] as Float32Array) === bits(expected.data);
        if (json !== wanted || !equal) found.push(`${JSON.stringify(input)} ${JSON.stringify(options)}: ${json}`);
      }
    }
    engine.end();
    return found;
  }, TEXTS);
  expect(differences).toEqual([]);
});

test("tells its versions, asks for four files, and makes no request of its own", async ({ page, site }) => {
  const handle = await page.evaluateHandle(async () => {
    const { startEngine, wasm, modelFile } = globalThis.page;
    const hub = "https://hub.example/Xenova/all-MiniLM-L6-v2/v0.1.0";
    const names = ["tokenizer.json", "tokenizer_config.json", "config.json", "onnx/model_quantized.onnx"];
    const files = new Map(
      await Promise.all(names.map(async (name) => [name, await modelFile(`${hub}/${name}`)] as const)),
    );
    const engine = await startEngine();
    engine.answerFile = (url) => files.get(url.slice(hub.length + 1)) ?? { missing: true };
    return { engine, wasm: await wasm() };
  });
  site.takeRequests();
  const seen = await handle.evaluate(async ({ engine, wasm }) => {
    const info = await engine.create(wasm);
    await engine.run(["a cat"]);
    return { info, needs: engine.needs, crashes: engine.crashes };
  });
  expect(seen).toEqual({
    info: {
      transformers: "3.8.1",
      onnxruntime: "1.22.0-dev.20250409-89f8206ba4",
      threads: 1,
      threadsReason: null,
      device: "wasm",
      deviceReason: null,
      samplingRate: null,
      writes: false,
    },
    needs: ["tokenizer.json", "tokenizer_config.json", "config.json", "onnx/model_quantized.onnx"].map(
      (name) => `https://hub.example/Xenova/all-MiniLM-L6-v2/v0.1.0/${name}`,
    ),
    crashes: [],
  });
  expect(site.takeRequests()).toEqual([]);
});

test("has no way to the network", expectConsole(/"fetched"/), async ({ page, site }) => {
  // The probe is in the worker's own module: it sees the scope that the libraries see.
  const probe = `addEventListener("message", async (event) => {
    event.stopImmediatePropagation();
    const fetched = await fetch(event.data.url).then(() => "an answer", String);
    const left = ["XMLHttpRequest", "WebSocket", "WebTransport", "EventSource", "caches"].filter((name) => self[name]);
    throw new Error(JSON.stringify({ fetched, left }));
  });`;
  const url = `${site.url}assets/trust.js`;
  const seen = await page.evaluate(
    async ([probe, url]) => {
      const engine = await globalThis.page.startEngine(probe);
      engine.post({ type: "probe", url });
      const [crash] = await engine.crashed();
      return JSON.parse(crash?.message ?? "");
    },
    [probe, url] as const,
  );
  expect(seen).toEqual({ fetched: `Error: the engine has no network: ${url} is no file of the model`, left: [] });
});

test("uses two threads on a cross-origin isolated page, one elsewhere", async ({ page, site }) => {
  const threads = () =>
    page.evaluate(async () => {
      const engine = await globalThis.page.startEngine();
      const { threads, threadsReason } = await engine.create(await globalThis.page.wasm(), { numThreads: 2 });
      const { buffers } = await engine.run([["a cat", "a dog"]], { pooling: "mean", normalize: true });
      engine.end();
      return { threads, threadsReason, first: (buffers[0] as Float32Array)[0]?.toFixed(5) };
    });
  const one = await threads();
  await page.goto(site.isolatedUrl);
  await page.waitForFunction(() => "page" in globalThis);
  const two = await threads();
  expect([one.threads, two.threads]).toEqual([1, 2]);
  expect([one.threadsReason, two.threadsReason]).toEqual([expect.stringContaining("not cross-origin isolated"), null]);
  expect(two.first).toBe(one.first);
});

for (const { name, file, answer, message } of [
  { name: "missing", file: "onnx/model_quantized.onnx", answer: { missing: true }, message: "Could not locate file" },
  { name: "missing", file: "tokenizer.json", answer: { missing: true }, message: "Could not locate file" },
  { name: "refused", file: "config.json", answer: { error: "DENIED: not for you" }, message: "DENIED: not for you" },
  { name: "refused", file: "tokenizer_config.json", answer: { error: "the hub is down" }, message: "the hub is down" },
] as const) {
  test(`a file that is ${name} ends the creation: ${file}`, async ({ page }) => {
    const creation = page.evaluate(
      async ([file, answer]) => {
        const { startEngine, wasm, modelFile } = globalThis.page;
        const engine = await startEngine();
        engine.answerFile = (url) => (url.endsWith(`v0.1.0/${file}`) ? answer : modelFile(url));
        await engine.create(await wasm());
      },
      [file, answer] as const,
    );
    await expect(creation).rejects.toThrow(message);
  });
}

for (const [name, from, size] of [
  ["of another glue", "ort-wasm-simd-threaded.wasm", undefined],
  ["cut short", "ort-wasm-simd-threaded.jsep.wasm", 1_000_000],
  ["that is empty", "ort-wasm-simd-threaded.jsep.wasm", 0],
] as const) {
  test(`a WASM file ${name} is told, and does not hang`, expectConsole(/CompileError/), async ({ page }) => {
    const message = await page.evaluate(
      async ([from, size]) => {
        const engine = await globalThis.page.startEngine();
        const wasm = (await globalThis.page.wasm(from)).slice(0, size);
        const creation = engine.create(wasm).then(
          () => "created",
          (error) => error.message,
        );
        return Promise.race([creation, engine.crashed().then(([crash]) => crash?.message)]);
      },
      [from, size] as const,
    );
    expect(message).toMatch(/is not a function|CompileError/);
  });
}

test("a WASM file with another hash is not run", async ({ page }) => {
  const message = await page.evaluate(async () => {
    const { startEngine, wasm } = globalThis.page;
    const engine = await startEngine();
    return engine.create(await wasm(), {}, "0".repeat(64)).catch((error: Error) => error.message);
  });
  expect(message).toMatch(/the stored runtime is damaged: expected SHA-256 0{64}, found [0-9a-f]{64}/);
});

test(
  "a run that fails leaves the next one alone",
  expectConsole(/out of data bounds/, /^Inputs given to model/),
  async ({ page }) => {
    const outcomes = await page.evaluate(async () => {
      const { startEngine, wasm, modelFile } = globalThis.page;
      const engine = await startEngine();
      engine.answerFile = async (url) => {
        const answer = await modelFile(url);
        if (!url.endsWith("/tokenizer.json") || !("blob" in answer)) return answer;
        const tokenizer = JSON.parse(await answer.blob.text());
        tokenizer.model.vocab.zebra = 999_999; // the model has no such token, so its lookup fails
        return { blob: new Blob([JSON.stringify(tokenizer)]) };
      };
      await engine.create(await wasm());
      const outcome = (text: string) =>
        engine.run([text]).then(
          () => "ran",
          (error: Error) => (/out of data bounds/.test(error.message) ? "failed" : error.message),
        );
      return Promise.all(["cat", "zebra", "cat"].map(outcome));
    });
    expect(outcomes).toEqual(["ran", "failed", "ran"]);
  },
);

test("a worker has one engine, and runs what comes while it is made", async ({ page }) => {
  const outcomes = await page.evaluate(async () => {
    const engine = await globalThis.page.startEngine();
    const wasm = await globalThis.page.wasm();
    const sha256 = await globalThis.page.hash(wasm); // ahead, so that the request to create comes before the run
    const message = (error: Error) => error.message;
    const early = await engine.run(["a cat"]).catch(message);
    const creation = engine.create(wasm, {}, sha256);
    const during = await engine.run(["a cat"]).then(({ json }) => JSON.parse(json).dims);
    await creation;
    return { early, during, again: await engine.create(wasm).catch(message) };
  });
  expect(outcomes).toEqual({
    early: "the engine has not been created yet",
    during: [1, 4, 384],
    again: "this worker has its engine; another one needs a worker of its own",
  });
});

test("what nobody can understand is a crash in words", async ({ page }) => {
  const crashes = await page.evaluate(async () => {
    const engine = await globalThis.page.startEngine();
    engine.post({ type: "shout", id: 1 });
    engine.post({ type: "file", id: 7, missing: true });
    return (await engine.crashed(2)).map(({ message }) => message);
  });
  expect(crashes).toEqual(['unknown message: {"type":"shout","id":1}', "file 7 was not asked for"]);
});
