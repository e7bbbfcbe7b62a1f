/**
 * @file Operands of products that are computed at run time are laid out as the register tile reads them, like constant
 * ones (pack.ts): in panels of some columns, the columns of a panel next to each other, `[N/8][K…][8]`. It takes one
 * copy, which pays where every element of the operand is met by many rows: attention, products of two activations.
 */
import * as func from "../../dialects/func.ts";
import { generic } from "../../dialects/linalg/generic.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import { type Structure, type StructuredOperand, structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import {
  type AffineExpr,
  type AffineMap,
  add,
  affineMap,
  compose,
  constant,
  dim,
  floordiv,
  identityMap,
  isIdentityMap,
  linear,
  mod,
  mul,
} from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { f32, i32, isDynamic, type TensorType, tensor as tensorType, unitAttribute } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { identityOf } from "../../support/identity.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { materializedAttribute } from "./group.ts";
import { replaceMap } from "./pack.ts";

export const packProducts = definePass("linalg-pack-products", {
  doc: "Copies operands of products that are computed at run time into panels of columns, where many rows share them.",
  on: func.func,
  options: {
    /** Columns of a panel. Operands whose columns do not make whole panels are laid out with their columns in a row. */
    panel: attr.int.default(8),
    /** Rows that share an operand, from which on the copy pays. */
    "least-rows": attr.int.default(16),
  },
  example: {
    before: `#a = affine_map<(i, j, k) -> (i, k)>
#b = affine_map<(i, j, k) -> (j, k)>
#c = affine_map<(i, j, k) -> (i, j)>
func.func @f(%x: tensor<16x3xf32>, %y: tensor<8x3xf32>, %z: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %0 = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %y : tensor<16x3xf32>, tensor<8x3xf32>) outs(%z : tensor<16x8xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %1 = arith.mulf %p, %q : f32
    %2 = arith.addf %s, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<16x8xf32>
  return %0 : tensor<16x8xf32>
}`,
    after: `#map = affine_map<(d0, d1, d2) -> (d0 * 8 + d2, d1)>
#map1 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map2 = affine_map<(d0, d1, d2) -> (d0, d2)>
#map3 = affine_map<(d0, d1, d2) -> (d1 floordiv 8, d2, d1 mod 8)>
#map4 = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @f(%arg0: tensor<16x3xf32>, %arg1: tensor<8x3xf32>, %arg2: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %0 = tensor.empty() : tensor<1x3x8xf32>
  %1 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg1 : tensor<8x3xf32>) outs(%0 : tensor<1x3x8xf32>) attrs =  {materialized} {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<1x3x8xf32>
  %2 = linalg.generic {indexing_maps = [#map2, #map3, #map4], iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0, %1 : tensor<16x3xf32>, tensor<1x3x8xf32>) outs(%arg2 : tensor<16x8xf32>) {
  ^bb0(%in: f32, %in_0: f32, %out: f32):
    %3 = arith.mulf %in, %in_0 : f32
    %4 = arith.addf %out, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<16x8xf32>
  return %2 : tensor<16x8xf32>
}`,
  },
  run(fn, options) {
    const copies = new Map<string, Value>();
    let changed = false;
    fn.walk((op) => {
      const s = generic.is(op) ? structureOf(op) : undefined;
      const input = s && sharedOperand(s, options.panel, options["least-rows"]);
      if (!s || !input) return;
      packOperand(s, input, options.panel, copies);
      changed = true;
    });
    return changed;
  },
});

const dimsOf = (map: AffineMap): readonly number[] => map.results.map((r) => (r.kind === "dim" ? r.index : -1));

/** The operand that moves along the columns and is the same for many rows, if it does not lie well as it is. */
function sharedOperand(s: Structure, panel: number, leastRows: number): StructuredOperand | undefined {
  if (s.form !== "tensor" || s.outputs.length !== 1 || s.inputs.length !== 2) return undefined;
  const last = s.outputs[0]!.map.results.at(-1);
  const reductions = s.loops.flatMap((l, i) => (l.kind === "reduction" && l.extent !== 1 ? [i] : []));
  if (last?.kind !== "dim" || reductions.length === 0 || s.loops.some((l) => isDynamic(l.extent))) return undefined;
  const columns = s.loops[last.index]!.extent;
  if (columns < panel) return undefined;
  const [along, other] = [...s.inputs].sort((a, b) => Number(moves(b, last.index)) - Number(moves(a, last.index)));
  if (!along || !other || !moves(along, last.index) || moves(other, last.index)) return undefined;
  if (along.value.definingOp?.def.isConstant || (along.element !== f32 && along.element !== i32)) return undefined;
  const dims = dimsOf(along.map);
  if (dims.includes(-1) || !reductions.every((r) => dims.includes(r)) || new Set(dims).size < dims.length)
    return undefined;
  const rows = s.loops.reduce((n, l, i) => (l.kind === "parallel" && !dims.includes(i) ? n * l.extent : n), 1);
  if (rows < leastRows || liesWell(s, along, last.index, reductions, panel)) return undefined;
  return along;
}

