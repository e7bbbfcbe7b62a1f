/** @file linalg-generalize-named-ops and linalg-specialize-generic-ops: between named ops and linalg.generic. */
import { generalize, specialize } from "../../dialects/linalg/generalize.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { definePass, type PassContext } from "../../rewrite/pass.ts";
import { Rewriter } from "../../rewrite/rewriter.ts";

/** Replaces every op inside for which `build` answers values. Answers how many. */
function replaceAll(
  root: Operation,
  pass: PassContext,
  build: (op: Operation, b: Builder) => readonly Value[] | undefined,
): number {
  const rw = new Rewriter(pass.context);
  let replaced = 0;
  root.walk((op) => {
    if (op === root) return;
    rw.focus(op);
    const values = build(op, rw);
    if (!values) return;
    rw.replace(op, values);
    replaced++;
  });
  return replaced;
}

export const generalizeNamedOps = definePass("linalg-generalize-named-ops", {
  doc: "Says every named structured op as linalg.generic: its maps, its loops and its body.",
  example: {
    before: `func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.exp ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}`,
    after: `#map = affine_map<(d0) -> (d0)>
func.func @f(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%arg0 : tensor<4xf32>) outs(%arg1 : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %1 = math.exp %in : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}`,
  },
  run(root, _options, pass) {
    const n = replaceAll(root, pass, generalize);
    pass.count("generalized", n);
    return n > 0;
  },
});

export const specializeGenericOps = definePass("linalg-specialize-generic-ops", {
  doc: "Says every linalg.generic that is exactly a named product of matrices or vectors by its name.",
  run(root, _options, pass) {
    const n = replaceAll(root, pass, specialize);
    pass.count("specialized", n);
    return n > 0;
  },
});
