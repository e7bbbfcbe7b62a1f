/** @file What a structured op keeps while a program runs: its compiled body, and the counters of its loops. */
import type { Operation } from "../../ir/core.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import type { Program } from "./program.ts";

export interface RunState {
  /** Null: the body is not a program. Undefined: not asked yet. */
  program: Program | null | undefined;
  /** The turn of each loop while the body is interpreted; linalg.index asks for it. */
  counters: readonly number[];
}

export const runStateOf = (run: Evaluator, op: Operation): RunState =>
  run.global(op, (): RunState => ({ program: undefined, counters: [] }));
