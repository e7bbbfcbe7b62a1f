/** @file Level by level: a model means the same after every pass of the pipeline, and a pass that changes it is found. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { f32 } from "../../ir/types.ts";
import { isKernel } from "../../lowering/linalg/outline.ts";
import { bisect, Evaluation } from "../../rewrite/evaluate.ts";
import { definePass } from "../../rewrite/pass.ts";
import { stepText } from "../../rewrite/pipeline.ts";
import { allowance, environment, faultsOfPasses, importFile, pipelineOf } from "../support/evaluated.ts";

const digits = fileURLToPath(new URL("../../examples/digits/digits.onnx", import.meta.url));

/** Makes the first sum of two floats that a kernel computes a difference. */
const planted = definePass("planted-fault", {
  doc: "Wrong on purpose.",
  options: {},
  run(module) {
    const sums: Operation[] = [];
    for (const fn of module.region().entry) {
      if (!isKernel(fn)) continue;
      fn.walk((op) => {
        if (arith.addf.is(op) && op.result().type === f32) sums.push(op);
      });
    }
    const [found] = sums;
    if (!found) return;
    const b = Builder.before(found);
    found.result().replaceAllUsesWith(arith.subf(b, found.operand(0), found.operand(1)));
    found.erase();
  },
});

describe("level by level", () => {
  it("all passes of wasm-simd keep what a model means", () => {
    expect(faultsOfPasses(importFile(digits))).toEqual([]);
  });

  it("a planted miscompile is found among all passes", () => {
    const text = wasmSimd.pipeline.replace("linalg-to-loops,", "linalg-to-loops,planted-fault,");
    const pipeline = pipelineOf(text, [planted]);
    const module = importFile(digits);
    const evaluation = new Evaluation(module, allowance);
    expect(evaluation.usable).toBe(1);
    const index = bisect(pipeline, module, environment(), (program) => evaluation.difference(program) === undefined);
    expect(stepText(pipeline.steps[index!]!)).toBe("planted-fault");
    expect(faultsOfPasses(module, pipeline)[0]).toMatch(
      /^pass\/changed-meaning: after pass 'planted-fault' @main: value 0/,
    );
  });
});
