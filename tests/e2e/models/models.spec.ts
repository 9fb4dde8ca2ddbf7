// <modelden-models> in a page without Python.
import { expect as baseExpect, type Locator, type Page } from "@playwright/test";
import { axe } from "../axe.ts";
import { file, missing, partial, pin, type Stores, store, stored, test, together } from "./site.ts";

const expect = baseExpect.configure({ timeout: 60_000 });

const EMBED = "hub.example/Xenova/all-MiniLM-L6-v2";
const SPEECH = "hub.example/org/whisper-tiny";
const TWIN = "hub.example/org/twin";

const ROWS = together(
  file(EMBED, "config.json", { size: 650, content: "shared", integrity: "signed" }),
  file(EMBED, "onnx/model_quantized.onnx", { size: 23_000_000, age: 7_200_000 }),
  file(TWIN, "config.json", {
    size: 650,
    content: "shared",
    integrity: "first-seen",
    root: "http://hub.example:8000/hub/",
  }),
  partial(SPEECH, "onnx/model.onnx", 4_200_000, 40_000_000),
  pin(EMBED),
  missing(EMBED),
);

async function open(page: Page, url: string, rows: Stores = ROWS): Promise<void> {
  await page.goto(url);
  await store(page, rows);
  await page.reload();
  await expect(page.locator("modelden-models [part=summary]")).not.toHaveText("Reading what is stored.");
}

function row(page: Page, name: string): Locator {
  return page.getByRole("listitem").filter({ hasText: name });
}

