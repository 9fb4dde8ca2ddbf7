// What results and arguments look like as they cross: `web/worker/values.ts` in the browsers that run it.
import { expect, test } from "./site.ts";

test.beforeEach(async ({ page, site }) => {
  await page.goto(site.url);
  await page.waitForFunction(() => "page" in globalThis);
});

test("plain data crosses as it is, and what JSON lacks is said", async ({ page }) => {
  const json = await page.evaluate(() => {
    const { encode } = globalThis.page;
    const values = [
      [{ label: "A", score: 0.5 }, ["x", null, true]],
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0],
      [12n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 64n)],
      { absent: undefined, list: [undefined] },
      undefined,
      "🚆\ud800",
    ];
    return values.map((value) => encode(value).json);
  });
  expect(json).toEqual([
    '[{"label":"A","score":0.5},["x",null,true]]',
    '[{"$number":"NaN"},{"$number":"Infinity"},{"$number":"-Infinity"},{"$number":"-0"},0]',
    '[12,9007199254740991,{"$bigint":"9007199254740992"},{"$bigint":"-18446744073709551616"}]',
    '{"list":[null]}',
    "null",
    '"🚆\\ud800"',
  ]);
});

test("typed arrays cross as tensors; only a part of a buffer is copied", async ({ page }) => {
  const seen = await page.evaluate(() => {
    const whole = new Float32Array([1, 2, 3]);
    const part = whole.subarray(1);
    const { json, buffers } = globalThis.page.encode({ whole, again: [whole], part, ids: new BigInt64Array([7n]) });
    const sizes = buffers.map(({ buffer }) => buffer.byteLength);
    return { json, sizes, copied: buffers[2]?.buffer !== whole.buffer, kept: buffers[0]?.buffer === whole.buffer };
  });
  expect(JSON.parse(seen.json)).toEqual({
    whole: { $tensor: 0, dtype: "float32", dims: [3] },
    again: [{ $tensor: 1, dtype: "float32", dims: [3] }],
    part: { $tensor: 2, dtype: "float32", dims: [2] },
    ids: { $tensor: 3, dtype: "int64", dims: [1] },
  });
  expect(seen).toMatchObject({ sizes: [12, 12, 8, 8], copied: true, kept: true });
});

test("what has no place in a result is refused by its place and type", async ({ page }) => {
  const messages = await page.evaluate(() => {
    const values = [{ a: [() => 1] }, new Map(), { when: new Date(0) }, [Symbol.iterator], { x: { $tensor: 1 } }];
    return values.map((value) => {
      try {
        return globalThis.page.encode(value).json;
      } catch (error) {
        return String(error);
      }
    });
  });
  expect(messages).toEqual([
    "TypeError: result.a[0]: a value of type function cannot leave the worker",
    "TypeError: result: a value of type Map cannot leave the worker",
    "TypeError: result.when: a value of type Date cannot leave the worker",
    "TypeError: result[0]: a value of type symbol cannot leave the worker",
    "TypeError: result.x: the key $tensor is reserved and cannot leave the worker",
  ]);
});

test("arguments are read back as they were", async ({ page }) => {
  const seen = await page.evaluate(() => {
    const { encode, decode } = globalThis.page;
    const value = { numbers: [Number.NaN, -0, 1.5], big: 2n ** 70n, texts: ["a", null], data: new Int32Array([4, 5]) };
    const { json, buffers } = encode(value);
    const back = decode(json, buffers) as typeof value & { data: { data: Int32Array; dims: number[]; type: string } };
    const { data, dims, type } = back.data;
    const zero = Object.is(back.numbers[1], -0) && Number.isNaN(back.numbers[0]);
    return { zero, big: back.big === value.big, texts: back.texts, tensor: [type, dims, data.join()] };
  });
  expect(seen).toEqual({ zero: true, big: true, texts: ["a", null], tensor: ["int32", [2], "4,5"] });
});
