// The trust worker against `cryptography`, and against text that is no chain.
import { execFileSync } from "node:child_process";
import { expect, test } from "./site.ts";

interface Chain {
  readonly pem: string;
  readonly facts: readonly object[];
}

const printed = execFileSync(".venv/bin/python", ["tests/e2e/worker/chains.py"], { encoding: "utf8" });
const chains: { read: Record<string, Chain>; refused: Record<string, string> } = JSON.parse(printed);
const good = chains.read["of Mozilla's shape"]?.pem ?? "";

test.beforeEach(async ({ page, site }) => {
  await page.goto(site.url);
  await page.waitForFunction(() => "page" in globalThis);
});

/** Read each text in one worker; an error becomes its message. */
async function readAll(page: import("@playwright/test").Page, pems: string[]) {
  return page.evaluate(async (pems) => {
    const trust = await globalThis.page.startTrust();
    const readings = pems.map((pem) =>
      trust.ask({ type: "read-chain", pem }).then(
        ({ json }) => JSON.parse(json),
        (error: Error) => error.message,
      ),
    );
    return Promise.all(readings);
  }, pems);
}

test("reads in every chain what cryptography reads", async ({ page }) => {
  const pems = Object.values(chains.read).map(({ pem }) => pem);
  const readings = await readAll(page, pems);
  const withoutNames = readings.map((chain) =>
    chain.map(({ subject, issuer, ...facts }: Record<string, unknown>) => facts),
  );
  const named = Object.fromEntries(Object.keys(chains.read).map((name, index) => [name, withoutNames[index]]));
  expect(named).toEqual(Object.fromEntries(Object.entries(chains.read).map(([name, { facts }]) => [name, facts])));
});

test("the chains show both answers about the signature", async ({ page }) => {
  const names = ["of Mozilla's shape", "under another root", "in the wrong order"];
  const readings = await readAll(
    page,
    names.map((name) => chains.read[name]?.pem ?? ""),
  );
  const signed = readings.map((chain) => chain.map(({ issuedByNext }: { issuedByNext: boolean }) => issuedByNext));
  expect(signed).toEqual([
    [true, true, true],
    [true, false, true],
    [false, false],
  ]);
});

test("names are written as names", async ({ page }) => {
  const [first, second] = await readAll(page, [good, chains.read["RSA with SHA-256"]?.pem ?? ""]);
  expect(first[0].subject).toContain("CN=remote-settings.content-signature.mozilla.org");
  expect(first[0].issuer).toBe(first[1].subject);
  expect(second[0].subject).toContain("ü");
});

test("a kind of signature that is not accepted is named", async ({ page }) => {
  expect(await readAll(page, [chains.refused["signed with RSASSA-PSS"] ?? ""])).toEqual([
    expect.stringMatching(/^certificate 1 of the PEM cannot be read: .* is signed with RSA-PSS/),
  ]);
});

test("text that is no chain is refused in words", async ({ page }) => {
  const lines = good.split("\n");
  const replaceLine = (index: number, text: string) => lines.with(index, text).join("\n");
  const der = Buffer.from(lines.slice(1, lines.indexOf("-----END CERTIFICATE-----")).join(""), "base64");
  const block = (bytes: Buffer) =>
    `-----BEGIN CERTIFICATE-----\n${bytes.toString("base64")}\n-----END CERTIFICATE-----\n`;
  const key = good.replaceAll("CERTIFICATE", "PRIVATE KEY");
  const cases: [string, string][] = [
    ["", "the PEM holds no certificate"],
    ["hello", 'line 1 of the PEM: expected -----BEGIN CERTIFICATE-----, found "hello"'],
    ["<html>".repeat(9), "line 1 of the PEM: expected -----BEGIN CERTIFICATE-----, found"],
    [key, 'line 1 of the PEM: expected -----BEGIN CERTIFICATE-----, found "-----BEGIN PRIVATE KEY-----"'],
    [lines.slice(0, 5).join("\n"), "certificate 1 of the PEM has no -----END CERTIFICATE-----: the text is cut short"],
    [replaceLine(2, "-----BEGIN CERTIFICATE-----"), "line 3 of the PEM: expected -----END CERTIFICATE-----, found"],
    [replaceLine(2, "not base64!"), "certificate 1 of the PEM is not base64"],
    [block(Buffer.from("hello")), "certificate 1 of the PEM is no DER certificate"],
    [
      block(der.subarray(0, -9)),
      `certificate 1 of the PEM: expected ${der.length} bytes of DER, found ${der.length - 9}`,
    ],
    [block(Buffer.concat([der, der])), `certificate 1 of the PEM: expected ${der.length} bytes of DER, found`],
    [good + block(Buffer.from(der).fill(0, 4)), "certificate 4 of the PEM cannot be read: "],
    [`${good}tail`, `line ${lines.length} of the PEM: expected -----BEGIN CERTIFICATE-----, found "tail"`],
  ];
  const messages = await readAll(
    page,
    cases.map(([pem]) => pem),
  );
  for (const [index, [, expected]] of cases.entries()) expect(messages[index]).toContain(expected);
});
