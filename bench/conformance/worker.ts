/** @file A worker of the runner: runs the cases that it is sent, one at a time. */
import type { Case } from "./case.ts";
import { runCase } from "./run-case.ts";
import { allTargets } from "./targets.ts";

export interface Job {
  readonly case: Case;
  readonly target: string;
}

process.on("message", async (job: Job) => {
  const target = allTargets.find((t) => t.name === job.target);
  if (target) process.send?.(await runCase(job.case, target));
});
