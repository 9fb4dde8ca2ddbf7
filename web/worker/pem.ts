/** PEM (RFC 7468), read strictly: what is not understood is refused in words, never skipped. */

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The DER bytes of the certificates in a PEM text, in its order.
 *
 * @throws Error saying which line or certificate is wrong, and how.
 */
export function readPem(text: string): Uint8Array<ArrayBuffer>[] {
  const certificates: Uint8Array<ArrayBuffer>[] = [];
  /** The lines of the certificate that is being read. */
  let body: string[] | undefined;
  for (const [index, untrimmed] of text.split("\n").entries()) {
    const line = untrimmed.trim();
    if (body === undefined) {
      if (line === BEGIN) body = [];
      else if (line !== "") throw new Error(`line ${index + 1} of the PEM: expected ${BEGIN}, found ${quote(line)}`);
    } else if (line === END) {
      certificates.push(decodeBody(body.join(""), certificates.length + 1));
      body = undefined;
    } else if (line.startsWith("-----")) {
      throw new Error(`line ${index + 1} of the PEM: expected ${END}, found ${quote(line)}`);
    } else {
      body.push(line);
    }
  }
  if (body) throw new Error(`certificate ${certificates.length + 1} of the PEM has no ${END}: the text is cut short`);
  if (certificates.length === 0) throw new Error("the PEM holds no certificate");
  return certificates;
}

function decodeBody(base64: string, position: number): Uint8Array<ArrayBuffer> {
  if (!BASE64.test(base64)) throw new Error(`certificate ${position} of the PEM is not base64`);
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  checkLength(bytes, position);
  return bytes;
}

/** The DER header of a certificate tells its length; ASN.1 libraries read on where it ends early, or stop there. */
function checkLength(bytes: Uint8Array, position: number): void {
  const [tag, form, high = 0, low = 0] = bytes;
  // A SEQUENCE whose length takes two bytes: every certificate has between 256 and 65535 bytes.
  if (tag !== 0x30 || form !== 0x82) throw new Error(`certificate ${position} of the PEM is no DER certificate`);
  const expected = 4 + high * 256 + low;
  if (bytes.length === expected) return;
  throw new Error(`certificate ${position} of the PEM: expected ${expected} bytes of DER, found ${bytes.length}`);
}

function quote(line: string): string {
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}…` : line);
}
