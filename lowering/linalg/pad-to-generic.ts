/**
 * @file Padding with one value as one op: each element of the padded tensor is taken from the source or is the value.
 * For machines of many threads, where filling borders piece by piece would be a launch for each.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import { structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { affineMap, identityMap } from "../../ir/affine.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { TensorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { replacePads } from "./decompose-pad.ts";
import type { StaticPad } from "./static-pad.ts";

export const padToGeneric = definePass("linalg-pad-to-generic", {
  doc:
    "Writes tensor.pad with one value as one generic op that chooses, element by element, between the source and the value. " +
    "Pads that kernels can compute as they load are left as they are.",
  on: func.func,
  options: {},
  run: (fn) => replacePads(fn, generalize, isLoaded),
});

/** Only structured ops read it, element by element: each of them can choose as it loads. */
const isLoaded = (op: Operation): boolean =>
  !(op.result().type as TensorType).shape.includes(0) &&
  [...op.result().uses()].every(({ owner }) => structureOf(owner)?.form === "tensor");

function generalize(b: Builder, { source, value, low, type }: StaticPad): Value {
  const { shape } = source.type as TensorType;
  const rank = type.shape.length;
  const [padded] = linalg.genericOf(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: [[value, affineMap(rank, 0, [])]],
    outputs: [[tensor.empty(b, [], { types: [type] }), identityMap(rank)]],
    body: (inner, outside) => (shape.includes(0) ? outside! : elementOf(inner, source, low, type.shape, outside!)),
  });
  return padded!;
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
