/**
 * @file Elementary functions in terms of arithmetic. The same text serves f32 and f64, scalars and vectors; only degrees
 * differ. Errors (tests/lowering/math.test.ts measures them): f32 exp, log, tanh, erf within 4 ulp of the exact value;
 * everything else is computed in f64 and rounded.
 */
import type { Value } from "../../../ir/core.ts";
import { chebyshev, erfcReference, erfReference } from "./fit.ts";
import type { Words } from "./words.ts";

/** Coefficients are fitted when first wanted. */
function lazily<T>(make: (isDouble: boolean) => T): (w: Words) => T {
  const made: (T | undefined)[] = [undefined, undefined];
  return (w) => (made[w.isDouble ? 1 : 0] ??= make(w.isDouble));
}

/** ln 2 = high + low; multiples of high by exponents are exact. */
const ln2 = (w: Words): readonly [number, number] => {
  const high = w.isDouble ? 0.6931471803691238 : 0.693359375;
  // The last term is what Math.LN2 itself lacks.
  return [high, Math.LN2 - high + 2.319046813846e-17];
};

const expCoefficients = lazily((d) => chebyshev(Math.exp, -Math.LN2 / 2 - 1e-3, Math.LN2 / 2 + 1e-3, d ? 12 : 6));

/** e^x = 2^n e^r with |r| ≤ ln 2 / 2 (Cody and Waite). */
export function exp(w: Words, x: Value): Value {
  const [low, high] = w.isDouble ? [-746, 710] : [-104, 89];
  const under = w.choose(w.test("olt", x, w.c(low)), w.c(low), x);
  const y = w.choose(w.test("ogt", under, w.c(high)), w.c(high), under);
  const { whole, int } = w.nearest(w.mul(y, w.c(Math.LOG2E)));
  const [h, l] = ln2(w);
  const r = w.sub(w.sub(y, w.mul(whole, w.c(h))), w.mul(whole, w.c(l)));
  const p = w.poly(r, expCoefficients(w));
  // Two factors reach what one exponent cannot: subnormal results, and infinity.
  const half = w.sar(int, 1);
  return w.mul(w.mul(p, w.power2(half)), w.power2(w.subi(int, half)));
}

/** (log((1+s)/(1-s)) - 2s) / s³ over z = s². */
const logCoefficients = lazily((d) =>
  chebyshev(
    (z) => {
      let sum = 0;
      for (let k = 20; k >= 0; k--) sum = sum * z + 2 / (2 * k + 3);
      return sum;
    },
    0,
    0.0297,
    d ? 8 : 3,
  ),
);

/** log x = e ln 2 + log m, with √½ ≤ m < √2. */
export function log(w: Words, x: Value): Value {
  const { mantissa } = w.format;
  // Subnormal numbers are brought up first.
  const tiny = w.test("olt", x, w.c(w.isDouble ? 2 ** -1022 : 2 ** -126));
  const y = w.choose(tiny, w.mul(x, w.c(2 ** mantissa)), x);
  const bits = w.bits(y);
  const offset = w.i(w.isDouble ? 0x3fe6a09e667f3bcdn : 0x3f3504f3n);
  const e = w.sar(w.subi(bits, offset), mantissa);
  const m = w.floats(w.subi(bits, w.shl(e, mantissa)));
  const exponent = w.sub(w.toFloat(e), w.choose(tiny, w.c(mantissa), w.c(0)));
  const s = w.div(w.sub(m, w.c(1)), w.add(m, w.c(1)));
  const z = w.mul(s, s);
  const [h, l] = ln2(w);
  const tail = w.add(w.mul(w.mul(s, z), w.poly(z, logCoefficients(w))), w.mul(exponent, w.c(l)));
  const sum = w.add(w.mul(exponent, w.c(h)), w.add(w.add(s, s), tail));
  const positive = w.choose(w.test("oeq", x, w.c(0)), w.c(Number.NEGATIVE_INFINITY), sum);
  const finite = w.choose(w.test("oeq", x, w.c(Number.POSITIVE_INFINITY)), x, positive);
  // Negative numbers and NaN: x - x over 0 would signal; NaN is all that is wanted.
  return w.choose(w.test("oge", x, w.c(0)), finite, w.c(Number.NaN));
}

const tanhCoefficients = lazily((d) =>
  chebyshev(
    (z) => (z < 1e-6 ? -1 / 3 + (2 * z) / 15 : (Math.tanh(Math.sqrt(z)) / Math.sqrt(z) - 1) / z),
    0,
    0.36,
    d ? 11 : 5,
  ),
);

/** Near 0 a polynomial; elsewhere 1 - 2 / (e^{2|x|} + 1). */
export function tanh(w: Words, x: Value): Value {
  const a = w.abs(x);
  const z = w.mul(x, x);
  const small = w.add(x, w.mul(w.mul(x, z), w.poly(z, tanhCoefficients(w))));
  const e = exp(w, w.add(a, a));
  const big = w.sub(w.c(1), w.div(w.c(2), w.add(e, w.c(1))));
  return w.choose(w.test("olt", a, w.c(0.6)), small, w.withSign(w.choose(w.test("uno", x, x), x, big), x));
}

