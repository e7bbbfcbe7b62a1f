/**
 * @file Padding with one value as one op: each element of the padded tensor is taken from the source or is the value.
 * For machines of many threads, where filling borders piece by piece would be a launch for each.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { affineMap, identityMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isDynamic, type TensorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { paddingValue } from "./decompose-pad.ts";

export const padToGeneric = definePass("linalg-pad-to-generic", {
  doc: "Writes tensor.pad with one value as one generic op that chooses, element by element, between the source and the value.",
  on: func.func,
  options: {},
  run(fn) {
    const found: Operation[] = [];
    fn.walk((op) => {
      if (tensor.pad.is(op)) found.push(op);
    });
    for (const op of found) generalize(op);
    return found.length > 0;
  },
});

function generalize(op: Operation): void {
  const { source, static_low: low, static_high: high, result } = tensor.pad.of(op);
  const type = result.type as TensorType;
  const { shape } = source.type as TensorType;
  const value = paddingValue(op);
  if (!value || [...low, ...high, ...type.shape].some(isDynamic)) return;
  const b = Builder.before(op);
  const rank = type.shape.length;
  const [padded] = linalg.genericOf(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: [[value, affineMap(rank, 0, [])]],
    outputs: [[tensor.empty(b, [], { types: [type] }), identityMap(rank)]],
    body: (inner, outside) => (shape.includes(0) ? outside! : elementOf(inner, source, low, type.shape, outside!)),
  });
  result.replaceAllUsesWith(padded!);
  op.erase();
}

/** The element of the source at the loops' position, if there is one; read at the nearest place in any case. */
function elementOf(
  b: Builder,
  source: Value,
  low: readonly number[],
  padded: readonly number[],
  outside: Value,
): Value {
  const { shape } = source.type as TensorType;
  let isInside: Value | undefined;
  const position = shape.map((size, d) => {
    const loop = linalg.index(b, { dim: d });
    const at = low[d] === 0 ? loop : arith.subi(b, loop, arith.constantIndex(b, low[d]!));
    if (low[d] === 0 && padded[d] === size) return at;
    // Below zero is beyond the end of unsigned numbers.
    const here = arith.cmpi(b, at, arith.constantIndex(b, size), { predicate: "ult" });
    isInside = isInside ? arith.andi(b, isInside, here) : here;
    const notBelow = arith.maxsi(b, at, arith.constantIndex(b, 0));
    return arith.minsi(b, notBelow, arith.constantIndex(b, size - 1));
  });
  const element = tensor.extract(b, source, position);
  return isInside ? arith.select(b, isInside, element, outside) : element;
}
