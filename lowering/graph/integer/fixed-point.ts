/**
 * @file Quantized numbers in TFLite's arithmetic: scales become multipliers of 31 bits and shifts, and sums and products of
 * two tensors are computed in integers too. The formulas are those of TFLite's reference kernels for 8 bits.
 */
import { cast } from "../../../dialects/graph/cast.ts";
import { add, mul, sub } from "../../../dialects/graph/elementwise.ts";
import type { TensorValue } from "../../../dialects/graph/op.ts";
import { requantize } from "../../../dialects/graph/quant.ts";
import { rescale } from "../../../dialects/graph/rescale.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { i32, type Type } from "../../../ir/types.ts";
import { knownOf } from "../constants.ts";
import { replace } from "../rebuild.ts";
import { isByte, isWhole, numbers, numbersOf, type Quantized, quantizedOf, shapeOf } from "./quantized.ts";

/** A factor as m / 2^31 * 2^shift with m in [2^30, 2^31); 0 where it is too small to be told from it. */
export function fixedPoint(factor: number): { readonly multiplier: number; readonly shift: number } {
  if (!(factor > 0)) return { multiplier: 0, shift: 0 };
  let shift = Math.floor(Math.log2(factor)) + 1;
  let fraction = factor / 2 ** shift;
  // The logarithm is rounded.
  while (fraction >= 1) fraction = factor / 2 ** ++shift;
  while (fraction < 0.5) fraction = factor / 2 ** --shift;
  let multiplier = Math.round(fraction * 2 ** 31);
  if (multiplier === 2 ** 31) {
    multiplier = 2 ** 30;
    shift++;
  }
  return shift < -31 ? { multiplier: 0, shift: 0 } : { multiplier, shift };
}

/** Factors that shifts of 32 bits can say. */
const areSmall = (factors: readonly number[]): boolean => factors.every((f) => fixedPoint(f).shift < 31);

/** x times factors of a shape that is broadcast to it, plus a zero point, in a type. */
export function rescaledBy(
  b: Builder,
  x: Value,
  factors: readonly number[],
  shape: readonly number[],
  zero: Value | undefined,
  to: Type,
): TensorValue {
  const fixed = factors.map(fixedPoint);
  const words = (values: readonly number[]): TensorValue => {
    const same = values.every((v) => v === values[0]);
    return same ? numbers(b, [values[0]!], i32, []) : numbers(b, values, i32, shape);
  };
  const right = words(fixed.map((f) => Math.max(0, -f.shift)));
  const left = fixed.map((f) => Math.max(0, f.shift));
  const shifted = left.every((s) => s === 0) ? undefined : words(left);
  const multiplier = words(fixed.map((f) => f.multiplier));
  return rescale(b, x, multiplier, right, shifted, zero, { to }) as TensorValue;
}

/** Requantization by known floats. */
export function fromRequantize(b: Builder, op: Operation): boolean {
  const r = requantize.match(op);
  const multiplier = r && knownOf(r.multiplier);
  if (!r || !multiplier || r.x.type.element !== i32) return false;
  const factors = numbersOf(multiplier);
  if (!factors.every((f) => f > 0) || !areSmall(factors)) return false;
  return replace(op, rescaledBy(b, r.x, factors, r.multiplier.type.shape, r.zero, r.to));
}

/** Bits by which terms of a sum are shifted to the left, so that scaling them costs nothing. */
const headroom = 20;

/** quantize of a sum, difference or product of two tensors of bytes. */
export function fromPair(b: Builder, x: Value, to: Quantized): Value | undefined {
  const sum = add.match(x);
  const difference = sub.match(x);
  const both = sum ?? difference ?? mul.match(x);
  const [p, q] = both ? [quantizedOf(both.a), quantizedOf(both.b)] : [];
  if (!p || !q || ![p, q].every((v) => isWhole(v) && isByte(v.element)) || !isByte(to.element)) return undefined;
  // Results are rescaled in their own shape.
  const [sp, sq, so] = [p.scales[0]!, q.scales[0]!, to.scales[0]!];
  const zero = to.zeros[0] === 0 ? undefined : numbers(b, to.zeros, to.element, []);
  if (!sum && !difference) {
    const factors = [(sp * sq) / so];
    if (!areSmall(factors)) return undefined;
    return rescaledBy(b, mul(b, lessZero(b, p), lessZero(b, q)), factors, [], zero, to.element);
  }
  const twice = 2 * Math.max(sp, sq);
  const factors = [twice / (2 ** headroom * so)];
  if (!areSmall(factors)) return undefined;
  const term = (v: Quantized, scale: number): Value => {
    const shifted = mul(b, lessZero(b, v), numbers(b, [2 ** headroom], i32, []));
    return rescaledBy(b, shifted, [scale / twice], [], undefined, i32);
  };
  const total = (sum ? add : sub)(b, term(p, sp), term(q, sq));
  return rescaledBy(b, total, factors, [], zero, to.element);
}

const lessZero = (b: Builder, q: Quantized): Value => {
  const wide = cast(b, q.x, { to: i32 });
  return q.zeros[0] === 0 ? wide : sub(b, wide, numbers(b, q.zeros, i32, []));
};

/** quantize of numbers that are quantized by another scale. */
export function fromOther(b: Builder, x: Value, to: Quantized): Value | undefined {
  const q = quantizedOf(x);
  if (!q || !isWhole(q) || !isByte(q.element) || shapeOf(x).length === 0) return undefined;
  const factors = [q.scales[0]! / to.scales[0]!];
  if (!areSmall(factors)) return undefined;
  const zero = to.zeros[0] === 0 ? undefined : numbers(b, to.zeros, to.element, []);
  return rescaledBy(b, lessZero(b, q), factors, [], zero, to.element);
}
