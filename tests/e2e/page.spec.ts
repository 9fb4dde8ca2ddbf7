// What a visitor does with the page once it is ready.
import { axe } from "./axe.ts";
import { expect, test, useReadyDemo, useServer } from "./fixtures.ts";
import type { Demo } from "./support/demo.mjs";

const server = useServer();
const demo = useReadyDemo(server);

function texts(): Promise<string[]> {
  return demo.current.page.locator("#results .sentence").allInnerTexts();
}

test("edited sentences are ranked again", async () => {
  const { page } = demo.current;
  const before = await page.getByLabel("The sentences").inputValue();
  await page.getByLabel("The sentences").fill(`${before}\nRoast a chicken with rosemary and lemon.\n\n`);
  await expect(page.locator("#results li")).toHaveCount(13);
  expect((await texts()).slice(0, 2)).toEqual([
    "Roast a chicken with rosemary and lemon.",
    "A recipe for tomato soup with basil.",
  ]);

  await page.getByLabel("The sentences").fill("");
  await expect(page.locator("#search-note")).toHaveText("Write at least one sentence.");
  await page.getByLabel("The sentences").fill(before);
  await expect(page.locator("#results .score:not(:empty)")).toHaveCount(12);
});

test("another query gets another order", async () => {
  const { page } = demo.current;
  await page.getByLabel("What are you looking for?").fill("a pet taking a nap");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator("#results li").first()).toContainText("Our cat sleeps on the warm windowsill.");
  await expect(page.locator("#search-note")).toContainText("12 sentences compared with “a pet taking a nap”");
});

for (const { what, code, shown } of [
  {
    what: "awaits the engine",
    code: 'await engine.run("x")',
    shown: /^Tensor\(\[\[\[[\s\S]*\]\]\], shape=\(1, \d+, 384\), dtype='float32'\)$/,
  },
  { what: "shows what is printed, and the last line", code: 'print("one")\n1 + 1', shown: /^one\n2$/ },
  { what: "says when there is nothing to show", code: "x = 1", shown: /^Done; the last line has no value/ },
  { what: "remembers names", code: "x + 1", shown: /^2$/ },
  {
    what: "tells errors in words, with the line",
    code: "a = 1\nb",
    shown: /^Line 2: NameError: name 'b' is not defined$/,
  },
  { what: "tells the line of a syntax error", code: "a = 1\nb = = 2", shown: /^Line 2: SyntaxError: invalid syntax$/ },
  {
    what: "tells modelden's errors",
    code: "await engine.run(object())",
    shown: /^Line 1: InputError: texts of feature-extraction or a list of them is needed/,
  },
  { what: "survives exit()", code: "raise SystemExit", shown: /^Line 1: SystemExit$/ },
]) {
  test(`the cell ${what}`, async () => {
    expect((await demo.current.run(code)).trim()).toMatch(shown);
  });
}

test("everything can be reached and done with the keyboard", async () => {
  const { page } = demo.current;
  await page.reload();
  await demo.current.ready();
  const reached = await tabThrough(demo.current);
  const list = ["Ask to keep", "4 files, hash promised by the hub", "Pin", "Verify", "Delete"];
  expect(reached).toEqual(["Skip to the search", "query", "Search", "sentences", ...list, "code", "Run"]);

  await page.locator("#query").focus();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("music");
  await page.keyboard.press("Enter");
  await expect(page.locator("#results li").first()).toContainText("She plays the violin in an orchestra.");

  await page.locator("#code").focus();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("6 * 7");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#output")).toHaveText("42");
  await expect(page.locator("#code")).toBeFocused();
});

/** What gets the focus, from the page's beginning to its end, by id or text. */
async function tabThrough({ page }: Demo): Promise<string[]> {
  const reached: string[] = [];
  for (;;) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const outer = document.activeElement;
      const element = outer?.shadowRoot?.activeElement ?? outer;
      return element === document.body ? null : element?.id || element?.textContent;
    });
    if (!name) {
      return reached;
    }
    reached.push(name);
    if (name === "Run") {
      return reached;
    }
  }
}

for (const width of [1280, 390]) {
  test(`axe finds nothing to mend at a width of ${width}`, async ({ browserName }) => {
    const { page } = demo.current;
    await page.setViewportSize({ width, height: 844 });
    // Stock Firefox has no command for the scheme; the style sheet is the same.
    for (const colorScheme of browserName === "chromium" ? (["light", "dark"] as const) : []) {
      await page.emulateMedia({ colorScheme });
      expect(await axe(page)).toEqual([]);
    }
    expect(await axe(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
}