const erfCoefficients = lazily((d) =>
  chebyshev((z) => (z === 0 ? 2 / Math.sqrt(Math.PI) : erfReference(Math.sqrt(z)) / Math.sqrt(z)), 0, 1, d ? 14 : 7),
);
/** e^{x²} erfc x over u = 1 / (1 + x/2), from x = 1 on. */
const erfcCoefficients = lazily((d) =>
  chebyshev(
    (u) => {
      const x = 2 / u - 2;
      return Math.exp(x * x) * erfcReference(x);
    },
    d ? 1 / 4 : 2 / 7,
    2 / 3 + 1e-3,
    d ? 18 : 9,
  ),
);

/** Near 0 a polynomial; from 1 on, 1 - e^{-x²} q(1 / (1 + x/2)). */
export function erf(w: Words, x: Value): Value {
  const z = w.mul(x, x);
  const small = w.mul(x, w.poly(z, erfCoefficients(w)));
  const limit = w.isDouble ? 6 : 5;
  const a = w.abs(x);
  const capped = w.choose(w.test("ogt", a, w.c(limit)), w.c(limit), a);
  const u = w.div(w.c(1), w.add(w.c(1), w.mul(capped, w.c(0.5))));
  const rest = w.mul(exp(w, w.neg(w.mul(capped, capped))), w.poly(u, erfcCoefficients(w)));
  const big = w.withSign(w.choose(w.test("uno", x, x), x, w.sub(w.c(1), rest)), x);
  return w.choose(w.test("olt", a, w.c(1)), small, big);
}

const sinCoefficients = lazily(() =>
  chebyshev((z) => (z < 1e-8 ? -1 / 6 + z / 120 : (Math.sin(Math.sqrt(z)) / Math.sqrt(z) - 1) / z), 0, 0.63, 8),
);
const cosCoefficients = lazily(() =>
  chebyshev((z) => (z < 1e-4 ? 1 / 24 - z / 720 : (Math.cos(Math.sqrt(z)) - 1 + z / 2) / (z * z)), 0, 0.63, 7),
);

/** sin (quarter = 0) or cos (quarter = 1): the argument less a multiple of π/2, in three parts. Meant for |x| < 2^30. */
function circular(w: Words, x: Value, quarter: 0 | 1): Value {
  const { whole, int } = w.nearest(w.mul(x, w.c(2 / Math.PI)));
  const parts = [1.5707963109016418, 1.5893254712295857e-8, 6.123233995736766e-17 - 4.2e-33];
  let r = x;
  for (const p of parts) r = w.sub(r, w.mul(whole, w.c(p)));
  const z = w.mul(r, r);
  const s = w.add(r, w.mul(w.mul(r, z), w.poly(z, sinCoefficients(w))));
  const c = w.add(w.sub(w.c(1), w.mul(z, w.c(0.5))), w.mul(w.mul(z, z), w.poly(z, cosCoefficients(w))));
  const turn = quarter === 0 ? int : w.addi(int, w.i(1));
  const odd = w.testi("ne", w.and(turn, w.i(1)), w.i(0));
  const value = w.choose(odd, c, s);
  return w.choose(w.testi("ne", w.and(turn, w.i(2)), w.i(0)), w.neg(value), value);
}

export const sin = (w: Words, x: Value): Value => circular(w, x, 0);
export const cos = (w: Words, x: Value): Value => circular(w, x, 1);
export const tan = (w: Words, x: Value): Value => w.div(sin(w, x), cos(w, x));

/** log(1 + x): what 1 + x rounds away is put back. */
export function log1p(w: Words, x: Value): Value {
  const u = w.add(w.c(1), x);
  const lost = w.sub(w.sub(u, w.c(1)), x);
  const corrected = w.sub(log(w, u), w.div(lost, u));
  return w.choose(
    w.test("oeq", u, w.c(Number.POSITIVE_INFINITY)),
    x,
    w.choose(w.test("oeq", u, w.c(0)), w.c(Number.NEGATIVE_INFINITY), corrected),
  );
}

const expm1Coefficients = lazily(() => chebyshev((x) => (Math.abs(x) < 1e-12 ? 1 : Math.expm1(x) / x), -0.5, 0.5, 13));
export function expm1(w: Words, x: Value): Value {
  const small = w.mul(x, w.poly(x, expm1Coefficients(w)));
  return w.choose(w.test("olt", w.abs(x), w.c(0.5)), small, w.sub(exp(w, x), w.c(1)));
}

export const exp2 = (w: Words, x: Value): Value => exp(w, w.mul(x, w.c(Math.LN2)));
export const log2 = (w: Words, x: Value): Value => w.mul(log(w, x), w.c(Math.LOG2E));
export const log10 = (w: Words, x: Value): Value => w.mul(log(w, x), w.c(Math.LOG10E));

export function sinh(w: Words, x: Value): Value {
  const t = expm1(w, w.abs(x));
  const big = w.test("ogt", t, w.c(2 ** 60));
  const half = w.mul(w.c(0.5), w.add(t, w.choose(big, w.c(0), w.div(t, w.add(t, w.c(1))))));
  return w.withSign(half, x);
}

