/**
 * @file Processes that run cases with a time limit; one that takes too long, or breaks, is replaced. They are processes
 * and no threads because drivers of graphics cards do not survive the end of a thread.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Case } from "./case.ts";
import type { Outcome } from "./run-case.ts";
import type { Job } from "./worker.ts";

export interface PoolOptions {
  readonly target: string;
  readonly workers: number;
  /** Per case. */
  readonly limitMs: number;
  /** Of the processes, beside what this one has. */
  readonly env?: Readonly<Record<string, string>>;
  readonly done: (outcome: Outcome, count: number) => void;
}

const program = fileURLToPath(new URL("./worker.mjs", import.meta.url));
const spawn = ({ env }: PoolOptions): ChildProcess =>
  fork(program, { stdio: ["ignore", "ignore", "ignore", "ipc"], execArgv: [], env: { ...process.env, ...env } });

/** Runs all cases; answers their outcomes in the order of the cases. */
export async function runAll(cases: readonly Case[], options: PoolOptions): Promise<readonly Outcome[]> {
  const outcomes = new Map<Case, Outcome>();
  let next = 0;
  const line = async (): Promise<void> => {
    let worker = spawn(options);
    while (next < cases.length) {
      const c = cases[next++]!;
      const outcome = await runOne(worker, c, options);
      outcomes.set(c, outcome);
      options.done(outcome, outcomes.size);
      if (outcome.status === "timeout" || outcome.reason.startsWith(BROKEN)) {
        worker.kill("SIGKILL");
        worker = spawn(options);
      }
    }
    worker.kill("SIGKILL");
  };
  await Promise.all(Array.from({ length: Math.min(options.workers, cases.length) }, line));
  return cases.map((c) => outcomes.get(c)!);
}

const BROKEN = "the worker broke";

function runOne(worker: ChildProcess, c: Case, { target, limitMs }: PoolOptions): Promise<Outcome> {
  const job: Job = { case: c, target };
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      worker.off("message", finish).off("error", failed).off("exit", ended);
      resolve(outcome);
    };
    const stopped = (status: Outcome["status"], reason: string): void =>
      finish({ name: c.name, status, reason, specialized: [], ms: limitMs });
    const failed = (e: Error): void => stopped("error", `${BROKEN}: ${e.message}`);
    const ended = (code: number | null, signal: string | null): void =>
      stopped("error", `${BROKEN}: it ended with ${signal ?? `code ${code}`}`);
    const timer = setTimeout(() => stopped("timeout", `longer than ${limitMs / 1000} s`), limitMs);
    worker.on("message", finish).on("error", failed).on("exit", ended);
    worker.send(job);
  });
}
