/**
 * What one X.509 certificate says, and whether another one's key signed it.
 *
 * Only reading and signature mathematics: which dates, usages, names and roots are good is decided in Python
 * (`modelden/settings/chain.py`).
 */

import { AsnConvert } from "@peculiar/asn1-schema";
import { type GeneralSubtrees, id_ce_nameConstraints, NameConstraints } from "@peculiar/asn1-x509";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
} from "@peculiar/x509";

/** The fields are those of Python's `Certificate`. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Of the DER bytes: upper-case hexadecimal pairs with colons. */
  readonly sha256: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCA: boolean;
  readonly pathLength: number | null;
  /** Names of RFC 5280, 4.2.1.3. */
  readonly keyUsage: readonly string[] | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly dnsNames: readonly string[];
  readonly permittedDns: readonly string[] | null;
  readonly excludedDns: readonly string[];
  readonly unhandledCritical: readonly string[];
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly publicKey: string;
  readonly publicKeyAlgorithm: string;
  readonly issuedByNext: boolean;
}

/** What a certificate may be signed with. SHA-1 and RSASSA-PSS are not among it. */
const SIGNATURE_NAMES = ["ECDSA", "RSASSA-PKCS1-v1_5"];
const SIGNATURE_HASHES = ["SHA-256", "SHA-384", "SHA-512"];

/** Parse a certificate. Throws an error of the library's when the DER is none. */
export function parseCertificate(der: Uint8Array<ArrayBuffer>): X509Certificate {
  const certificate = new X509Certificate(der);
  const types = certificate.extensions.map(({ type }) => type);
  const repeated = types.find((type, index) => types.indexOf(type) !== index);
  if (repeated) throw new Error(`the extension ${repeated} is there more than once (RFC 5280, 4.2 forbids it)`);
  return certificate;
}

/** Read a certificate; `issuer` is the one whose key should have signed it. */
export async function readCertificate(
  certificate: X509Certificate,
  issuer: X509Certificate,
): Promise<CertificateFacts> {
  const basic = certificate.getExtension(BasicConstraintsExtension);
  const alternatives = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const constraints = readNameConstraints(certificate);
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    sha256: fingerprint(await crypto.subtle.digest("SHA-256", certificate.rawData)),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    isCA: basic?.ca ?? false,
    pathLength: basic?.pathLength ?? null,
    keyUsage: keyUsageNames(certificate.getExtension(KeyUsagesExtension)),
    extendedKeyUsage: certificate.getExtension(ExtendedKeyUsageExtension)?.usages.map(String) ?? null,
    dnsNames: alternatives.filter(({ type }) => type === "dns").map(({ value }) => value),
    permittedDns: constraints.permittedDns,
    excludedDns: constraints.excludedDns,
    unhandledCritical: unhandledCritical(certificate, constraints.complete),
    publicKey: btoa(String.fromCharCode(...new Uint8Array(certificate.publicKey.rawData))),
    publicKeyAlgorithm: publicKeyAlgorithm(certificate),
    issuedByNext: await isSignedBy(certificate, issuer),
  };
}

/**
 * Does the issuer's key verify the signature?
 *
 * @throws Error when the signature is of a kind that is not accepted from anyone.
 */
async function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): Promise<boolean> {
  const { name, hash } = certificate.signatureAlgorithm;
  if (!SIGNATURE_NAMES.includes(name) || !SIGNATURE_HASHES.includes(hash.name)) {
    throw new Error(`${certificate.subject} is signed with ${name} and ${hash.name}, which is not accepted`);
  }
  // An RSA key has no hash of its own; the library imports it for the hash of this signature.
  return certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true });
}

interface DnsConstraints {
  readonly permittedDns: readonly string[] | null;
  readonly excludedDns: readonly string[];
  /** False: the extension constrains other kinds of names too, which nothing here tells. */
  readonly complete: boolean;
}

/** RFC 5280, 4.2.1.10. The library has no class for this extension, its schema has. */
function readNameConstraints(certificate: X509Certificate): DnsConstraints {
  const extension = certificate.getExtension(id_ce_nameConstraints);
  if (!extension) return { permittedDns: null, excludedDns: [], complete: true };
  const { permittedSubtrees, excludedSubtrees } = AsnConvert.parse(extension.value, NameConstraints);
  const permitted = permittedSubtrees && dnsSubtrees(permittedSubtrees);
  const excluded = excludedSubtrees && dnsSubtrees(excludedSubtrees);
  return {
    permittedDns: permitted?.length ? permitted : null, // without a DNS name among them, DNS names are free
    excludedDns: excluded ?? [],
    complete: permitted?.length === permittedSubtrees?.length && excluded?.length === excludedSubtrees?.length,
  };
}

function dnsSubtrees(subtrees: GeneralSubtrees): string[] {
  return subtrees.flatMap(({ base, minimum, maximum }) => {
    const plain = minimum === 0 && maximum === undefined; // the only form that RFC 5280 allows
    return plain && base.dNSName !== undefined ? [base.dNSName] : [];
  });
}

function unhandledCritical(certificate: X509Certificate, nameConstraintsComplete: boolean): string[] {
  const handled = [
    BasicConstraintsExtension,
    ExtendedKeyUsageExtension,
    KeyUsagesExtension,
    SubjectAlternativeNameExtension,
  ];
  return certificate.extensions
    .filter(({ critical }) => critical)
    .filter((extension) => !handled.some((type) => extension instanceof type))
    .filter(({ type }) => !(type === id_ce_nameConstraints && nameConstraintsComplete))
    .map(({ type }) => type);
}

function keyUsageNames(extension: KeyUsagesExtension | null): string[] | null {
  if (!extension) return null;
  const flags = Object.entries(KeyUsageFlags) as [string, number][];
  return flags.filter(([, bit]) => typeof bit === "number" && extension.usages & bit).map(([name]) => name);
}

/** `P-384`, `RSA-4096`; for other keys what WebCrypto calls them. */
function publicKeyAlgorithm({ publicKey }: X509Certificate): string {
  const { name, namedCurve, modulusLength } = publicKey.algorithm as Algorithm & {
    namedCurve?: string;
    modulusLength?: number;
  };
  if (modulusLength !== undefined) return `RSA-${modulusLength}`;
  return namedCurve ?? name;
}

function fingerprint(digest: ArrayBuffer): string {
  const pairs = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return pairs.join(":").toUpperCase();
}
