/** @file A contender's process: started on its own, pinned to processors where the system can, asked and ended. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import type { Requests } from "./bench-worker.ts";

export interface ProcessOptions {
  /** Processors to run on, as `taskset -c` takes them. */
  readonly pin: string | undefined;
  /** Flags of node. */
  readonly nodeArgs: readonly string[];
  /** Seconds that any one request may take. */
  readonly timeout: number;
}

/** Whether processes can be pinned here. */
export const canPin = (cpus: string): boolean => spawnSync("taskset", ["-c", cpus, "true"]).status === 0;

interface Reply {
  readonly answer?: unknown;
  readonly error?: { readonly message: string; readonly stack?: string; readonly missing?: string };
}

export class ContenderProcess {
  readonly #child: ChildProcess;
  readonly #timeout: number;
  #waiting: ((reply: Reply) => void) | undefined;
  #ended = false;

  constructor({ pin, nodeArgs, timeout }: ProcessOptions) {
    this.#timeout = timeout;
    // This command line once more, started as it was itself.
    const node = [process.execPath, ...nodeArgs, ...process.execArgv, process.argv[1]!, "bench-worker"];
    const [command, ...args] = pin === undefined ? node : ["taskset", "-c", pin, ...node];
    this.#child = spawn(command!, args, {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#child.on("message", (reply: Reply) => this.#settle(reply));
    this.#child.on("error", ({ message }) => this.#settle({ error: { message } }));
    this.#child.on("exit", (code, signal) => {
      this.#ended = true;
      this.#settle({ error: { message: `its process has ended (${signal ?? code})` } });
    });
  }

  #settle(reply: Reply): void {
    this.#waiting?.(reply);
    this.#waiting = undefined;
  }

  async ask<N extends keyof Requests>(
    name: N,
    ...args: Parameters<Requests[N]>
  ): Promise<Awaited<ReturnType<Requests[N]>>> {
    if (this.#ended) throw new Error("its process has ended");
    const reply = await new Promise<Reply>((resolve) => {
      const timer = setTimeout(() => {
        this.#child.kill("SIGKILL");
        this.#settle({ error: { message: `no answer in ${this.#timeout} s` } });
      }, this.#timeout * 1000);
      this.#waiting = (r) => {
        clearTimeout(timer);
        resolve(r);
      };
      this.#child.send({ name, args });
    });
    if (reply.error) throw Object.assign(new Error(reply.error.message), reply.error);
    return reply.answer as Awaited<ReturnType<Requests[N]>>;
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}
