/**
 * The unpacked content of the last visit's snapshot, in the Cache API.
 *
 * Browsers unpack on the thread that asks, 20 MB of a snapshot for as long as Pyodide compiles, and Pyodide waits for that
 * thread. A content is found by its SHA-256, and checked by it each time.
 */

const CACHE = "modelden-snapshot";

/** Returns null where there is none, or where the browser refuses its storage. */
export async function readContent(sha256: string): Promise<ArrayBuffer | null> {
  try {
    const response = await globalThis.caches?.match(url(sha256), { cacheName: CACHE });
    if (!response) return null;
    const content = await response.arrayBuffer();
    if ((await hash(content)) === sha256) return content;
    await (await caches.open(CACHE)).delete(url(sha256));
  } catch (error) {
    console.debug("modelden: the stored snapshot cannot be read:", error);
  }
  return null;
}

/** Stores a content in place of others. Where the browser refuses, each visit unpacks. */
export async function storeContent(sha256: string, content: ArrayBuffer): Promise<void> {
  try {
    const cache = await globalThis.caches?.open(CACHE);
    if (!cache) return;
    for (const other of await cache.keys()) await cache.delete(other);
    await cache.put(url(sha256), new Response(content));
  } catch (error) {
    console.debug("modelden: the snapshot cannot be stored:", error);
  }
}

/** Returns the SHA-256 of bytes in hexadecimal digits. Fails in a page without https. */
export async function hash(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Nothing is served there. */
function url(sha256: string): string {
  return new URL(`/modelden-snapshot/${sha256}`, globalThis.location.href).href;
}
