// What goes wrong is told in words, and trying again works once the cause is gone.
import { axe } from "./axe.ts";
import { expect, test, useServer } from "./fixtures.ts";
import type { Demo } from "./support/demo.mjs";
import type { Fault, Server } from "./support/server.mjs";

const server = useServer();

interface Trouble {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly kind: string;
  readonly title: string;
  readonly text: RegExp;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: "the page has no configuration",
    faults: [{ path: "/config.json", status: 404 }],
    kind: "OSError",
    title: "The page's configuration could not be read",
    text: /http:\/\/localhost:\d+\/config\.json answered 404/,
  },
  {
    name: "the page's server is gone when its configuration is asked for",
    faults: [{ path: "/config.json", close: true }],
    kind: "OSError",
    title: "The page's configuration could not be read",
    text: /config\.json could not be fetched/,
  },
  {
    name: "the settings server is down on the first visit",
    faults: [{ path: "/v1/*", close: true }],
    kind: "NetworkError",
    title: "Something could not be reached",
    text: /No usable answer from http:\/\/localhost:\d+\/v1\/.*Check the connection/,
  },
  {
    name: "the hub is down",
    faults: [{ path: "/hub/*", close: true }],
    kind: "NetworkError",
    title: "Something could not be reached",
    text: /No usable answer from http:\/\/localhost:\d+\/hub\/Xenova\/all-MiniLM-L6-v2\/v0\.1\.0\//,
  },
  {
    name: "the hub has no such model",
    faults: [{ path: "/hub/*", status: 404 }],
    kind: "FileNotFoundOnHub",
    title: "Something could not be reached",
    text: /Xenova\/all-MiniLM-L6-v2.*404/,
  },
];

for (const trouble of TROUBLES) {
  test(trouble.name, async ({ visit }) => {
    await server.current.setFaults(...trouble.faults);
    const demo = await visit(server.current.origin);
    await expectProblem(demo, trouble);
    await retry(demo, () => server.current.setFaults());
  });
}

test("a collection is not signed by the one that the page trusts", async ({ visit }) => {
  const options = await publishedOptions(server.current);
  await server.current.publish("ml-inference-options", { records: options, sign: false });
  const demo = await visit(server.current.origin);
  await expectProblem(demo, {
    name: "",
    faults: [],
    kind: "SignatureError",
    title: "What came cannot be trusted",
    text: /main\/ml-inference-options cannot be trusted/,
  });
  await retry(demo, () => server.current.publish("ml-inference-options", { records: options }));
});

async function expectProblem(demo: Demo, { kind, title, text }: Trouble): Promise<void> {
  await demo.settled();
  const problem = demo.page.getByRole("alert");
  await expect(problem.getByRole("heading")).toHaveText(title);
  await expect(problem).toContainText(text);
  await expect(problem).toHaveAttribute("data-kind", kind);
  await expect(demo.page.locator("#now-text")).toHaveText("Stopped");
  await expect(demo.page.locator("#models [part=model]")).toHaveCount(0);
  expect(await axe(demo.page)).toEqual([]);
}

/** Remove the cause, press the button: the page goes on without being loaded again. */
async function retry(demo: Demo, mend: () => Promise<void>): Promise<void> {
  // The browser itself writes refused connections and error statuses to the console, and modelden what it did about a fault.
  demo.complaints.splice(0, demo.complaints.length, ...demo.complaints.filter((words) => !isProvoked(words)));
  await mend();
  await demo.page.getByRole("button", { name: "Try again" }).click();
  await demo.ready();
  await expect(demo.page.locator("#problem")).toBeHidden();
  await demo.answer();
  await expect(demo.page.locator("#results li").first()).toContainText("A recipe for tomato soup with basil.");
}

function isProvoked(words: string): boolean {
  return words.startsWith("console: Failed to load resource") || words.includes("cannot be trusted");
}

async function publishedOptions({ origin }: Server): Promise<object[]> {
  const response = await fetch(`${origin}/v1/buckets/main/collections/ml-inference-options/changeset?_expected=0`);
  return (await response.json()).changes;
}
