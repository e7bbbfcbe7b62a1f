/** @file Functions on doubles that JavaScript's Math lacks, or has with another meaning than IEEE 754 and C. */

/** Nearest integer, ties to even. Keeps the sign of zero. */
export function roundEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const magnitude = Math.abs(x);
  const below = Math.floor(magnitude);
  const rest = magnitude - below;
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  return isNegative(x) ? -rounded : rounded;
}

/** Nearest integer, ties away from zero. Keeps the sign of zero. */
export function roundAway(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

/** The sign bit; that of a NaN is not observable and counts as clear. */
export const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

export const copySign = (magnitude: number, sign: number): number =>
  isNegative(sign) ? -Math.abs(magnitude) : Math.abs(magnitude);

/** C's pow: 1 to any power and -1 to an infinite one are 1, where JavaScript has NaN. */
export const pow = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;

/** Where the series of erf gives way to the continued fraction of erfc. */
const seriesEnd = 2.5;

/** The error function, to a few units in the last place. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (Number.isNaN(x)) return x;
  const value = magnitude < seriesEnd ? erfSeries(magnitude) : 1 - erfcFraction(magnitude);
  return copySign(value, x);
}

/** 1 - erf(x), accurate where that is tiny. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  return x < seriesEnd ? 1 - erf(x) : erfcFraction(x);
}

/** 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)); all terms are positive (Abramowitz and Stegun 7.1.6). */
function erfSeries(x: number): number {
  const square = x * x;
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * square) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-square) * sum;
}

/** e^(-x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))), from the inside out (Abramowitz and Stegun 7.1.14). */
function erfcFraction(x: number): number {
  if (x > 27.3) return 0;
  let tail = x;
  for (let n = 60; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}
