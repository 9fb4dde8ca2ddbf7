// `modelden serve` as a child process, with its test switches.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * A request as the server saw it, in order of arrival; `path` has the query, `bytes` counts the body.
 * @typedef {{method: string, host: string, path: string, status: number | null, bytes: number, complete: boolean}} LoggedRequest
 *
 * What goes wrong on purpose; the fields are those of `modelden.host.testing.Fault`.
 * @typedef {{path: string, method?: string, times?: number, delay_ms?: number, close?: boolean, redirect?: string,
 *   status?: number, body?: string, cut_after?: number, drop_cors?: boolean}} Fault
 */

export class Server {
  /** @param {{tree?: string, site?: string, port?: string, options?: string[]}} [settings] */
  static async start({ tree = "build/tree", site = "build/site", port = "0", options = [] } = {}) {
    const words = ["serve", tree, "--site", site, "--port", port, "--test-switches", ...options];
    const process = spawn(".venv/bin/modelden", words, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface(process.stdout)) {
      const origin = /^hub\s+(\S+)\/hub$/.exec(line)?.[1];
      if (origin) {
        // Nobody reads on; a full pipe must not stop the server.
        process.stdout.resume();
        return new Server(process, origin);
      }
    }
    throw new Error(`.venv/bin/modelden ${words.join(" ")} ended without naming its address; its words are above`);
  }

  /**
   * @param {import("node:child_process").ChildProcess} process
   * @param {string} origin
   */
  constructor(process, origin) {
    this.process = process;
    this.origin = origin;
  }

  /**
   * The requests for settings, certificates, attachments and model files.
   * @returns {Promise<LoggedRequest[]>}
   */
  async requests() {
    const response = await this.#ask("/__log__", "GET");
    const entries = /** @type {LoggedRequest[]} */ (await response.json());
    return entries.filter(({ path }) => /^\/(v1|chains|attachments|hub)\//.test(path));
  }

  /** Forgets the requests so far. */
  async clearLog() {
    await this.#ask("/__log__/clear", "POST");
  }

  /**
   * These faults in place of all others; none: everything works.
   * @param {...Fault} faults
   */
  async setFaults(...faults) {
    await this.#ask("/__faults__", "PUT", faults);
  }

  /**
   * Publishes records in place of a collection's.
   * @param {string} name  Of a collection in the bucket `main`.
   * @param {{records: object[], timestamp?: number, sign?: boolean}} content
   */
  async publish(name, content) {
    await this.#ask(`/__collections__/main/${name}`, "PUT", content);
  }

  async stop() {
    if (this.process.exitCode === null) {
      this.process.kill();
      await once(this.process, "exit");
    }
  }

  /**
   * @param {string} path
   * @param {string} method
   * @param {unknown} [body]
   */
  async #ask(path, method, body) {
    const response = await fetch(this.origin + path, {
      method,
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    }
    return response;
  }
}
