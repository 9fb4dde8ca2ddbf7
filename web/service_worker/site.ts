/** The fixed list of files of one deployment, and the names of the caches that have them. */

export interface Site {
  /** Of the list and of this code. */
  version: string;
  /** Paths are relative to the folder of the service worker's file. The hash is the SHA-256 in hexadecimal digits. */
  files: [path: string, size: number, sha256: string][];
}

/** The folder of a service worker's file: the pages below it are its pages. */
export function scopeOf(script: string): string {
  return new URL("./", script).href;
}

export function fileUrl(scope: string, path: string): string {
  return scope + path.split("/").map(encodeURIComponent).join("/");
}

export function siteSize({ files }: Site): number {
  return files.reduce((sum, [, size]) => sum + size, 0);
}

/** An origin may have several sites, each with its scope. URLs have no spaces. */
export function cacheName(scope: string, version: string): string {
  return `modelden-site ${scope} ${version}`;
}

/** Lists the caches of all versions of a site. */
export async function cacheNames(scope: string): Promise<string[]> {
  const names = await caches.keys();
  return names.filter((name) => name.startsWith(cacheName(scope, "")));
}

export async function deleteCaches(scope: string): Promise<void> {
  for (const name of await cacheNames(scope)) await caches.delete(name);
}

export function matchFile(name: string, url: string): Promise<Response | undefined> {
  return caches.match(url, { cacheName: name, ignoreVary: true });
}
