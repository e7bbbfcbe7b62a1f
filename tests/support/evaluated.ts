/** @file A model through a target's pipeline, run before and after every pass. */
import { readFileSync } from "node:fs";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import { importBytes } from "../../compile.ts";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { passes } from "../../passes.ts";
import { type EvaluationOptions, evaluateEach } from "../../rewrite/evaluate.ts";
import type { Pass } from "../../rewrite/pass.ts";
import { type Pipeline, parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

export const environment = () => ({ context: new Context(dialects), diagnostics: new Diagnostics() });

export const importFile = (path: string): Operation => importBytes(readFileSync(path), { file: path });

export function pipelineOf(text = wasmSimd.pipeline, more: readonly Pass[] = []): Pipeline {
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(text, [...passes, ...more], diagnostics);
  diagnostics.throwIfErrors();
  return pipeline!;
}

/** Sums are reordered: floats may differ by a share of the largest number of their array. */
export const allowance: EvaluationOptions = { samples: 1, share: 1e-5, maxSteps: Number.POSITIVE_INFINITY };

/** What is wrong after which pass; nothing if all is well. */
export function faultsOfPasses(module: Operation, pipeline = pipelineOf()): string[] {
  const env = environment();
  runPipeline(pipeline, module, env, { instruments: [evaluateEach(allowance)] });
  return env.diagnostics.list.filter((d) => d.severity !== "remark").map((d) => `${d.code}: ${d.message}`);
}
