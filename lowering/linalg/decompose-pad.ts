/** @file Padding with one value: the tensor inserted into a larger one whose borders are filled. */
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { affineMap, identityMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isDynamic, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const decomposePad = definePass("linalg-decompose-pad", {
  doc: "Writes tensor.pad with one value as filled borders and an insertion, so that producers can write into the padded tensor.",
  on: func.func,
  options: {},
  run: (fn) => replacePads(fn, decompose),
});

/** A pad with one value, of which all sizes are known. */
export interface StaticPad {
  readonly source: Value;
  readonly value: Value;
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly type: TensorType;
}

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
    const pad = staticPad(op);
    if (!pad || stays(op)) continue;
    op.result().replaceAllUsesWith(write(Builder.before(op), pad));
    op.erase();
  }
  return found.length > 0;
}

/** What a pad adds where, if it adds one value and all sizes are known. */
export function staticPad(op: Operation): StaticPad | undefined {
  const pad = tensor.pad.match(op);
  const value = pad && paddingValue(op);
  if (!value) return undefined;
  const { source, static_low: low, static_high: high, result } = pad;
  const type = result.type as TensorType;
  return [...low, ...high, ...type.shape].some(isDynamic) ? undefined : { source, value, low, high, type };
}

/** The value that the op's region yields, if it comes from outside. */
function paddingValue(op: Operation): Value | undefined {
  const value = op.region().entry.terminator?.operand(0);
  if (!value) return undefined;
  const def = value.definingOp;
  if (def && def.block === op.region().entry) {
    if (!def.def.isConstant) return undefined;
    def.moveBefore(op);
  }
  return value.block === op.region().entry && !def ? undefined : value;
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