const moves = (o: StructuredOperand, loop: number): boolean => dimsOf(o.map).includes(loop);

/** Its columns are neighbours in memory, and a step of the innermost reduction is not much further than a panel. */
function liesWell(
  s: Structure,
  operand: StructuredOperand,
  column: number,
  reductions: readonly number[],
  panel: number,
): boolean {
  const { value, map } = sourceOf(operand.value, operand.map);
  const { shape } = value.type as TensorType;
  const strides = rowMajor(shape);
  const step = (loop: number): number | undefined => {
    let sum = 0;
    for (const [d, e] of map.results.entries()) {
      const form = linear(e, map.numDims);
      if (!form) return undefined;
      sum += form.factors[loop]! * strides[d]!;
    }
    return sum;
  };
  const inner = step(reductions[reductions.length - 1]!);
  return step(column) === 1 && inner !== undefined && inner <= 2 * panel && s.loops[column]!.extent <= 2 * panel;
}

/** Where elements come from, through ops that only move them. */
function sourceOf(value: Value, map: AffineMap): { readonly value: Value; readonly map: AffineMap } {
  const op = value.definingOp;
  const p = op && generic.is(op) ? structureOf(op) : undefined;
  const input = p?.inputs.length === 1 ? p.inputs[0]! : undefined;
  if (!p || !input || p.yields[0] !== input.arg || !isIdentityMap(p.outputs[0]!.map)) return { value, map };
  return sourceOf(input.value, compose(input.map, map));
}

function packOperand(s: Structure, operand: StructuredOperand, widest: number, copies: Map<string, Value>): void {
  const column = (s.outputs[0]!.map.results.at(-1) as { readonly index: number }).index;
  const dims = dimsOf(operand.map);
  const columns = s.loops[column]!.extent;
  const panel = columns % widest === 0 ? widest : columns;
  const outer = dims.filter((d) => d !== column && s.loops[d]!.kind === "parallel");
  const inner = dims.filter((d) => s.loops[d]!.kind === "reduction").sort((a, b) => a - b);
  const order = [...outer, column, ...inner];
  const key = `${identityOf(operand.value)} ${order.map((d) => dims.indexOf(d)).join(",")} ${panel}`;
  let packed = copies.get(key);
  // One copy serves what comes behind it in its block.
  if (!packed || packed.definingOp!.block !== s.op.block) {
    packed = copyOf(Builder.before(s.op), operand, { s, outer, column, inner, panel });
    copies.set(key, packed);
  }
  s.op.setOperand(operand.index, packed);
  const results = [
    ...outer.map((d) => dim(d)),
    floordiv(dim(column), constant(panel)),
    ...inner.map((d) => dim(d)),
    mod(dim(column), constant(panel)),
  ];
  replaceMap(s.op, operand.index, affineMap(operand.map.numDims, 0, results));
}

interface Layout {
  readonly s: Structure;
  readonly outer: readonly number[];
  readonly column: number;
  readonly inner: readonly number[];
  readonly panel: number;
}

/** `packed[outer…, p, inner…, c] = operand[…, panel p + c, …]`, in memory whoever reads it. */
function copyOf(b: Builder, operand: StructuredOperand, { s, outer, column, inner, panel }: Layout): Value {
  const extent = (d: number): number => s.loops[d]!.extent;
  const shape = [...outer.map(extent), extent(column) / panel, ...inner.map(extent), panel];
  const rank = shape.length;
  const at = outer.length;
  const position = new Map<number, AffineExpr>([
    ...outer.map((d, i): [number, AffineExpr] => [d, dim(i)]),
    [column, add(mul(dim(at), constant(panel)), dim(rank - 1))],
    ...inner.map((d, i): [number, AffineExpr] => [d, dim(at + 1 + i)]),
  ]);
  const map = affineMap(
    rank,
    0,
    dimsOf(operand.map).map((d) => position.get(d)!),
  );
  const [packed] = linalg.genericOf(b, {
    iterators: shape.map(() => "parallel" as const),
    inputs: [[operand.value, map]],
    outputs: [[tensor.empty(b, [], { types: [tensorType(shape, operand.element)] }), identityMap(rank)]],
    body: (_, element) => element!,
  });
  const op = packed!.definingOp as Operation;
  op.setAttribute(materializedAttribute, unitAttribute);
  return packed!;
}