test("models are listed with size, last use, users, pin, integrity and interrupted downloads", async ({
  page,
  site,
  browserName,
}) => {
  await open(page, site.url);
  await expect(page.locator("[part=summary]")).toHaveText("3 models, 27.2 MB");
  await expect(page.locator("[part=name]")).toHaveText(["Xenova/all-MiniLM-L6-v2", "org/twin", "org/whisper-tiny"]);
  const embed = row(page, "all-MiniLM");
  await expect(embed.locator("[part=badge]")).toHaveText("pinned");
  await expect(embed.locator("[part=facts]")).toHaveText(
    "main · 23.0 MB · used by feature-extraction, 2 hours ago · hub.example",
  );
  await expect(embed.locator("time")).toHaveAttribute("datetime", /^20\d\d-.*Z$/);
  await embed.getByText("2 files, hash promised by the hub").click();
  await expect(embed.getByRole("row")).toHaveText([
    "FileSizeIntegrity",
    "config.json650 Bhash signed by the publisher",
    "onnx/model_quantized.onnx23.0 MBhash promised by the hub",
  ]);
  await expect(row(page, "twin").locator("[part=facts]")).toContainText("http://hub.example:8000/hub/");
  await expect(row(page, "whisper").locator("[part=partial]")).toHaveText(
    "Download of 1 file interrupted: 4.2 MB of 40.0 MB",
  );
  await expect(page.locator("[part=storage]")).toContainText(/ used by this site, .* left\. The browser /);

  for (const colorScheme of ["light", "dark"] as const) {
    if (browserName === "chromium") await page.emulateMedia({ colorScheme });
    expect(await axe(page)).toEqual([]);
    await page.screenshot({ path: `build/screenshots/models-${browserName}-${colorScheme}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 320, height: 700 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});

test("a model is deleted by keyboard, with what is its own, and other tabs notice", async ({
  page,
  context,
  site,
  browserName,
}) => {
  await open(page, site.url);
  await page.evaluate(
    (names) => localStorage.setItem("modelden", JSON.stringify(names)),
    [
      [EMBED, "main"],
      [TWIN, "main"],
    ],
  );
  const other = await context.newPage();
  await other.goto(site.url);
  await expect(other.getByRole("listitem")).toHaveCount(3);
  await page.bringToFront();

  const remove = page.getByRole("button", { name: "Delete Xenova/all-MiniLM-L6-v2 main" });
  await remove.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete Xenova/all-MiniLM-L6-v2 main?" });
  await expect(dialog).toContainText("This frees 23.0 MB and cannot be undone.");
  await expect(dialog).toContainText("650 B are shared with other models, and stay.");
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  expect(await axe(page)).toEqual([]);
  await page.screenshot({ path: `build/screenshots/models-${browserName}-dialog.png` });
  await page.keyboard.press("Escape");
  await expect(remove).toBeFocused();
  expect((await stored(page))?.files).toHaveLength(3);

  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Delete" }).press("Enter");
  await expect(page.getByRole("status")).toHaveText("Xenova/all-MiniLM-L6-v2 main is deleted: 23.0 MB are free again.");
  await expect(page.getByRole("button", { name: "Delete org/twin main" })).toBeFocused();
  await expect(other.getByRole("listitem")).toHaveCount(2);
  const left = await stored(page);
  expect(Object.keys(left ?? {}).sort()).toEqual(["chunks", "engines", "files", "headers", "partials", "tasks"]);
  expect(left?.files?.map(({ model }) => model)).toEqual([TWIN]);
  expect(left?.chunks?.map(({ content }) => content).sort()).toEqual([expect.stringContaining("part of"), "shared"]);
  expect(await page.evaluate(() => localStorage.getItem("modelden"))).toBe(JSON.stringify([[TWIN, "main"]]));

  for (const name of ["org/twin main", "org/whisper-tiny main"]) {
    await page.getByRole("button", { name: `Delete ${name}` }).press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByRole("button", { name: `Delete ${name}` })).toHaveCount(0);
  }
  await expect(page.locator("[part=summary]")).toHaveText("No model is stored.");
  await expect(page.locator("[part=summary]")).toBeFocused();
  expect(await stored(page)).toEqual({});
});

test("a download that runs stays, and a model in use says so", async ({ page, site }) => {
  await open(page, site.url, together(ROWS, partial(SPEECH, "vocab.json", 500, null)));
  await page.evaluate((id) => {
    const held = new Promise((resolve) => Object.assign(globalThis, { end: resolve }));
    void navigator.locks.request(`modelden download ${id}`, () => held);
    void navigator.locks.request(
      "modelden use https://hub.example/ hub.example/Xenova/all-MiniLM-L6-v2 main",
      () => held,
    );
  }, `https://hub.example/ ${SPEECH}/main/vocab.json`);
  const speech = row(page, "whisper");
  await expect(speech.locator("[part=partial]")).toHaveText("Downloading 2 files: 4.2 MB");
  await expect(row(page, "all-MiniLM").locator("[part=badge]")).toHaveText(["in use", "pinned"]);
  await expect(speech.getByRole("button", { name: "Resume" })).toHaveCount(0);

  await speech.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(speech.locator("[part=partial]")).toHaveText("Downloading 1 file: 500 B");
  await page.evaluate(() => (globalThis as unknown as { end: () => void }).end());
  await expect(speech.locator("[part=partial]")).toHaveText("Download of 1 file interrupted: 500 B");
  await speech.getByRole("button", { name: "Discard part" }).click();
  await expect(speech).toHaveCount(0);
  expect((await stored(page))?.partials).toBeUndefined();

  await page.getByRole("button", { name: "Unpin Xenova/all-MiniLM-L6-v2 main" }).click();
  await page.getByRole("button", { name: "Pin org/twin main" }).click();
  await expect(page.getByRole("button", { name: "Unpin org/twin main" })).toBeFocused();
  expect((await stored(page))?.pins?.map(({ model }) => model)).toEqual([TWIN]);
});

test("each state of the storage has words of its own, and nothing is changed", async ({ page, site }) => {
  await page.goto(site.url);
  const summary = page.locator("[part=summary]");
  await expect(summary).toHaveText("No model is stored.");
  expect(await stored(page)).toBeNull();

  for (const [version, title, words] of [
    [702, "The models are of an earlier version", "modelden moves them when Python uses it next"],
    [704, "The models are of a later version", "stored by a later version of modelden (704; this list reads 703)"],
  ] as const) {
    await store(page, {}, version);
    await page.reload();
    await expect(summary).toHaveText(title);
    await expect(page.getByRole("alert")).toContainText(words);
    expect(await axe(page)).toEqual([]);
    expect(await page.evaluate(async () => (await indexedDB.databases())[0]?.version)).toBe(version);
  }

  await page.evaluate(() => indexedDB.deleteDatabase("modelFiles"));
  await open(page, site.url);
  await page.evaluate(() => indexedDB.deleteDatabase("modelFiles"));
  await page.getByRole("button", { name: "Unpin Xenova/all-MiniLM-L6-v2 main" }).click();
  await expect(summary).toHaveText("No model is stored.");
  expect(await stored(page)).toBeNull();

  await page.goto(site.frameUrl);
  const frame = page.frameLocator("iframe");
  await expect(frame.locator("[part=summary]")).toHaveText("This page has no storage");
  await expect(frame.getByRole("alert")).toContainText("(SecurityError): a sandboxed frame, a private window");
});

test("what needs Python is unavailable with the reason, and works when the page gives it", async ({ page, site }) => {
  await open(page, site.url);
  const verify = page.getByRole("button", { name: "Verify Xenova/all-MiniLM-L6-v2 main" });
  await expect(verify).toHaveAttribute("aria-disabled", "true");
  await expect(verify).toHaveAccessibleDescription("This needs Python, which the page has not given to this list.");
  await expect(page.locator("[part=note]")).toContainText("Verifying, resuming and updating need Python");

  await page.evaluate(() => {
    const model = "Xenova/all-MiniLM-L6-v2";
    const calls: unknown[] = [];
    const request = { task_name: "feature-extraction" };
    const list = document.querySelector("modelden-models") as HTMLElement & Record<string, unknown>;
    list.actions = {
      verify: async (name: object) => {
        calls.push(name);
        return [{ path: "config.json", ok: false }];
      },
      updates: async () => [{ model, revision: "main", status: "update-available", available: "main", request }],
      download: (
        _request: object,
        { onProgress, signal }: { onProgress: (figures: object) => void; signal: AbortSignal },
      ) => {
        onProgress({ loaded: 11_500_000, total: 23_000_000, fraction: 0.5 });
        return new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    };
    Object.assign(globalThis, { calls });
  });
  await verify.click();
  await expect(page.getByRole("status")).toHaveText(
    "Xenova/all-MiniLM-L6-v2 main: 1 damaged file deleted: config.json. The next use downloads what is missing.",
  );
  await expect(verify).toBeFocused();
  expect(await page.evaluate(() => (globalThis as unknown as { calls: unknown }).calls)).toEqual([
    { model: EMBED, revision: "main", rootUrl: "https://hub.example/" },
  ]);
  await page.getByRole("button", { name: "Check for updates" }).click();
  await expect(page.getByRole("status")).toHaveText("1 update found.");
  await page.getByRole("button", { name: "Update Xenova/all-MiniLM-L6-v2 main" }).click();
  await expect(page.getByRole("progressbar")).toHaveAttribute("value", "0.5");
  await expect(page.locator("[part=figures]:visible")).toHaveText("11.5 MB of 23.0 MB");
  await expect(page.getByRole("status")).toHaveText("Xenova/all-MiniLM-L6-v2 main: 50 %");
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Stop Xenova/all-MiniLM-L6-v2 main" }).click();
  await expect(page.getByRole("status")).toHaveText("Stopped. What is here of the update stays.");
});
