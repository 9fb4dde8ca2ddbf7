/** The memory snapshot of `modelden snapshot`: found by Pyodide's lock file, checked by its hash, unpacked. */

import { hash, readContent } from "./stored_content";

/** The name of this build of modelden's JavaScript; tools/bundle.mjs replaces it. */
declare const MODELDEN_BUILD: string;

/** The snapshot's part of the lock file's entry of modelden: `tool.modelden.snapshot`. */
export interface SnapshotEntry {
  file_name: string;
  /** Of the unpacked content, in hexadecimal digits. */
  sha256: string;
  /** Of the file itself. */
  file_sha256: string;
  /** Bytes of memory that Python starts with. */
  memory_size: number;
  /** Whether Python can be suspended (JavaScript Promise Integration): Python remembers it. */
  jspi: boolean;
  /** The build of the wheel that the snapshot was made of. */
  build: string;
}

/** The part of pyodide-lock.json that is read here. */
export interface LockFile {
  packages?: { modelden?: { tool?: { modelden?: { snapshot?: SnapshotEntry } } } };
}

interface Header {
  memory_size: number;
  /** Start and length of each part of the memory that is not zero. */
  ranges: [number, number][];
  /** Path and length of each file of the wheel. */
  files: [string, number][];
}

/** What a snapshot file has in it. */
export interface Snapshot {
  ranges: [number, Uint8Array<ArrayBuffer>][];
  files: [string, Uint8Array<ArrayBuffer>][];
  /** All bytes, if they were downloaded in this visit. */
  downloaded: ArrayBuffer | null;
}

const MAX_MEMORY = 2 ** 30;
const GZIP = [0x1f, 0x8b];

/** Returns the snapshot that a lock file names, if this script can use it. */
export function snapshotEntry(lock: LockFile | null): SnapshotEntry | null {
  const entry = lock?.packages?.modelden?.tool?.modelden?.snapshot;
  if (entry?.build !== MODELDEN_BUILD || !(entry.memory_size > 0 && entry.memory_size <= MAX_MEMORY)) return null;
  const hasJspi = "Suspending" in WebAssembly || "Suspender" in WebAssembly;
  return entry.jspi === hasJspi ? entry : null;
}

/** Returns the stored content of a snapshot, or else downloads it. Fails unless each byte is right. */
export async function readSnapshot(entry: SnapshotEntry, folder: string): Promise<Snapshot> {
  const stored = await readContent(entry.sha256);
  if (stored) return parts(stored, entry, false);
  return parts(await download(entry, folder), entry, true);
}

async function download(entry: SnapshotEntry, folder: string): Promise<ArrayBuffer> {
  const response = await fetch(new URL(entry.file_name, folder));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  const bytes = await response.arrayBuffer();
  // A host may have decompressed the file already, by `Content-Encoding`.
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  const isPacked = first === GZIP[0] && second === GZIP[1];
  const expected = isPacked ? entry.file_sha256 : entry.sha256;
  const found = await hash(bytes);
  if (found !== expected) throw new Error(`${response.url}: expected SHA-256 ${expected}, found ${found}`);
  // After the check: Firefox reports the errors of damaged streams, even of handled ones.
  return isPacked ? await unpacked(bytes) : bytes;
}

async function unpacked(bytes: ArrayBuffer): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

function parts(content: ArrayBuffer, entry: SnapshotEntry, isDownload: boolean): Snapshot {
  const headerLength = new DataView(content).getUint32(0, true);
  const header: Header = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, headerLength)));
  if (header.memory_size !== entry.memory_size)
    throw new Error("the snapshot has another size than its lock file says");
  let position = 4 + headerLength;
  const ranges = header.ranges.map(([start, length]): [number, Uint8Array<ArrayBuffer>] => {
    position += length;
    return [start, new Uint8Array(content, position - length, length)];
  });
  // Files live as long as the page. A copy of them lets the rest be freed.
  const bytes = content.slice(position);
  position = 0;
  const files = header.files.map(([path, length]): [string, Uint8Array<ArrayBuffer>] => {
    position += length;
    return [path, new Uint8Array(bytes, position - length, length)];
  });
  return { ranges, files, downloaded: isDownload ? content : null };
}
