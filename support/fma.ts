/** @file Fused multiply-add: a * b + c, rounded once. */
import { type FloatKind, roundTo } from "./float.ts";

const scratch = new DataView(new ArrayBuffer(8));

/**
 * a * b + c of numbers of a float type, rounded once to that type. Below f64 the product of two significands fits a
 * double exactly, and the sum is rounded to odd before it is rounded to the type, which makes two roundings as good as
 * one (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd").
 */
export function fma(kind: FloatKind, a: number, b: number, c: number): number {
  if (kind === "f64") return fma64(a, b, c);
  return roundTo(kind, addToOdd(a * b, c));
}

/** x + y in doubles, rounded to odd: of the two neighbours of an inexact sum, the one with an odd significand. */
function addToOdd(x: number, y: number): number {
  const sum = x + y;
  // Knuth's two-sum: the exact error of the addition.
  const z = sum - x;
  const error = x - (sum - z) + (y - z);
  if (error === 0 || !Number.isFinite(sum)) return sum;
  scratch.setFloat64(0, sum);
  const bits = scratch.getBigUint64(0);
  if (bits & 1n) return sum;
  // The sum was rounded away from the error's side; step towards it.
  scratch.setBigUint64(0, error > 0 === sum > 0 ? bits + 1n : bits - 1n);
  return scratch.getFloat64(0);
}

/** The significand as an integer and the exponent of its last bit: x = m * 2^e. */
function parts(x: number): readonly [bigint, number] {
  scratch.setFloat64(0, x);
  const bits = scratch.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const m = exponent === 0 ? fraction : fraction | (1n << 52n);
  return [x < 0 ? -m : m, Math.max(exponent, 1) - 1075];
}

/** In doubles: exact arithmetic on integers, then one rounding. */
function fma64(a: number, b: number, c: number): number {
  const product = a * b;
  if (!Number.isFinite(product) || !Number.isFinite(c) || a === 0 || b === 0) {
    // An overflowing product of finite factors may come back in reach of c; exact arithmetic decides below.
    if (!(Number.isFinite(a) && Number.isFinite(b) && Number.isFinite(c)) || a === 0 || b === 0) return product + c;
  }
  const [ma, ea] = parts(a);
  const [mb, eb] = parts(b);
  const [mc, ec] = parts(c);
  const e = Math.min(ea + eb, c === 0 ? ea + eb : ec);
  const sum = ((ma * mb) << BigInt(ea + eb - e)) + (c === 0 ? 0n : mc << BigInt(ec - e));
  // An exact zero has the sign that the rounded operation gives.
  return sum === 0n ? product + c : fromParts(sum, e);
}

/** m * 2^e as the nearest double, ties to even. */
function fromParts(m: bigint, e: number): number {
  const negative = m < 0n;
  let magnitude = negative ? -m : m;
  const length = magnitude.toString(2).length;
  // The last bit of the result: 53 significant bits, but none below the smallest subnormal.
  const drop = Math.max(length - 53, -1074 - e);
  let exponent = e;
  if (drop > 0) {
    const unit = 1n << BigInt(drop);
    const rest = magnitude & (unit - 1n);
    magnitude >>= BigInt(drop);
    exponent += drop;
    const half = unit >> 1n;
    if (rest > half || (rest === half && magnitude & 1n)) magnitude += 1n;
  }
  const value = scale(Number(magnitude), exponent);
  return negative ? -value : value;
}

/** x * 2^e without rounding twice; x has at most 53 bits and the result is representable or infinite. */
function scale(x: number, e: number): number {
  let value = x;
  let left = e;
  while (left > 1000) {
    value *= 2 ** 1000;
    left -= 1000;
  }
  while (left < -1000) {
    value *= 2 ** -1000;
    left += 1000;
  }
  return value * 2 ** left;
}
