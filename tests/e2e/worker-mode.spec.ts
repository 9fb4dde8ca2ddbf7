// Python in a worker: the same page, the same answer.
import { expect, test, useReadyDemo, useServer } from "./fixtures.ts";

const server = useServer();
const demo = useReadyDemo(server, "?worker");

test("the same sentence is on top", async () => {
  expect((await demo.current.answer()).ranking[0]?.sentence).toBe("A recipe for tomato soup with basil.");
});

test("the cell's Python is not in the page", async () => {
  expect(await demo.current.run('import js\nhasattr(js, "document")')).toBe("False");
});
