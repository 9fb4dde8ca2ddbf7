/** The service worker: installs a version of the site, and serves each client the version that it began with. */

import { installFiles } from "./installation";
import { partOf, relativePath, type Target, targetOf } from "./requests";
import { deleteCaches, fileUrl, matchFile, type Site, scopeOf } from "./site";
import { Versions } from "./versions";

const scope = self as unknown as ServiceWorkerGlobalScope;

export function startWorker(site: Site | null): void {
  scope.addEventListener("install", (event) => event.waitUntil(installed(site)));
  if (!site) {
    scope.addEventListener("activate", (event) => event.waitUntil(remove()));
    return;
  }
  const files = new SiteFiles(site, location.href);
  scope.addEventListener("activate", (event) => event.waitUntil(files.versions.prune(true)));
  scope.addEventListener("fetch", (event) => files.onFetch(event));
}

/** Does not wait until the pages of an earlier version are closed: they go on with the files of theirs. */
async function installed(site: Site | null): Promise<void> {
  try {
    if (site) await installFiles(site, scopeOf(location.href));
    await scope.skipWaiting();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const pages = await scope.clients.matchAll({ includeUncontrolled: true, type: "window" });
    for (const page of pages) page.postMessage({ type: "modelden-site", version: site?.version, reason });
    throw error;
  }
}

async function remove(): Promise<void> {
  await deleteCaches(scopeOf(location.href));
  await scope.registration.unregister();
}

class SiteFiles {
  readonly versions: Versions;
  readonly #script: string;
  readonly #scope: string;
  readonly #paths: ReadonlySet<string>;

  constructor(site: Site, script: string) {
    this.#script = script;
    this.#scope = scopeOf(script);
    this.#paths = new Set(site.files.map(([path]) => path));
    this.versions = new Versions(this.#scope, site.version);
  }

  /** Leaves to the browser what is not on the list: other origins, settings, model files. */
  onFetch(event: FetchEvent): void {
    const { url, method, mode, destination } = event.request;
    if (method !== "GET" || !url.startsWith(this.#scope)) return;
    if (url === this.#script) {
      event.respondWith(this.#fromServer(event, url)); // the newest, which may be the one that removes
      return;
    }
    const target = targetOf(url, this.#scope, mode === "navigate", this.#paths);
    if (target) event.respondWith(this.#respond(event, target));
    else if (mode !== "navigate" && destination !== "") event.respondWith(this.#respondWithEarlierFile(event));
  }

  async #respond(event: FetchEvent, target: NonNullable<Target>): Promise<Response> {
    if ("folder" in target) {
      const folder = fileUrl(this.#scope, target.folder);
      return Response.redirect(folder + new URL(event.request.url).search, 301);
    }
    const url = fileUrl(this.#scope, target.path);
    if (target.isFallback) return this.#fromServer(event, url);
    const response = await matchFile(await this.#cacheFor(event), url);
    return response ? partOf(response, event.request) : fetch(event.request);
  }

  /** Finds a script, style or image that the list has no more, for a page of an earlier version. */
  async #respondWithEarlierFile(event: FetchEvent): Promise<Response> {
    const [name, path] = [await this.versions.find(event.clientId), relativePath(event.request.url, this.#scope)];
    const isEarlier = name && path && name !== this.versions.current;
    const response = isEarlier && (await matchFile(name, fileUrl(this.#scope, path)));
    return response ? partOf(response, event.request) : fetch(event.request);
  }

  async #fromServer(event: FetchEvent, url: string): Promise<Response> {
    try {
      return await fetch(event.request);
    } catch (error) {
      const response = await matchFile(await this.#cacheFor(event), url);
      if (response) return response;
      throw error;
    }
  }

  /** Returns the version for a request. A page that starts has the newest; a worker has that of its page. */
  async #cacheFor(event: FetchEvent): Promise<string> {
    const { versions } = this;
    if (event.request.mode === "navigate") {
      event.waitUntil(versions.assign(event.resultingClientId, versions.current).then(() => versions.prune(false)));
      return versions.current;
    }
    const earlier = await versions.find(event.clientId);
    const name = earlier ?? versions.current;
    for (const client of [earlier ? "" : event.clientId, event.resultingClientId]) {
      event.waitUntil(versions.assign(client, name));
    }
    return name;
  }
}
