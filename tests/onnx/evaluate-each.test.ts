/** @file Level by level: a model means the same after every pass of the pipeline, and a pass that changes it is found. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { f32 } from "../../ir/types.ts";
import { isKernel } from "../../lowering/linalg/outline.ts";
import { importModel } from "../../onnx/import.ts";
import { int, ints, makeGraph, makeModel, makeNode, makeTensor, makeValue } from "../../onnx/make.ts";
import type { Tensor } from "../../onnx/model.ts";
import { bisect, Evaluation } from "../../rewrite/evaluate.ts";
import { definePass } from "../../rewrite/pass.ts";
import { stepText } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { allowance, environment, faultsOfPasses, pipelineOf } from "../support/evaluated.ts";

/** A small network of a convolution, a pool and a product. */
function network(): Operation {
  const weights = (name: string, dims: readonly number[]): Tensor => {
    const count = dims.reduce((n, d) => n * d, 1);
    return makeTensor(
      name,
      "float32",
      dims,
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + dims.length) / 8),
    );
  };
  const graph = makeGraph("small", {
    inputs: [makeValue("image", "float32", [1, 2, 8, 8])],
    outputs: [makeValue("shares", "float32", [1, 5])],
    initializers: [weights("w", [4, 2, 3, 3]), weights("b", [4]), weights("m", [5, 64])],
    nodes: [
      makeNode("Conv", ["image", "w", "b"], ["c"], { pads: ints([1, 1, 1, 1]) }),
      makeNode("Relu", ["c"], ["r"]),
      makeNode("MaxPool", ["r"], ["p"], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }),
      makeNode("Flatten", ["p"], ["f"]),
      makeNode("Gemm", ["f", "m"], ["g"], { transB: int(1) }),
      makeNode("Softmax", ["g"], ["shares"], { axis: int(1) }),
    ],
  });
  const diagnostics = new Diagnostics();
  const module = importModel(makeModel(graph, 13), { diagnostics });
  diagnostics.throwIfErrors();
  return module!;
}

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
    expect(faultsOfPasses(network())).toEqual([]);
  });

  it("a planted miscompile is found among all passes", () => {
    const text = wasmSimd.pipeline.replace("linalg-to-loops,", "linalg-to-loops,planted-fault,");
    const pipeline = pipelineOf(text, [planted]);
    const module = network();
    const evaluation = new Evaluation(module, allowance);
    expect(evaluation.usable).toBe(1);
    const index = bisect(pipeline, module, environment(), (program) => evaluation.difference(program) === undefined);
    expect(stepText(pipeline.steps[index!]!)).toBe("planted-fault");
    expect(faultsOfPasses(module, pipeline)[0]).toMatch(
      /^pass\/changed-meaning: after pass 'planted-fault' @main: value 0/,
    );
  });
});
