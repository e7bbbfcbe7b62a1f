/** @file Sums of quantized numbers as quantized numbers, with integers alone: fixed point as TFLite has it. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type IntegerType, i32, integer, type Type } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import { arrayOf, doublesOf, mapBroadcast } from "./data.ts";
import { elementwise } from "./expand.ts";
import { Broadcasts, broadcastFault, IntegerTensor, withElementType } from "./op.ts";
import { integerRange } from "./quant.ts";
import { convertScalar, Scalars } from "./scalars.ts";

const i64 = integer(64);
const half = 2n ** 30n;

/**
 * x * multiplier / 2^31 and that / 2^right, each rounded to the nearest: halves first up, then away from zero. What gemmlowp
 * calls SaturatingRoundingDoublingHighMul and RoundingDivideByPOT, of factors that are not both the least there is.
 */
function rescaled(x: number, multiplier: number, right: number): number {
  const doubled = Number((BigInt(x) * BigInt(multiplier) + half) >> 31n);
  const mask = 2 ** right - 1;
  const rest = doubled - Math.floor(doubled / 2 ** right) * 2 ** right;
  const threshold = Math.floor(mask / 2) + (doubled < 0 ? 1 : 0);
  return Math.floor(doubled / 2 ** right) + (rest > threshold ? 1 : 0);
}

export const rescale = defineOp("graph.rescale", {
  doc:
    "x * 2^left * multiplier * 2^(-31 - right), plus the zero point, kept in the range of the type; with integers alone, as " +
    "TFLite's reference kernels compute it (MultiplyByQuantizedMultiplier): x is shifted left in 32 bits, the product's upper " +
    "half is rounded (halves up), and so is its shift to the right (halves away from zero). Multipliers are in [0, 2^31), shifts " +
    "in [0, 31]. All are broadcast to x.",
  operands: [
    one("x", IntegerTensor),
    one("multiplier", IntegerTensor),
    one("right", IntegerTensor),
    optional("left", IntegerTensor),
    optional("zero", IntegerTensor),
  ],
  attrs: { to: attr.type },
  results: [one("y", IntegerTensor)],
  traits: [Pure, Broadcasts],
  infer: ({ x, to }) => [withElementType(x.type, to)],
  verify({ x, multiplier, right, left, zero, to }, fail) {
    if (to.kind !== "integer" || to.width > 32) fail("results have at most 32 bits");
    const words = [x, multiplier, right, ...(left ? [left] : [])];
    if (words.some((v) => v.type.element !== i32)) fail("x, multiplier and shifts have 32 bits");
    const shapes = [...words, ...(zero ? [zero] : [])].map((v) => v.type.shape);
    const fault = broadcastFault(shapes);
    if (fault) fail(fault);
    else if (shapes.some((s) => s.length > x.type.shape.length))
      fail("x has fewer dimensions than what it is rescaled by");
  },
  evaluate: ({ x, multiplier, right, left, zero, to }) => {
    const shifted = left ? mapBroadcast((v: number, s: number) => v << s, [x, left], x.shape, i32) : x;
    const values = doublesOf(
      mapBroadcast(
        (v: number, m: number, s: number) => rescaled(v, m, s & 31),
        [shifted, multiplier, right],
        x.shape,
        i32,
      ),
    );
    const zeros = zero && doublesOf(mapBroadcast((v: number) => v, [zero], x.shape, i32));
    const [low, high] = integerRange(to);
    return arrayOf(
      to,
      x.shape,
      values.map((v, i) => Math.min(Math.max(v + (zeros ? zeros[i]! : 0), low), high)),
    );
  },
  expand({ x, multiplier, right, left, zero, to, y }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const operands = [x, multiplier, right, ...(left ? [left] : []), ...(zero ? [zero] : [])];
    return [
      elementwise(b, y.type, operands, (inner, v, m, s, ...rest) => {
        const by = left ? rest[0] : undefined;
        const z = zero ? rest[left ? 1 : 0] : undefined;
        const shifted = by ? arith.shli(inner, v!, by) : v!;
        const whole = divided(inner, highProduct(inner, shifted, m!), s!);
        return keptIn(inner, whole, z && { value: z, type: zero!.type.element }, to);
      }),
    ];
  },
});

/** The upper 32 bits of twice the product, rounded. */
function highProduct(b: Builder, x: Value, y: Value): Value {
  const wide = new Scalars(b, i64);
  const product = wide.mul(convertScalar(b, x, i32, i64), convertScalar(b, y, i32, i64));
  return convertScalar(b, arith.shrsi(b, wide.add(product, wide.num(half)), wide.num(31)), i64, i32);
}

/** x / 2^by, rounded to the nearest, halves away from zero. */
function divided(b: Builder, x: Value, by: Value): Value {
  const e = new Scalars(b, i32);
  const mask = e.sub(arith.shli(b, e.num(1), by), e.num(1));
  const rest = arith.andi(b, x, mask);
  const threshold = e.add(arith.shrui(b, mask, e.num(1)), arith.shrui(b, x, e.num(31)));
  // Both are below 2^31, and so the difference says by its sign which is the larger.
  const up = arith.shrui(b, e.sub(threshold, rest), e.num(31));
  return e.add(arith.shrsi(b, x, by), up);
}

/** A whole number plus a zero point, kept in the range of a type: in the range less the zero point first. */
function keptIn(
  b: Builder,
  v: Value,
  zero: { readonly value: Value; readonly type: Type } | undefined,
  to: Type,
): Value {
  const e = new Scalars(b, i32);
  const [low, high] = integerRange(to);
  const shift = zero && convertScalar(b, zero.value, zero.type, i32);
  if ((to as IntegerType).width === 32) return shift ? e.add(v, shift) : v;
  const [least, most] = [e.num(low), e.num(high)];
  if (!shift) return convertScalar(b, e.min(e.max(v, least), most), i32, to);
  const kept = e.min(e.max(v, e.sub(least, shift)), e.sub(most, shift));
  return convertScalar(b, e.add(kept, shift), i32, to);
}
