/**
 * @file Elementary functions in f32 for programs whose numerics policy is not `strict`: shorter chains, one range where
 * functions.ts takes two. Errors (tests/lowering/math.test.ts measures them): exp 4 ulp, and 0 below -86.9; tanh and erf
 * 8 ulp.
 */
import type { Value } from "../../../ir/core.ts";
import { chebyshev, erfReference, type Quotient, quotient } from "./fit.ts";
import type { Words } from "./words.ts";

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** ln 2 = high + low; multiples of high by exponents are exact. */
const high = 0.693359375;
const low = Math.LN2 - high;

const expCoefficients = lazily(() => chebyshev(Math.exp, -0.3475, 0.3475, 5));

/**
 * e^x = 2 e^r 2^(n - 1) with |r| ≤ ln 2 / 2. The number that rounds x / ln 2 to n carries the bias of the exponent, so
 * that shifting its bits gives the power of two. Below -86.9 that is 0.
 */
export function exp(w: Words, x: Value): Value {
  const { p, power } = parts(w, w.clamp(x, -87.5, 89), 126);
  return w.mul(w.add(p, p), power);
}

/** The same for x ≤ 0, whose powers of two all have exponents: below -87.7 it is 0. */
export function expOfNonPositive(w: Words, x: Value): Value {
  const { p, power } = parts(w, w.atLeast(x, -88), 127);
  return w.mul(p, power);
}

/** e^r, and 2^n of the number whose exponent has this bias. */
function parts(w: Words, y: Value, bias: number): { readonly p: Value; readonly power: Value } {
  const magic = w.c(12582912 + bias);
  const shifted = w.add(w.mul(y, w.c(Math.LOG2E)), magic);
  const whole = w.sub(shifted, magic);
  const r = w.add(w.mul(whole, w.c(-low)), w.add(w.mul(whole, w.c(-high)), y));
  // Where products join sums, one after the other is fewer instructions, and the vectors that follow fill the waits.
  const p = w.fused ? w.poly(r, expCoefficients()) : w.polyPairs(r, expCoefficients());
  return { p, power: w.floats(w.shl(w.bits(shifted), 23)) };
}

/** An odd function as x P(x²) / Q(x²) up to where it is 1 to the last bit. */
function odd(w: Words, x: Value, limit: number, { numerator, denominator }: Quotient): Value {
  const y = w.clamp(x, -limit, limit);
  const z = w.mul(y, y);
  const over = w.mul(y, w.poly(z, numerator));
  return w.clamp(w.div(over, w.poly(z, denominator)), -1, 1);
}

const tanhLimit = 7.9;
const tanhQuotient = lazily(() =>
  quotient((z) => (z < 1e-12 ? 1 : Math.tanh(Math.sqrt(z)) / Math.sqrt(z)), tanhLimit ** 2, 6, 3),
);
export const tanh = (w: Words, x: Value): Value => odd(w, x, tanhLimit, tanhQuotient());

const erfLimit = 3.925;
const erfQuotient = lazily(() =>
  quotient(
    (z) => (z < 1e-12 ? 2 / Math.sqrt(Math.PI) : erfReference(Math.sqrt(z)) / Math.sqrt(z)),
    erfLimit ** 2,
    5,
    5,
  ),
);
export const erf = (w: Words, x: Value): Value => odd(w, x, erfLimit, erfQuotient());
