// Python in a worker of its own: the page's ?worker.
import { boot } from "./boot.js";

const python = boot((text) => postMessage(text));

addEventListener("message", async ({ data }) => (await python)(data));
