/** The versions of a site that are stored, and the one that each client has: a page, or a worker. */

import { cacheName, cacheNames } from "./site";

/** Milliseconds after its first request in which a client counts as alive: browsers list it only when it runs. */
const START_TIME = 60_000;

export class Versions {
  readonly current: string;
  readonly #scope: string;
  readonly #clients = new Map<string, string>();

  constructor(scope: string, version: string) {
    this.#scope = scope;
    this.current = cacheName(scope, version);
  }

  /** Returns the cache of a client that had a response before. Browsers end a service worker at any time, so it is stored. */
  async find(client: string): Promise<string | undefined> {
    const name = this.#clients.get(client);
    if (name || !client) return name;
    for (const other of await cacheNames(this.#scope)) {
      if (await caches.match(this.#url(client), { cacheName: other })) {
        this.#clients.set(client, other);
        return other;
      }
    }
    return undefined;
  }

  /** Lets a client have this version for good. */
  async assign(client: string, name: string): Promise<void> {
    if (!client) return;
    this.#clients.set(client, name);
    // `open` would make one that was removed.
    if (await caches.has(name)) await (await caches.open(name)).put(this.#url(client), new Response(`${Date.now()}`));
  }

  /**
   * Deletes versions that no client has any more. One that is being installed has none yet, and stays.
   *
   * With `isActivation`, caches without clients are of installations that broke off.
   */
  async prune(isActivation: boolean): Promise<void> {
    const names = (await cacheNames(this.#scope)).filter((name) => name !== this.current);
    const { registration } = self as unknown as ServiceWorkerGlobalScope;
    if (names.length === 0 || registration.installing || registration.waiting) return;
    for (const name of names) if (await this.#isUnused(name, isActivation)) await caches.delete(name);
  }

  async #isUnused(name: string, isActivation: boolean): Promise<boolean> {
    const scope = self as unknown as ServiceWorkerGlobalScope;
    const alive = await scope.clients.matchAll({ includeUncontrolled: true, type: "all" });
    const cache = await caches.open(name);
    const entries = (await cache.keys()).filter(({ url }) => url.startsWith(this.#url("")));
    for (const { url } of entries) {
      const time = Number(await (await cache.match(url))?.text());
      if (Date.now() - time < START_TIME || alive.some(({ id }) => url === this.#url(id))) return false;
    }
    return isActivation || entries.length > 0;
  }

  /** Nothing is served there. */
  #url(client: string): string {
    return `${this.#scope}modelden-client/${client}`;
  }
}
