// Starts the programs under test and stops them again.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A port that nothing listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** A running program whose output goes into a file. */
export class Program {
  private failure = "";

  private constructor(
    readonly name: string,
    readonly log: string,
    private readonly child: ChildProcess,
  ) {}

  static start(name: string, file: string, args: string[], options: { cwd?: string; log: string }): Program {
    const out = openSync(options.log, "a");
    try {
      const child = spawn(file, args, { cwd: options.cwd, stdio: ["ignore", out, out] });
      const program = new Program(name, options.log, child);
      // Such as a missing file; reported by `ready`, which sees that the program does not run.
      child.on("error", (error) => (program.failure = error.message));
      return program;
    } finally {
      closeSync(out);
    }
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** What the program has written so far. */
  output(): string {
    return this.failure + readFileSync(this.log, "utf8");
  }

  /** Waits until `probe` says yes; fails with the program's own words when it ends or takes a minute. */
  async ready(probe: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + 60_000;
    while (!(await probe())) {
      if (!this.running) throw new Error(`${this.name} ended before it was ready:\n${this.output()}`);
      if (Date.now() > end) throw new Error(`${this.name} was not ready within a minute:\n${this.output()}`);
      await sleep(50);
    }
  }

  /** Stops the program: politely, and after ten seconds not. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!this.running) return;
    const ended = new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    this.child.kill(signal);
    const timer = globalThis.setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  }
}

/** Whether something accepts connections on this port. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}

/** Whether an address answers with success. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
