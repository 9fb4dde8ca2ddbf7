/**
 * The file that `modelden service-worker` writes: a page loads it as a script, and it registers itself as a service worker.
 *
 * A page of the site then starts without its server. The list of files and their hashes is in the file itself.
 */

import { startPage } from "./page";
import type { Site } from "./site";
import { startWorker } from "./worker";

/** The site; null in the file that removes the service worker. The command writes its value. */
declare const MODELDEN_SITE: Site | null;

/** The URL of this file, as a script of a page. */
declare const document: { currentScript: { src: string } | null } | undefined;

if (typeof document === "undefined") startWorker(MODELDEN_SITE);
else if (document.currentScript) startPage(MODELDEN_SITE, document.currentScript.src);
else console.error("modelden: load the service worker's file by <script src>, not as a module");
