/** @file Padding with one value: a filled tensor into which the other one is inserted. */
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { affineMap, identityMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isDynamic, type TensorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const decomposePad = definePass("linalg-decompose-pad", {
  doc: "Writes tensor.pad with one value as a fill and an insertion, so that producers can write into the padded tensor.",
  on: func.func,
  options: {},
  run(fn) {
    const found: Operation[] = [];
    fn.walk((op) => {
      if (tensor.pad.is(op)) found.push(op);
    });
    for (const op of found) decompose(op);
    return found.length > 0;
  },
});

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

function decompose(op: Operation): void {
  const { source, static_low: low, static_high: high, result } = tensor.pad.of(op);
  const type = result.type as TensorType;
  const value = paddingValue(op);
  if (!value || [...low, ...high, ...type.shape].some(isDynamic)) return;
  const b = Builder.before(op);
  const rank = type.shape.length;
  const around = linalg.genericOf(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: [[value, affineMap(rank, 0, [])]],
    outputs: [[tensor.empty(b, [], { types: [type] }), identityMap(rank)]],
    body: (_inner, x) => x!,
  })[0]!;
  const whole = tensor.insert_slice(b, source, around, [], [], [], {
    static_offsets: low,
    static_sizes: (source.type as TensorType).shape,
    static_strides: low.map(() => 1),
  });
  result.replaceAllUsesWith(whole);
  op.erase();
}
