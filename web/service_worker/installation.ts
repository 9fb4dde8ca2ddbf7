/** The files of a version: fetched, compared with their hashes, and stored in a cache that no page uses yet. */

import { cacheName, cacheNames, fileUrl, matchFile, type Site, siteSize } from "./site";

/** Files on their way at the same time. */
const CONNECTIONS = 4;

/** These have headers for policies (COOP, COEP, CSP), which may change while the file stays the same. */
const WITH_POLICY = /javascript|html/;

/** They describe the transfer, or forbid to store. */
const TRANSFER_HEADERS = ["content-encoding", "content-length", "vary"];

/**
 * Stores all files of a version, or fails with the reason in words.
 *
 * A later call continues: files with the right hash are not fetched again. That also holds for files of earlier versions.
 */
export async function installFiles(site: Site, scope: string): Promise<void> {
  await checkSpace(site);
  const name = cacheName(scope, site.version);
  const [cache, names] = [await caches.open(name), await cacheNames(scope)];
  const queue = [...site.files];
  async function work(): Promise<void> {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const url = fileUrl(scope, file[0]);
      await cache.put(url, (await storedFile(names, url, file[2])) ?? (await fetchedFile(url, file)));
    }
  }
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
    await cache.put(location.href, await fetchedScript(site));
  } catch (error) {
    queue.length = 0;
    if (error instanceof DOMException && error.name === "QuotaExceededError") {
      await caches.delete(name);
      throw new Error(`The browser refused to store the ${siteSize(site)} bytes of the site.`);
    }
    throw error;
  }
}

/** A browser that has no space would tell so only after the download. */
async function checkSpace(site: Site): Promise<void> {
  const { quota, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  const size = siteSize(site);
  if (quota !== undefined && quota - usage < size) {
    throw new Error(`The site has ${size} bytes, and the browser has space for ${Math.max(0, quota - usage)}.`);
  }
}

/** Returns a file with this hash from one of the caches. */
async function storedFile(names: string[], url: string, sha256: string): Promise<Response | null> {
  for (const name of names) {
    const response = await matchFile(name, url);
    if (!response || WITH_POLICY.test(response.headers.get("content-type") ?? "")) continue;
    const content = await response.arrayBuffer();
    if ((await hash(content)) === sha256) return storable(response, content);
  }
  return null;
}

/** The browser's HTTP cache may have a file of another deployment: then the server is asked. */
async function fetchedFile(url: string, [path, size, sha256]: Site["files"][number]): Promise<Response> {
  let found = "";
  for (const cache of ["default", "reload"] as const) {
    const response = await fetch(url, { cache });
    if (response.status !== 200) throw new Error(`${path}: the server responded with status ${response.status}.`);
    const content = await response.arrayBuffer();
    if ((await hash(content)) === sha256) return storable(response, content);
    found = `${content.byteLength} bytes of ${response.headers.get("content-type")}`;
  }
  throw new Error(
    `${path} is not the file of this deployment: expected ${size} bytes with another hash, found ${found}.`,
  );
}

/** The file of this code, for pages that load it without their server. It cannot have its own hash. */
async function fetchedScript({ version }: Site): Promise<Response> {
  const response = await fetch(location.href, { cache: "no-store" });
  const content = await response.arrayBuffer();
  if (!new TextDecoder().decode(content).includes(version)) {
    throw new Error(`The server has another version of the service worker than ${version} by now.`);
  }
  return storable(response, content);
}

/** A response of its own is no redirected one, which browsers refuse for pages. */
function storable(response: Response, content: ArrayBuffer): Response {
  const headers = new Headers(response.headers);
  for (const name of TRANSFER_HEADERS) headers.delete(name);
  headers.set("content-length", String(content.byteLength));
  return new Response(content, { headers });
}

async function hash(content: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
