/** The part of a page: registers the service worker, says when the site is stored, and removes all of it. */

import { deleteCaches, type Site, scopeOf, siteSize } from "./site";

declare const document: { readyState: string };

/** Milliseconds in which the reason of a worker that has ended arrives. */
const REASON_TIME = 5000;

/** What became of an installation. */
export interface Installation {
  /** Whether the pages of the site start without their server. */
  installed: boolean;
  /** Why not, in words; empty otherwise. */
  reason: string;
}

/** `globalThis.modeldenServiceWorker`. */
export interface PageServiceWorker {
  /** Of the site; null in the file that removes. */
  version: string | null;
  /** Bytes of the site's files. */
  size: number;
  /** Never fails: a page works without a service worker. */
  installation: Promise<Installation>;
  /** Removes the service worker and the stored site. Pages that are open go on with files of the server. */
  remove(): Promise<void>;
}

export function startPage(site: Site | null, script: string): void {
  const remove = () => removeAll(scopeOf(script));
  const page: PageServiceWorker = {
    version: site?.version ?? null,
    size: site ? siteSize(site) : 0,
    installation: site
      ? install(site, script).catch((error) => refused(error instanceof Error ? error.message : String(error)))
      : remove().then(() => refused("The site has removed its service worker.")),
    remove,
  };
  Object.assign(globalThis, { modeldenServiceWorker: page });
}

function refused(reason: string): Installation {
  return { installed: false, reason };
}

/** The worker of this window, or none: without https, and in private windows of some browsers. */
function container(): ServiceWorkerContainer | undefined {
  return (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;
}

async function install(site: Site, script: string): Promise<Installation> {
  const workers = container();
  if (!workers) return refused("There are no service workers here: in a private window, or in a page without https.");
  await pageLoaded(); // the page comes first
  const reason = failureOf(workers, site);
  const registration = await workers.register(script);
  // Without its server a page has the version that is stored.
  if (registration.active) await registration.update().catch(() => {});
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  if (worker && (await isActivated(worker))) return { installed: true, reason: "" };
  return refused(await Promise.race([reason, endWithoutReason()]));
}

/** Waits for the reason that a worker gives. It may arrive after the worker's end, or never. */
function failureOf(workers: ServiceWorkerContainer, { version }: Site): Promise<string> {
  return new Promise((resolve) => {
    workers.addEventListener("message", ({ data }) => {
      if (data?.type === "modelden-site" && data.version === version) resolve(data.reason);
    });
    workers.startMessages();
  });
}

function endWithoutReason(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, REASON_TIME, "The browser ended the installation."));
}

function pageLoaded(): Promise<unknown> {
  if (document.readyState === "complete") return Promise.resolve();
  return new Promise((resolve) => addEventListener("load", resolve, { once: true }));
}

function isActivated(worker: ServiceWorker): Promise<boolean> {
  return new Promise((resolve) => {
    function check(): void {
      if (worker.state === "activated" || worker.state === "redundant") resolve(worker.state === "activated");
    }
    worker.addEventListener("statechange", check);
    check();
  });
}

async function removeAll(scope: string): Promise<void> {
  const registration = await container()?.getRegistration(scope);
  if (registration?.scope === scope) await registration.unregister();
  if (globalThis.caches) await deleteCaches(scope);
}
