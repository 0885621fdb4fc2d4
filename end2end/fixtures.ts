// What every spec gets: a Lockstep of its own, a stand-in for a Rancher server, and the REST API to seed them with.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";
import { answers, freePort, listens, Program } from "./processes";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const dist = process.env.LOCKSTEP_DIST ?? join(root, "target/dist/lockstep");
const standinProgram = process.env.LOCKSTEP_STANDIN ?? join(root, "target/release/standin");

/** The token that the stand-in accepts. */
export const STANDIN_TOKEN = "token-admin:stand-in-secret";

/** Lockstep's REST API; fails with the server's own sentence when an answer is no success. */
export class Api {
  constructor(readonly base: string) {}

  async call<T = any>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.base + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  get = <T = any>(path: string) => this.call<T>("GET", path);
  post = <T = any>(path: string, body: unknown) => this.call<T>("POST", path, body);
  put = <T = any>(path: string, body: unknown) => this.call<T>("PUT", path, body);
  delete = (path: string) => this.call<void>("DELETE", path);

  /** Connects the stand-in as a site. */
  connectStandin = (standin: Standin, name = "Stand-in") =>
    this.post("/api/sites", { name, url: standin.url, token: standin.token, kind: "rancher" });
}

export interface Standin {
  readonly url: string;
  readonly token: string;
  readonly program: Program;
}

/** A Lockstep server with a data directory of its own, which outlives a restart. */
export class Lockstep {
  private program: Program | undefined;
  readonly url: string;
  readonly api: Api;

  constructor(
    readonly port: number,
    private readonly directory: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.api = new Api(this.url);
  }

  async start(): Promise<void> {
    const args = ["serve", "--addr", `127.0.0.1:${this.port}`, "--data-dir", join(this.directory, "data")];
    const log = join(this.directory, "lockstep.log");
    this.program = Program.start("lockstep", join(dist, "lockstep"), args, { cwd: dist, log });
    await this.program.ready(() => answers(`${this.url}/readyz`));
  }

  /** Stops it; with SIGKILL, as a crash would. */
  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.program?.stop(signal);
    this.program = undefined;
  }

  /** What it has logged so far. */
  log(): string {
    return this.program?.output() ?? "";
  }
}

interface WorkerFixtures {
  /** Names a file of specs; each has servers of its own. */
  suite: string;
  /** What the stand-in is started with, beside its address. */
  standinArguments: string[];
  directory: string;
  standin: Standin;
  lockstep: Lockstep;
}

interface TestFixtures {
  /** Errors that the page has reported so far: on its console, or thrown and not caught. */
  pageErrors: string[];
  /** Adds the server's log to a test that failed. */
  serverLog: void;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  suite: ["", { option: true, scope: "worker" }],
  standinArguments: [[], { option: true, scope: "worker" }],

  directory: [
    async ({}, use) => {
      const directory = mkdtempSync(join(tmpdir(), "lockstep-end2end-"));
      await use(directory);
      rmSync(directory, { recursive: true, force: true });
    },
    { scope: "worker" },
  ],

  standin: [
    async ({ directory, standinArguments }, use) => {
      const port = await freePort();
      const log = join(directory, "standin.log");
      const program = Program.start("the stand-in", standinProgram, ["--addr", `127.0.0.1:${port}`, ...standinArguments], { log });
      try {
        await program.ready(() => listens(port));
        await use({ url: `http://127.0.0.1:${port}`, token: STANDIN_TOKEN, program });
      } finally {
        await program.stop();
      }
    },
    { scope: "worker" },
  ],

  lockstep: [
    async ({ directory }, use) => {
      const lockstep = new Lockstep(await freePort(), directory);
      try {
        await lockstep.start();
        await use(lockstep);
      } finally {
        await lockstep.stop();
      }
    },
    { scope: "worker" },
  ],

  // A page is used once it has taken over from the server.
  page: async ({ page }, use) => {
    const goto = page.goto.bind(page);
    page.goto = async (...args) => {
      const answer = await goto(...args);
      await page.locator("html[data-ready]").waitFor({ state: "attached" });
      return answer;
    };
    await use(page);
  },

  baseURL: async ({ lockstep }, use) => use(lockstep.url),

  pageErrors: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text());
      });
      await use(errors);
    },
    { auto: true },
  ],

  serverLog: [
    async ({ lockstep }, use, info) => {
      await use();
      if (info.status !== info.expectedStatus) {
        await info.attach("lockstep.log", { body: lockstep.log(), contentType: "text/plain" });
      }
    },
    { auto: true },
  ],
});

/** Fails when the page breaks a rule of WCAG 2.2 AA that a program can check. */
export async function expectAccessible(page: Page): Promise<void> {
  // What is still fading in has not its colours yet.
  await page.emulateMedia({ reducedMotion: "reduce" });
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
  const found = violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.target).join(", ")}`);
  expect(found, "accessibility").toEqual([]);
}

export { expect };
