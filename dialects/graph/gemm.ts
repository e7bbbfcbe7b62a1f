/** @file The one hot loop of the oracle: sums of products of two matrices, in double precision. */

/** Columns of the result that are worked on together, so that their sums stay in the nearest cache. */
const BLOCK = 128;
/** Results with fewer columns are made sum by sum. */
const NARROW = 4;

/** A row-major matrix in a larger array: where it begins, and how far apart its rows are. */
export interface Matrix {
  readonly data: Float64Array;
  readonly at: number;
  readonly step: number;
}

/**
 * c += a b for a [m, k], b [k, n], c [m, n]. Every sum is made in the order of k. Four rows and two steps of k at a time,
 * which is what the loads and stores of a scalar loop allow.
 */
export function addProducts(c: Matrix, a: Matrix, b: Matrix, [m, k, n]: readonly [number, number, number]): void {
  if (n < NARROW) {
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) oneSum(c, a, b, i, j, k);
    return;
  }
  for (let from = 0; from < n; from += BLOCK) {
    const width = Math.min(BLOCK, n - from);
    let i = 0;
    for (; i + 4 <= m; i += 4) fourRows(c, a, b, i, k, from, width);
    for (; i < m; i++) oneRow(c, a, b, i, k, from, width);
  }
}

function oneSum(to: Matrix, left: Matrix, right: Matrix, row: number, column: number, k: number): void {
  const { data: a } = left;
  const { data: b } = right;
  const from = left.at + row * left.step;
  let sum = to.data[to.at + row * to.step + column]!;
  for (let s = 0, x = right.at + column; s < k; s++, x += right.step) sum += a[from + s]! * b[x]!;
  to.data[to.at + row * to.step + column] = sum;
}

function fourRows(to: Matrix, left: Matrix, right: Matrix, row: number, k: number, from: number, width: number): void {
  const { data: c } = to;
  const { data: a } = left;
  const { data: b } = right;
  const row0 = to.at + row * to.step + from;
  const [row1, row2, row3] = [row0 + to.step, row0 + 2 * to.step, row0 + 3 * to.step];
  const a0 = left.at + row * left.step;
  const [a1, a2, a3] = [a0 + left.step, a0 + 2 * left.step, a0 + 3 * left.step];
  const b0 = right.at + from;
  let s = 0;
  for (; s + 2 <= k; s += 2) {
    const [p0, p1, p2, p3] = [a[a0 + s]!, a[a1 + s]!, a[a2 + s]!, a[a3 + s]!];
    const [q0, q1, q2, q3] = [a[a0 + s + 1]!, a[a1 + s + 1]!, a[a2 + s + 1]!, a[a3 + s + 1]!];
    const x = b0 + s * right.step;
    const y = x + right.step;
    for (let j = 0; j < width; j++) {
      const u = b[x + j]!;
      const v = b[y + j]!;
      c[row0 + j] = c[row0 + j]! + p0 * u + q0 * v;
      c[row1 + j] = c[row1 + j]! + p1 * u + q1 * v;
      c[row2 + j] = c[row2 + j]! + p2 * u + q2 * v;
      c[row3 + j] = c[row3 + j]! + p3 * u + q3 * v;
    }
  }
  if (s === k) return;
  const [p0, p1, p2, p3] = [a[a0 + s]!, a[a1 + s]!, a[a2 + s]!, a[a3 + s]!];
  const x = b0 + s * right.step;
  for (let j = 0; j < width; j++) {
    const u = b[x + j]!;
    c[row0 + j]! += p0 * u;
    c[row1 + j]! += p1 * u;
    c[row2 + j]! += p2 * u;
    c[row3 + j]! += p3 * u;
  }
}

function oneRow(to: Matrix, left: Matrix, right: Matrix, row: number, k: number, from: number, width: number): void {
  const { data: c } = to;
  const { data: b } = right;
  const row0 = to.at + row * to.step + from;
  const a0 = left.at + row * left.step;
  for (let s = 0; s < k; s++) {
    const p = left.data[a0 + s]!;
    const x = right.at + s * right.step + from;
    for (let j = 0; j < width; j++) c[row0 + j]! += p * b[x + j]!;
  }
}
