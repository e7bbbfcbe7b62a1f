/** @file Are two arrays equal as the official ONNX suite understands it? */
import type { NDArray } from "../index.ts";

/** Elements may differ by `atol + rtol * |expected|`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** Why a result is not the expected one; undefined if it is. */
export function difference(actual: NDArray, expected: NDArray, { rtol, atol }: Tolerance): string | undefined {
  if (actual.dtype !== expected.dtype) return `elements of ${actual.dtype}, expected ${expected.dtype}`;
  const [from, to] = [actual.shape.join("x"), expected.shape.join("x")];
  if (from !== to) return `shape [${from}], expected [${to}]`;
  const a = actual.values();
  const e = expected.values();
  let wrong = 0;
  let first = -1;
  let worst = 0;
  for (let i = 0; i < e.length; i++) {
    const x = Number(a[i]);
    const y = Number(e[i]);
    if (a[i] === e[i] || Object.is(x, y) || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const error = Math.abs(x - y);
    if (error <= atol + rtol * Math.abs(y)) continue;
    if (wrong++ === 0) first = i;
    worst = Math.max(worst, error);
  }
  if (wrong === 0) return undefined;
  return `${wrong} of ${e.length} elements differ, the first at ${first}: ${a[first]}, expected ${e[first]} (largest error ${worst})`;
}
