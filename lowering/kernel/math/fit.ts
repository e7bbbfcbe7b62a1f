/**
 * @file Polynomials for elementary functions, computed rather than tabulated: interpolation at Chebyshev points is
 * within a small factor of the best polynomial of its degree (Trefethen, Approximation Theory and Practice, ch. 16).
 */

/** Coefficients, constant term first, of the polynomial that interpolates f at the Chebyshev points of [a, b]. */
export function chebyshev(f: (x: number) => number, a: number, b: number, degree: number): number[] {
  const n = degree + 1;
  const values = Array.from({ length: n }, (_, k) =>
    f((a + b) / 2 + ((b - a) / 2) * Math.cos((Math.PI * (k + 0.5)) / n)),
  );
  const series = Array.from({ length: n }, (_, j) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += values[k]! * Math.cos((Math.PI * j * (k + 0.5)) / n);
    return (sum * (j === 0 ? 1 : 2)) / n;
  });
  // From Chebyshev series in t to powers of t, then to powers of x with t = (2x - a - b) / (b - a).
  const scale = 2 / (b - a);
  const shift = -(a + b) / (b - a);
  const timesT = (p: readonly number[]): number[] => {
    const out = new Array<number>(p.length + 1).fill(0);
    p.forEach((c, i) => {
      out[i] = out[i]! + c * shift;
      out[i + 1] = out[i + 1]! + c * scale;
    });
    return out;
  };
  let previous: number[] = [1];
  let current: number[] = [shift, scale];
  const sum = new Array<number>(n).fill(0);
  const addTo = (p: readonly number[], c: number): void => {
    p.forEach((x, i) => {
      sum[i] = sum[i]! + c * x;
    });
  };
  addTo(previous, series[0]!);
  if (n > 1) addTo(current, series[1]!);
  for (let j = 2; j < n; j++) {
    const next = timesT(current).map((c, i) => 2 * c - (previous[i] ?? 0));
    addTo(next, series[j]!);
    previous = current;
    current = next;
  }
  return sum;
}

/** erf in double precision: the Taylor series where it converges quickly, else 1 - erfc. */
export function erfReference(x: number): number {
  if (Math.abs(x) > 2.5) return x > 0 ? 1 - erfcReference(x) : erfcReference(-x) - 1;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** erfc for x > 0: 1 - erf below 2.5, above it the continued fraction (Abramowitz and Stegun 7.1.14). */
export function erfcReference(x: number): number {
  if (x < 2.5) return 1 - erfReference(x);
  let fraction = 0;
  for (let k = 120; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
