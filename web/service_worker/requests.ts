/** The file that a request is for, and ranges of it. Pure. */

/** A file of the list; or one that is asked of the server first; or the folder to redirect to. */
export type Target = { path: string; isFallback: boolean } | { folder: string } | null;

/**
 * Finds the file of a URL, as a static server does. Queries do not matter.
 *
 * A page `/guide` is the folder `guide/`, or on some servers the file `guide.html`: those are asked first.
 */
export function targetOf(url: string, scope: string, isNavigation: boolean, paths: ReadonlySet<string>): Target {
  const path = relativePath(url, scope);
  if (path === null) return null;
  for (const candidate of [path, `${path}index.html`]) {
    if (paths.has(candidate) && (candidate === path || path === "" || path.endsWith("/"))) {
      return { path: candidate, isFallback: false };
    }
  }
  if (!isNavigation) return null;
  if (paths.has(`${path}/index.html`)) return { folder: `${path}/` };
  return paths.has(`${path}.html`) ? { path: `${path}.html`, isFallback: true } : null;
}

/** Returns null for a URL that is not below the scope. */
export function relativePath(url: string, scope: string): string | null {
  const { origin, pathname } = new URL(url);
  const full = origin + pathname;
  try {
    return full.startsWith(scope) ? decodeURIComponent(full.slice(scope.length)) : null;
  } catch {
    return null; // a lone percent sign
  }
}

/** Returns the part that a request asks for (RFC 9110, section 14): players of sounds and videos need it. */
export async function partOf(response: Response, request: Request): Promise<Response> {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
  // A range is only asked for, and the whole file is a right response.
  if (!match || request.headers.has("if-range") || !(match[1] || match[2])) return response;
  const blob = await response.blob();
  const [first, last] = match[1]
    ? [Number(match[1]), match[2] ? Math.min(Number(match[2]), blob.size - 1) : blob.size - 1]
    : [Math.max(0, blob.size - Number(match[2])), blob.size - 1];
  const headers = new Headers(response.headers);
  if (first > last) {
    headers.set("content-range", `bytes */${blob.size}`);
    headers.set("content-length", "0");
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-range", `bytes ${first}-${last}/${blob.size}`);
  headers.set("content-length", String(last - first + 1));
  return new Response(blob.slice(first, last + 1), { status: 206, headers });
}
