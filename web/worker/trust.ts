/**
 * The trust worker: it reads chains of X.509 certificates and evaluates filter expressions for Python, which has no
 * library for either in a page. See `certificate.ts`, `expressions.ts`, and `trust_protocol.ts` for the messages.
 */
import "reflect-metadata"; // first: @peculiar/x509 uses it when it is evaluated
import type { X509Certificate } from "@peculiar/x509";
import { parseCertificate, readCertificate } from "./certificate";
import { type EvaluateQuestion, evaluate } from "./expressions";
import { readPem } from "./pem";
import type { Answer } from "./protocol";
import { answer, serve } from "./rpc";
import type { TrustRequest } from "./trust_protocol";

serve<TrustRequest>((message) => {
  switch (message.type) {
    case "read-chain":
      return void answer(message.id, () => readChain(message.pem));
    case "evaluate":
      return void answer(message.id, () => evaluateAll(message.json));
    default:
      throw new Error(`unknown message: ${JSON.stringify(message satisfies never)}`);
  }
});

async function readChain(pem: string): Promise<Answer> {
  const chain: X509Certificate[] = [];
  for (const [index, der] of readPem(pem).entries()) {
    chain.push(await naming(index, async () => parseCertificate(der)));
  }
  const facts = chain.map((certificate, index) =>
    naming(index, () => readCertificate(certificate, chain[index + 1] ?? certificate)),
  );
  return { json: JSON.stringify(await Promise.all(facts)), buffers: [] };
}

async function evaluateAll(json: string): Promise<Answer> {
  const verdicts = await evaluate(JSON.parse(json) as EvaluateQuestion);
  return { json: JSON.stringify(verdicts), buffers: [] };
}

/** The library's errors are about bytes: say which certificate they are in. */
async function naming<T>(index: number, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`certificate ${index + 1} of the PEM cannot be read: ${reason}`, { cause });
  }
}
