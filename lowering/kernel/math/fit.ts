/**
 * @file Polynomials for elementary functions, computed rather than tabulated: interpolation at Chebyshev points is
 * within a small factor of the best polynomial of its degree (Trefethen, Approximation Theory and Practice, ch. 16).
 * Quotients of polynomials are interpolated likewise.
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

export interface Quotient {
  readonly numerator: readonly number[];
  /** Its constant term is 1. */
  readonly denominator: readonly number[];
}

/**
 * The quotient of polynomials of degrees p and q that interpolates f on [0, b]. The points lie denser towards 0 than
 * Chebyshev's, where functions that fall off like erf √z / √z change most.
 */
export function quotient(f: (x: number) => number, b: number, p: number, q: number): Quotient {
  const n = p + q + 1;
  const points = Array.from({ length: n }, (_, k) => ((1 + Math.cos((Math.PI * (k + 0.5)) / n)) / 2) ** 1.5);
  // P(t) / f - (Q(t) - 1) = 1 with t = x / b, so that powers stay below 1.
  const rows = points.map((t) => {
    const value = f(t * b);
    return [
      ...Array.from({ length: p + 1 }, (_, i) => t ** i / value),
      ...Array.from({ length: q }, (_, i) => -(t ** (i + 1))),
      1,
    ];
  });
  const solution = solve(rows);
  const scaled = (c: number, i: number): number => c / b ** i;
  return {
    numerator: solution.slice(0, p + 1).map(scaled),
    denominator: [1, ...solution.slice(p + 1)].map(scaled),
  };
}

/** Gauss elimination with row pivots; the right side is the last column. */
function solve(rows: number[][]): number[] {
  const n = rows.length;
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(rows[r]![c]!) > Math.abs(rows[pivot]![c]!)) pivot = r;
    [rows[c], rows[pivot]] = [rows[pivot]!, rows[c]!];
    for (let r = c + 1; r < n; r++) {
      const factor = rows[r]![c]! / rows[c]![c]!;
      for (let k = c; k <= n; k++) rows[r]![k] = rows[r]![k]! - factor * rows[c]![k]!;
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let sum = rows[i]![n]!;
    for (let k = i + 1; k < n; k++) sum -= rows[i]![k]! * x[k]!;
    x[i] = sum / rows[i]![i]!;
  }
  return x;
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
