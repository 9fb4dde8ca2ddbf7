// What a real Firefox asked for on its first use of a feature, recorded in tests/truth/, and what the demo asked, in one form.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect } from "@playwright/test";
import type { LoggedRequest } from "./support/server.mjs";

const RECORDING = fileURLToPath(new URL("../truth/e2e_pinned_feature.json", import.meta.url));

interface Recorded {
  readonly steps: readonly { readonly op: string; readonly "~http_as_seen"?: readonly string[] }[];
}

/** Firefox fetches a bundle of many collections when it starts; a page has no such moment. */
const FIREFOX_ONLY = /\/attachments\/bundles\//;

/**
 * The recorded requests of a cold engine. Model, revision, timestamps and the attachment's place differ from the demo's and are left
 * out; the model's files, which have no order among themselves, are sorted.
 */
export async function recordedRequests(): Promise<string[]> {
  const { steps }: Recorded = JSON.parse(await readFile(RECORDING, "utf8"));
  const cold = steps.find(({ op }) => op === "createEngine")?.["~http_as_seen"] ?? [];
  return inOneForm(cold.filter((line) => !FIREFOX_ONLY.test(line)));
}

/**
 * The demo's requests in the same form. The recording was made without signatures, so it has no request for a certificate chain; here
 * there is one, after the first signed answer.
 */
export function sent(requests: readonly LoggedRequest[]): string[] {
  const chains = requests.filter(({ path }) => path.startsWith("/chains/"));
  expect(chains).toHaveLength(1);
  expect(requests[requests.indexOf(chains[0] as LoggedRequest) - 1]?.path).toMatch(/\/ml-inference-options\/changeset/);
  const others = requests.filter(({ path }) => !path.startsWith("/chains/"));
  return inOneForm(others.map(({ method, path, status }) => `${method} ${path} ${status}`));
}

function inOneForm(lines: readonly string[]): string[] {
  const simple = lines.map((line) =>
    line
      .replace(/_expected=[1-9]\d*/, "_expected=…")
      .replace(/\/attachments\/main-workspace\/ml-onnx-runtime\/\S+/, "/attachments/…")
      .replace(/ (?:\/hub)?\/[^/]+\/[^/]+\/v[^/]+\/(\S+\?download=true)/, " hub/…/$1"),
  );
  const isHub = (line: string) => line.includes(" hub/");
  return [...simple.filter((line) => !isHub(line)), ...simple.filter(isHub).sort()];
}