export function cosh(w: Words, x: Value): Value {
  const e = exp(w, w.abs(x));
  return w.mul(w.c(0.5), w.add(e, w.div(w.c(1), e)));
}

export function asinh(w: Words, x: Value): Value {
  const a = w.abs(x);
  const z = w.mul(a, a);
  const inner = w.add(a, w.div(z, w.add(w.c(1), w.sqrt(w.add(z, w.c(1))))));
  const far = w.add(log(w, a), w.c(Math.LN2));
  return w.withSign(w.choose(w.test("ogt", a, w.c(1e15)), far, log1p(w, inner)), x);
}

export function acosh(w: Words, x: Value): Value {
  const t = w.sub(x, w.c(1));
  const value = log1p(w, w.add(t, w.sqrt(w.add(w.add(t, t), w.mul(t, t)))));
  return w.choose(w.test("olt", x, w.c(1)), w.c(Number.NaN), value);
}

export function atanh(w: Words, x: Value): Value {
  const a = w.abs(x);
  return w.withSign(w.mul(w.c(0.5), log1p(w, w.div(w.add(a, a), w.sub(w.c(1), a)))), x);
}

const atanCoefficients = lazily(() =>
  chebyshev((z) => (z < 1e-8 ? -1 / 3 + z / 5 : (Math.atan(Math.sqrt(z)) / Math.sqrt(z) - 1) / z), 0, 0.1717, 12),
);

/** |x| is brought below tan(π/8) by the addition theorem. */
export function atan(w: Words, x: Value): Value {
  const a = w.abs(x);
  const one = w.c(1);
  const far = w.test("ogt", a, w.c(Math.SQRT2 + 1));
  const mid = w.test("ogt", a, w.c(Math.SQRT2 - 1));
  const y = w.choose(far, w.neg(w.div(one, a)), w.choose(mid, w.div(w.sub(a, one), w.add(a, one)), a));
  const base = w.choose(far, w.c(Math.PI / 2), w.choose(mid, w.c(Math.PI / 4), w.c(0)));
  const z = w.mul(y, y);
  const p = w.add(y, w.mul(w.mul(y, z), w.poly(z, atanCoefficients(w))));
  return w.withSign(w.add(base, p), x);
}

export const asin = (w: Words, x: Value): Value => atan(w, w.div(x, w.sqrt(w.mul(w.sub(w.c(1), x), w.add(w.c(1), x)))));

export function acos(w: Words, x: Value): Value {
  // 2 atan √((1-x)/(1+x)) keeps its accuracy near 1.
  return w.mul(w.c(2), atan(w, w.sqrt(w.div(w.sub(w.c(1), x), w.add(w.c(1), x)))));
}

export function atan2(w: Words, y: Value, x: Value): Value {
  const zero = w.c(0);
  const quotient = w.choose(w.test("oeq", y, zero), zero, w.div(w.abs(y), w.abs(x)));
  const near = atan(w, quotient);
  const negative = w.test("olt", w.withSign(w.c(1), x), zero);
  return w.withSign(w.choose(negative, w.sub(w.c(Math.PI), near), near), y);
}

export function cbrt(w: Words, x: Value): Value {
  const a = w.abs(x);
  const guess = exp(w, w.div(log(w, a), w.c(3)));
  const better = w.sub(guess, w.div(w.sub(w.mul(w.mul(guess, guess), guess), a), w.mul(w.c(3), w.mul(guess, guess))));
  const special = w.test("oeq", w.sub(a, a), w.c(0));
  return w.withSign(w.choose(w.test("oeq", a, w.c(0)), a, w.choose(special, better, a)), x);
}

/** |x|^y by logarithms, with the sign of IEEE 754 pow. To be asked in f64: for f32 results that is exact enough. */
export function pow(w: Words, x: Value, y: Value): Value {
  const one = w.c(1);
  const zero = w.c(0);
  const a = w.abs(x);
  const size = exp(w, w.mul(y, log(w, a)));
  // Beyond 2^53 every double is an even integer.
  const shifted = w.withSign(w.choose(w.test("olt", w.abs(y), w.c(2 ** 51)), w.abs(w.nearest(y).whole), w.abs(y)), y);
  const isInteger = w.test("oeq", shifted, y);
  const half = w.mul(y, w.c(0.5));
  const halfWhole = w.choose(w.test("olt", w.abs(half), w.c(2 ** 51)), w.nearest(half).whole, half);
  const isOdd = w.test("une", halfWhole, half);
  const signed = w.choose(
    isInteger,
    w.choose(isOdd, w.neg(size), size),
    w.choose(w.test("oeq", a, zero), size, w.c(Number.NaN)),
  );
  const withSign = w.choose(w.test("olt", w.withSign(one, x), zero), signed, size);
  const nan = w.choose(w.test("uno", x, y), w.c(Number.NaN), withSign);
  return w.choose(w.test("oeq", y, zero), one, w.choose(w.test("oeq", x, one), one, nan));
}
