/** @file Text → passes → text, in one call: what `sluice opt` does, for programs. */
import { dialects } from "./dialects/index.ts";
import { Context } from "./ir/context.ts";
import { verify } from "./ir/verify.ts";
import { passes } from "./passes.ts";
import { type Instrument, parsePipeline, runPipeline } from "./rewrite/pipeline.ts";
import { CompileError, Diagnostics } from "./support/diagnostic.ts";
import type { Source } from "./support/source.ts";
import { type PrintOptions, print } from "./text/printer.ts";

export interface OptOptions extends PrintOptions {
  /** Which dialects are known; all of ours by default. */
  readonly context?: Context;
  /** Told of each step, in order. */
  readonly instruments?: readonly Instrument[];
  /** Collects warnings and remarks. Errors are thrown, all of them at once. */
  readonly diagnostics?: Diagnostics;
}

/**
 * Reads a program, runs a pipeline on it (`canonicalize,cse`, or with the ops it is for: `builtin.module(func.func(cse))`;
 * the empty one does nothing) and prints it.
 *
 * @throws CompileError with everything that is wrong with the text, the pipeline, or the program for a pass
 */
export async function opt(text: string | Source, pipeline = "", options: OptOptions = {}): Promise<string> {
  const { parse } = await import("./text/parser.ts");
  const { context = new Context(dialects), instruments = [], diagnostics = new Diagnostics() } = options;
  const steps = parsePipeline(pipeline, passes, diagnostics);
  const module = parse(text, context, diagnostics);
  const done =
    steps &&
    module &&
    verify(module, diagnostics) &&
    runPipeline(steps, module, { context, diagnostics }, { instruments });
  if (!done) throw new CompileError(diagnostics.list.slice());
  return print(module, options);
}
