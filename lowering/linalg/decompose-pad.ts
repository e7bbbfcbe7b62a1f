/**
 * @file Padding with one value: the tensor inserted into a larger one whose borders are filled. Where kernels compute their
 * borders themselves, pads that only sums over windows read are left to them (loops/borders.ts).
 */
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import { structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { affineMap, identityMap, linear } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { mayStay } from "./planes.ts";
import { freePaddingValue, type StaticPad, staticPad } from "./static-pad.ts";

export const decomposePad = definePass("linalg-decompose-pad", {
  doc: "Writes tensor.pad with one value as filled borders and an insertion, so that producers can write into the padded tensor.",
  on: func.func,
  options: {
    /** Pads of what comes from outside stay where windows that slide over planes read them (planes.ts). */
    "keep-windows": attr.bool.default(false),
    /** Pads that only sums over windows read stay as they are. */
    "keep-sums": attr.bool.default(false),
  },
  run: (fn, { "keep-windows": windows, "keep-sums": sums }) =>
    replacePads(fn, decompose, sums ? isReadBySums : windows ? mayStay : () => false),
});

/** Puts other values in the place of static pads, but for those that are to stay; whether there are pads at all. */
export function replacePads(
  fn: Operation,
  write: (b: Builder, pad: StaticPad) => Value,
  stays: (op: Operation) => boolean = () => false,
): boolean {
  const found: Operation[] = [];
  fn.walk((op) => {
    if (tensor.pad.is(op)) found.push(op);
  });
  for (const op of found) {
    freePaddingValue(op);
    const pad = staticPad(op);
    if (!pad || stays(op)) continue;
    op.result().replaceAllUsesWith(write(Builder.before(op), pad));
    op.erase();
  }
  return found.length > 0;
}

/** Of larger windows most results reach over an edge: a copy costs less than asking at each step. */
const mostTaps = 32;

/** All that reads the padded tensor are sums (or maxima and the like) over windows that move with the results. */
function isReadBySums(op: Operation): boolean {
  const pad = staticPad(op);
  if (!pad || op.isUnused || [...pad.low, ...pad.high].some((n) => n < 0)) return false;
  for (const use of op.result().uses()) {
    const s = structureOf(use.owner);
    const read = s?.operands[use.index];
    if (!s || !read || read.isOutput || !s.loops.some((l) => l.kind === "reduction" && l.extent !== 1)) return false;
    let taps = 1;
    for (const [d, e] of read.map.results.entries()) {
      if (pad.low[d] === 0 && pad.high[d] === 0) continue;
      const form = linear(e, read.map.numDims);
      if (!form || form.factors.some((f) => f < 0)) return false;
      // What every result reads of is no border.
      if (!form.factors.some((f, l) => f !== 0 && s.loops[l]!.kind !== "reduction")) return false;
      for (const [l, f] of form.factors.entries())
        if (f !== 0 && s.loops[l]!.kind === "reduction") taps *= s.loops[l]!.extent;
    }
    if (taps > mostTaps) return false;
  }
  return true;
}

function decompose(b: Builder, { source, value, low, high, type }: StaticPad): Value {
  const { shape } = source.type as TensorType;
  let whole: Value = tensor.empty(b, [], { types: [type] });
  // Only what is not the source is filled: slabs at both sides of each dimension, as wide as those before leave room for.
  for (let d = 0; d < shape.length; d++) {
    for (const side of ["low", "high"] as const) {
      const size = side === "low" ? low[d]! : high[d]!;
      if (size <= 0) continue;
      const sizes = type.shape.map((full, i) => (i < d ? shape[i]! : i === d ? size : full));
      const offsets = type.shape.map((_, i) =>
        i < d ? low[i]! : i === d && side === "high" ? low[d]! + shape[d]! : 0,
      );
      whole = insert(b, filled(b, value, tensorType(sizes, type.element)), whole, offsets, sizes);
    }
  }
  return insert(b, source, whole, low, shape);
}

const insert = (b: Builder, source: Value, dest: Value, offsets: readonly number[], sizes: readonly number[]): Value =>
  tensor.insert_slice(b, source, dest, [], [], [], {
    static_offsets: offsets,
    static_sizes: sizes,
    static_strides: offsets.map(() => 1),
  });

function filled(b: Builder, value: Value, type: TensorType): Value {
  const rank = type.shape.length;
  return linalg.genericOf(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: [[value, affineMap(rank, 0, [])]],
    outputs: [[tensor.empty(b, [], { types: [type] }), identityMap(rank)]],
    body: (_inner, x) => x!,
  })[0]!;
}
