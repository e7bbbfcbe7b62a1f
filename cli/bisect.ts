/** @file `--bisect`: which pass of a pipeline is the first to leave a wrong program. */
import {
  bisect,
  Diagnostics,
  Evaluation,
  type EvaluationOptions,
  type Operation,
  type PassEnvironment,
  type Pipeline,
  runPipeline,
  stepText,
  verify,
} from "../index.ts";
import { printError } from "./terminal.ts";

/** Looks for the first pass after which the program is wrong, and reports it; answers whether there is none. */
export function allPassesAreGood(
  pipeline: Pipeline,
  module: Operation,
  env: PassEnvironment,
  options: EvaluationOptions,
): boolean {
  const evaluation = new Evaluation(module, options);
  const why = (program: Operation): string | undefined => {
    const faults = new Diagnostics();
    return verify(program, faults) ? evaluation.difference(program) : faults.list[0]?.message;
  };
  const index = bisect(pipeline, module, env, (program) => why(program) === undefined);
  const count = pipeline.steps.length;
  if (index === undefined) {
    printError(`all ${count} passes are good on ${evaluation.usable} runs\n`);
    return true;
  }
  const program = module.clone();
  const begun = { root: pipeline.root, steps: pipeline.steps.slice(0, index + 1) };
  const own = new Diagnostics();
  let reason: string | undefined;
  try {
    reason = runPipeline(begun, program, { ...env, diagnostics: own }) ? why(program) : own.list[0]?.message;
  } catch (error) {
    reason = (error as Error).message;
  }
  const step = `pass ${index + 1} of ${count}, '${stepText(pipeline.steps[index]!)}'`;
  env.diagnostics.error("pass/changed-meaning", module.loc, `the first wrong one is ${step}: ${reason}`);
  return false;
}
