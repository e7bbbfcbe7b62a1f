/** @file Programs lowered by the target c as far as loops over one arena, each pass checked, and what they answer and take. */
import { c } from "../../codegen/c/index.ts";
import { dialects } from "../../dialects/index.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { elementCount, type MemRefType } from "../../ir/types.ts";
import { passes } from "../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { verified } from "./compile.ts";

/** Runs the pipeline of the target with such settings on a module. */
export function lowerForC(module: Operation, settings: Readonly<Record<string, string>>): void {
  const target = c.configured!(settings);
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(target.pipeline, [...passes, ...target.passes], diagnostics);
  const env = { context: new Context(dialects), diagnostics };
  runPipeline(pipeline!, module, env, { instruments: [{ after: (run) => verified(module, run.step.pass.name) }] });
  diagnostics.throwIfErrors();
}

export const mainOf = (module: Operation): Operation =>
  [...module.region().entry].find((op) => op.props.includes("main"))!;

/** What a lowered function of one input and one output answers. */
export function answerOf(module: Operation, x: NDArray): NDArray {
  const out = mainOf(module).region().entry.args[1]!.type as MemRefType;
  const found = NDArray.zeros("f32", out.shape);
  interpret(module, "main", [x, found]);
  return found;
}

/** Bytes of the arena. */
export function arenaOf(module: Operation): number {
  let bytes = 0;
  module.walk((op) => {
    if (memref.alloc.is(op)) bytes += elementCount((op.result().type as MemRefType).shape);
  });
  return bytes;
}
