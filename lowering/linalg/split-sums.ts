/**
 * @file Products of matrices with few results and long sums, on machines of many workgroups: the sums are cut into parts that
 * workgroups compute side by side, and a second op sums up the parts. No memory is written by two, so results do not depend on
 * who is first.
 */
import * as func from "../../dialects/func.ts";
import { generic } from "../../dialects/linalg/generic.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import { type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import {
  type AffineExpr,
  type AffineMap,
  add,
  affineMap,
  constant,
  dim,
  identityMap,
  mul,
  substitute,
} from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { f32, i32, isDynamic, tensor as tensorType, unitAttribute } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { machines, webgpu } from "../../support/machine.ts";
import { materializedAttribute, sumOfPartsAttribute } from "./group.ts";
import { combined, combinerOf, neutralOf } from "./loops/combiner.ts";
import { type SumSplit, splitForWorkgroups } from "./schedule-grid.ts";

const grids = machines.filter((m) => m.grid);

export const splitSums = definePass("linalg-split-sums", {
  doc: "Cuts long sums of products with few results into parts for workgroups of a machine, which a second op sums up.",
  example: {
    options: "least-work=0",
    before: `#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (k, j)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @f(%x: tensor<16x512xf32>, %y: tensor<512x16xf32>, %z: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %y : tensor<16x512xf32>, tensor<512x16xf32>) outs(%z : tensor<16x16xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %1 = arith.mulf %p, %q : f32
    %2 = arith.addf %s, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<16x16xf32>
  return %0 : tensor<16x16xf32>
}`,
    after: `#map = affine_map<(d0, d1, d2) -> ()>
#map1 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d1, d0 * 256 + d3)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0 * 256 + d3, d2)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d3)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map6 = affine_map<(d0, d1, d2) -> (d2, d0, d1)>
#map7 = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @f(%arg0: tensor<16x512xf32>, %arg1: tensor<512x16xf32>, %arg2: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %cst = arith.constant -0.000000e+00 : f32
  %0 = tensor.empty() : tensor<2x16x16xf32>
  %1 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%cst : f32) outs(%0 : tensor<2x16x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<2x16x16xf32>
  %2 = tensor.empty() : tensor<256xf32>
  %3 = linalg.generic {indexing_maps = [#map2, #map3, #map4, #map5], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg1, %2 : tensor<16x512xf32>, tensor<512x16xf32>, tensor<256xf32>) outs(%1 : tensor<2x16x16xf32>) attrs =  {materialized} {
  ^bb0(%in: f32, %in_0: f32, %in_1: f32, %out: f32):
    %5 = arith.mulf %in, %in_0 : f32
    %6 = arith.addf %out, %5 : f32
    linalg.yield %6 : f32
  } -> tensor<2x16x16xf32>
  %4 = linalg.generic {indexing_maps = [#map6, #map7], iterator_types = ["parallel", "parallel", "reduction"]} ins(%3 : tensor<2x16x16xf32>) outs(%arg2 : tensor<16x16xf32>) attrs =  {sum_of_parts} {
  ^bb0(%in: f32, %out: f32):
    %5 = arith.addf %out, %in : f32
    linalg.yield %5 : f32
  } -> tensor<16x16xf32>
  return %4 : tensor<16x16xf32>
}`,
  },
  on: func.func,
  options: {
    machine: attr.oneOf(...grids.map((m) => m.name)).default(webgpu.name),
    /** Products in all from which on another dispatch is worth it. */
    "least-work": attr.int.default(1 << 24),
  },
  run(fn, { machine: name, "least-work": leastWork }) {
    const machine = grids.find((m) => m.name === name) ?? webgpu;
    let changed = false;
    fn.walk((op) => {
      const s = generic.is(op) ? structureOf(op) : undefined;
      const cut =
        s && isStatic(s)
          ? splitForWorkgroups(s, s.outputs[0]!.shape, machine.lanes, machine.grid!, leastWork)
          : undefined;
      if (!s || !cut) return;
      split(s, cut);
      changed = true;
    });
    return changed;
  },
});

/** Something is known of all sizes, and partial sums can be summed up. */
const isStatic = (s: Structure): boolean =>
  s.form === "tensor" &&
  s.outputs.length === 1 &&
  (s.outputs[0]!.element === f32 || s.outputs[0]!.element === i32) &&
  combinerOf(s) !== undefined &&
  !s.loops.some((l) => isDynamic(l.extent));

/** `y = init + sum x w` as `p[s] = sum of part s of x w` and `y = init + sum p`. */
function split(s: Structure, { loop, parts }: SumSplit): void {
  const { op, loops } = s;
  const out = s.outputs[0]!;
  const { op: combine, combiner } = combinerOf(s)!;
  const b = Builder.before(op);
  const size = loops[loop]!.extent / parts;
  // The number of the part is the first loop.
  const position = loops.map(
    (_, l): AffineExpr => (l === loop ? add(mul(dim(0), constant(size)), dim(l + 1)) : dim(l + 1)),
  );
  const count = loops.length + 1;
  const moved = (map: AffineMap): AffineMap =>
    affineMap(
      count,
      0,
      map.results.map((r) => substitute(r, position)),
    );
  const type = tensorType([parts, ...out.shape], out.element);
  const rank = out.shape.length;
  const neutral = neutralOf(b, combiner, out.element);
  const empty = tensor.empty(b, [], { types: [type] });
  const [start] = linalg.genericOf(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: [[neutral, affineMap(rank + 1, 0, [])]],
    outputs: [[empty, identityMap(rank + 1)]],
    body: (_, v) => v!,
  });
  const [partial] = linalg.genericOf(b, {
    iterators: ["parallel", ...loops.map((l) => l.kind)],
    inputs: [
      ...s.inputs.map((i) => [i.value, moved(i.map)] as const),
      // Nothing else says how long a part is.
      [
        tensor.empty(b, [], { types: [tensorType([size], out.element)] }),
        affineMap(count, 0, [dim(loop + 1)]),
      ] as const,
    ],
    outputs: [[start!, affineMap(count, 0, [dim(0), ...moved(out.map).results])]],
    body: (inner, ...args) => {
      const map = new Map<Value, Value>();
      s.body.args.forEach((a, i) => {
        // The size has an argument of its own, in front of the sum's.
        map.set(a, args[i < s.inputs.length ? i : i + 1]!);
      });
      for (const o of s.body) if (!o.def.isTerminator) inner.insert(o.clone(map));
      return map.get(s.yields[0]!) ?? s.yields[0]!;
    },
  });
  partial!.definingOp!.setAttribute(materializedAttribute, unitAttribute);
  const dims = out.shape.map((_, d) => dim(d));
  const [whole] = linalg.genericOf(b, {
    iterators: [...out.shape.map(() => "parallel" as const), "reduction"],
    inputs: [[partial!, affineMap(rank + 1, 0, [dim(rank), ...dims])]],
    outputs: [[out.value, affineMap(rank + 1, 0, dims)]],
    body: (inner, part, acc) => combined(inner, combine, acc!, part!),
  });
  whole!.definingOp!.setAttribute(sumOfPartsAttribute, unitAttribute);
  op.result().replaceAllUsesWith(whole!);
  op.erase();
}
