/**
 * @file Minimal filtering of integers, exactly. Matrices without fractions make transforms of integers integers, and a multiple of
 * the result: n² times it, which is divided out at the end. All of it is modulo 2³², as sums of integers are: only what is kept
 * in 16 bits, and what is divided, must be known to fit.
 */
import { cast } from "../../../dialects/graph/cast.ts";
import { Selects, type TensorValue } from "../../../dialects/graph/op.ts";
import { integerRange } from "../../../dialects/graph/quant.ts";
import { concat, pad } from "../../../dialects/graph/shape.ts";
import type { Value } from "../../../ir/core.ts";
import type { NDArray } from "../../../support/ndarray.ts";
import { isByte } from "../integer/quantized.ts";
import { type Algorithm, f23, f43 } from "./algorithm.ts";
import type { Matrix } from "./transform.ts";

export interface WholeAlgorithm extends Algorithm {
  /** Transforms give `factor` times the result. */
  readonly factor: number;
}

/** An algorithm whose row i of the filters' matrix is `factors[i]` times the other's; n is a multiple of each. */
function wholeOf(a: Algorithm, n: number, factors: readonly number[]): WholeAlgorithm {
  const filter = a.filter.map((row, i) => row.map((c) => Math.round(c * factors[i]!)));
  const output = a.output.map((row) => row.map((c, i) => (c * n) / factors[i]!));
  return { ...a, filter, output, factor: n * n };
}

export const whole23 = wholeOf(f23, 2, [1, 2, 2, 1]);
export const whole43 = wholeOf(f43, 24, [4, -6, -6, 24, 24, 1]);

/** How to divide a multiple of n by it, modulo 2³²: times the inverse of n's odd part, and the rest by a shift. */
export function divisionBy(n: number): { readonly inverse: number; readonly shift: number } {
  const shift = 31 - Math.clz32(n & -n);
  const odd = n >>> shift;
  // Each step doubles the bits that are right; an odd number is its own inverse modulo 8.
  let inverse = odd;
  for (let bits = 3; bits < 32; bits *= 2) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return { inverse, shift };
}

/** The least and the largest number that may occur. */
export type Range = readonly [low: number, high: number];

const union = (a: Range | undefined, b: Range | undefined): Range | undefined =>
  a && b && [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

/** What bytes hold, wherever they have been moved and however wide they are kept. */
export function rangeOf(v: Value): Range | undefined {
  const { element } = (v as TensorValue).type;
  if (isByte(element)) return integerRange(element);
  const wide = cast.match(v);
  if (wide) return rangeOf(wide.x);
  const padded = pad.match(v);
  if (padded) return union(rangeOf(padded.x), padded.value ? rangeOf(padded.value) : [0, 0]);
  const joined = concat.match(v);
  if (joined) return joined.parts.map(rangeOf).reduce(union);
  return v.definingOp?.def.has(Selects) ? rangeOf(v.definingOp.operand(0)) : undefined;
}

/** Sums of positive and of negative numbers. */
interface Parts {
  positive: number;
  negative: number;
}

const shorts: Range = [-(2 ** 15), 2 ** 15 - 1];

/** The range of a sum whose factors have these parts, of numbers of a range around 0. */
const times = ({ positive, negative }: Parts, [low, high]: Range): Range => [
  positive * low + negative * high,
  positive * high + negative * low,
];

const within = ([low, high]: Range, [least, most]: Range): boolean => low >= least && high <= most;

/** Factors of all elements in the rows of T x Tᵀ. */
function partsOf(matrix: Matrix): Parts[] {
  return matrix.flatMap((a) =>
    matrix.map((b) => {
      const factors = a.flatMap((p) => b.map((q) => p * q));
      const sum = (sign: number): number => factors.reduce((s, f) => (f * sign > 0 ? s + f : s), 0);
      return { positive: sum(1), negative: sum(-1) };
    }),
  );
}

/** Nothing leaves its bits: x is of the range, w lies as [3, 3, channels, out]. */
export function fits(a: WholeAlgorithm, x: Range, w: NDArray): boolean {
  const around = union(x, [0, 0])!;
  const out = w.shape[3]!;
  const sums = Array.from({ length: out }, (): Parts => ({ positive: 0, negative: 0 }));
  let weights: Range = [0, 0];
  let i = 0;
  for (const v of w.contiguous().data as Int8Array | Int16Array) {
    const sum = sums[i++ % out]!;
    if (v > 0) sum.positive += v;
    else sum.negative += v;
    if (v < weights[0] || v > weights[1]) weights = union(weights, [v, v])!;
  }
  const most = 2 ** (31 - divisionBy(a.factor).shift);
  return (
    partsOf(a.input).every((p) => within(times(p, around), shorts)) &&
    partsOf(a.filter).every((p) => within(times(p, weights), shorts)) &&
    sums.every((p) => within(times(p, around), [-most, most - 1]))
  );
}
