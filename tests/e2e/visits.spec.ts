// One visitor's visits, the browser restarted between them.
import { expect, test, useServer } from "./fixtures.ts";
import { recordedRequests, sent } from "./recorded.ts";
import type { Demo } from "./support/demo.mjs";
import type { LoggedRequest } from "./support/server.mjs";

const server = useServer();

const QUERY = "What can I cook tonight?";
const TOP = "A recipe for tomato soup with basil.";
const MODEL_FILES = ["config.json", "onnx/model_quantized.onnx", "tokenizer.json", "tokenizer_config.json"];

test("first visit, restart, servers gone, model deleted", async ({ profile }) => {
  const { digest, ranking } =
    await test.step("the first visit shows its steps and an answer, and asks what Firefox asks", async () => {
      const demo = await profile.visit(server.current.origin);
      await demo.ready();
      const answer = await demo.answer();

      expect(answer.query).toBe(QUERY);
      await expect(demo.page.locator("#results li").first()).toContainText(TOP);
      await expectSteps(demo);
      const requests = await server.current.requests();
      expect(sent(requests)).toEqual(await recordedRequests());
      await expectDownloaded(demo, requests);
      return answer;
    });

  await test.step("after a restart of the browser nothing is asked", async () => {
    await server.current.clearLog();
    const warm = await profile.visit(server.current.origin);
    await warm.ready();
    expect(await warm.answer()).toMatchObject({ digest, ranking });
    expect(await server.current.requests()).toEqual([]);
    await expect(warm.page.locator("#downloaded")).toHaveText(/^Downloaded on this visit: 0 bytes/);
    await expect(warm.page.getByRole("list", { name: "Stored models" })).toContainText("Xenova/all-MiniLM-L6-v2");
  });

  await test.step("with all servers gone but the page's own it still works", async () => {
    await server.current.setFaults(
      ...["/v1/*", "/chains/*", "/attachments/*", "/hub/*"].map((path) => ({ path, close: true })),
    );
    const offline = await profile.visit(server.current.origin);
    await offline.ready();
    expect(await offline.answer()).toMatchObject({ digest, ranking });
    await server.current.setFaults();
  });

  await test.step("a deleted model is gone, and the next visit downloads it again", async () => {
    const demo = await profile.visit(server.current.origin);
    await demo.ready();
    const list = demo.page.locator("#models");
    await list.getByRole("button", { name: "Verify Xenova/all-MiniLM-L6-v2 v0.1.0" }).click();
    await expect(list.getByRole("status")).toContainText("4 files verified, none is damaged.");
    await list.getByRole("button", { name: "Delete Xenova/all-MiniLM-L6-v2 v0.1.0" }).click();
    await list.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(list.getByRole("status")).toContainText("is deleted");
    await expect(list.locator("[part=summary]")).toHaveText("No model is stored.");
    await server.current.clearLog();

    const again = await profile.visit(server.current.origin);
    await again.ready();
    expect(await again.answer()).toMatchObject({ digest, ranking });
    const asked = await server.current.requests();
    expect(asked.map(modelFile).sort()).toEqual(MODEL_FILES);
    await expect(again.page.locator("#models [part=model]")).toHaveCount(1);
  });
});

function modelFile({ path }: LoggedRequest): string {
  return path.replace(/^\/hub\/Xenova\/all-MiniLM-L6-v2\/v0\.1\.0\//, "").replace(/\?download=true$/, "");
}

async function expectSteps(demo: Demo): Promise<void> {
  const steps = await demo.steps();
  expect(steps.map(({ state }) => state)).toEqual(steps.map(() => "done"));
  expect(steps.filter(({ kind }) => kind !== "file").map(({ kind, detail }) => [kind, detail])).toEqual([
    ["python", "Pyodide and modelden"],
    ["settings", "ml-inference-options"],
    ["options", "Xenova/all-MiniLM-L6-v2 v0.1.0, q8"],
    ["settings", "ml-onnx-runtime"],
    ["runtime", "ort-wasm-simd-threaded.jsep.wasm"],
    ["settings", "ml-model-allow-deny-list"],
    ["engine", "simple-text-embedder-engine"],
  ]);
  const files = steps.filter(({ kind }) => kind === "file");
  expect(files.map(({ detail }) => detail).sort()).toEqual(MODEL_FILES);
  await expect(demo.page.locator("#steps progress")).toHaveCount(files.length + 1);
}

/** The page counts the bytes of runtime and model that the server sent. */
async function expectDownloaded(demo: Demo, requests: LoggedRequest[]): Promise<void> {
  const big = requests.filter(({ path }) => /^\/(hub|attachments)\//.test(path));
  const steps = await demo.steps();
  expect(Math.max(...steps.map(({ downloaded }) => downloaded))).toBe(big.reduce((sum, { bytes }) => sum + bytes, 0));
  await expect(demo.page.locator("#downloaded")).toHaveText(/^Downloaded on this visit: 44\.9 MB/);
}
