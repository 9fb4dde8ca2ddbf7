// What the journeys share: a server of their own per file, and browsers on profiles that are thrown away.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect as baseExpect, type Page } from "@playwright/test";
import { openProfile } from "./support/browsers.mjs";
import { Demo } from "./support/demo.mjs";
import { Server } from "./support/server.mjs";

/** Patient: two cores may be busy with more than a test's browser, and what is waited for does come. */
export const expect = baseExpect.configure({ timeout: 300_000 });

/** A profile folder, and the one browser that has it open. */
export class Profile {
  readonly #browser: string;
  readonly #folder: string;
  readonly #demos: Demo[] = [];

  private constructor(browser: string, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async create(browser: string): Promise<Profile> {
    return new Profile(browser, await mkdtemp(join(tmpdir(), "modelden-e2e-")));
  }

  /** Start the browser and open the demo; a browser that was open before is closed first, so this is a restart. */
  async visit(url: string): Promise<Demo> {
    await this.close();
    const demo = await Demo.open(await openProfile(this.#browser, this.#folder), url);
    this.#demos.push(demo);
    return demo;
  }

  /** An empty tab beside the demo. */
  newPage(): Promise<Page> {
    const open = this.#demos.at(-1);
    if (!open) {
      throw new Error("no browser is open on this profile: visit first");
    }
    return open.page.context().newPage();
  }

  /** Errors of all pages so far that nobody expected. */
  complaints(): string[] {
    return this.#demos.flatMap((demo) => demo.complaints);
  }

  async close(): Promise<void> {
    await this.#demos.at(-1)?.page.context().close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * `profile` is a fresh one per test, for visits with restarts of the browser. `visit` opens the demo for a new visitor of the
 * browser that tests share. Afterwards no page may have complained. A file that wants a server calls `useServer`.
 */
export const test = base.extend<{ profile: Profile; visit: (url: string) => Promise<Demo> }>({
  visit: async ({ context }, use) => {
    const demos: Demo[] = [];
    await use(async (url) => {
      const demo = await Demo.open(context, url);
      demos.push(demo);
      return demo;
    });
    expect(demos.flatMap(({ complaints }) => complaints)).toEqual([]);
  },
  profile: async ({ browserName }, use) => {
    const profile = await Profile.create(browserName);
    await use(profile);
    await profile.remove();
    expect(profile.complaints()).toEqual([]);
  },
});

/** One `modelden serve` for the tests of a file; each test begins with an empty log and without faults. */
export function useServer(): { readonly current: Server } {
  const holder: { current: Server } = { current: undefined as unknown as Server };
  test.beforeAll(async () => {
    holder.current = await Server.start();
  });
  test.beforeEach(async () => {
    await holder.current.setFaults();
    await holder.current.clearLog();
  });
  test.afterAll(async () => {
    await holder.current.stop();
  });
  return holder;
}

/** A profile for all tests of a file, with the demo open and ready. */
export function useReadyDemo(server: { readonly current: Server }, query = ""): { readonly current: Demo } {
  const holder: { current: Demo } = { current: undefined as unknown as Demo };
  let profile: Profile;
  test.beforeAll(async ({ browserName }) => {
    profile = await Profile.create(browserName);
    holder.current = await profile.visit(`${server.current.origin}/${query}`);
    await holder.current.ready();
    await holder.current.answer();
  });
  test.afterEach(() => {
    expect(profile.complaints()).toEqual([]);
  });
  test.afterAll(async () => {
    await profile.remove();
  });
  return holder;
}
