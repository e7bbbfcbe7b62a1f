/** @file Small linear transforms T x Tᵀ as straight-line code, with what rows have in common computed once. */

export type Matrix = readonly (readonly number[])[];

/** Arithmetic on whatever is transformed. */
export interface Field<T = import("../../../ir/core.ts").Value> {
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  scale(a: T, by: number): T;
}

/** T x Tᵀ of a square x, row by row. */
export function transform2<T>(f: Field<T>, matrix: Matrix, x: readonly T[]): T[] {
  const n = matrix[0]!.length;
  const columns = Array.from({ length: n }, (_, j) =>
    transform(
      f,
      matrix,
      Array.from({ length: n }, (_, i) => x[i * n + j]!),
    ),
  );
  return matrix.flatMap((_, r) =>
    transform(
      f,
      matrix,
      columns.map((c) => c[r]!),
    ),
  );
}

/** T x. */
export function transform<T>(f: Field<T>, matrix: Matrix, x: readonly T[]): T[] {
  const wanted = pairsOf(matrix);
  const pairs = new Map<string, T>();
  return rows(f, matrix, x, (i, j, sign) => {
    const key = `${i} ${j} ${sign}`;
    if (!pairs.has(key)) {
      // Both at the place of the first, while their operands are at hand.
      if (wanted.has(`${i} ${j} +`)) pairs.set(`${i} ${j} +`, f.add(x[i]!, x[j]!));
      if (wanted.has(`${i} ${j} -`)) pairs.set(`${i} ${j} -`, f.sub(x[i]!, x[j]!));
    }
    return pairs.get(key)!;
  });
}

const nothing: Field<undefined> = { add: () => undefined, sub: () => undefined, scale: () => undefined };
const pairsByMatrix = new WeakMap<Matrix, ReadonlySet<string>>();

/** The pairs of neighbours that a transform adds or subtracts before anything else. */
function pairsOf(matrix: Matrix): ReadonlySet<string> {
  let wanted = pairsByMatrix.get(matrix);
  if (!wanted) {
    const found = new Set<string>();
    rows(nothing, matrix, [], (i, j, sign) => {
      found.add(`${i} ${j} ${sign}`);
      return undefined;
    });
    wanted = found;
    pairsByMatrix.set(matrix, wanted);
  }
  return wanted;
}

/** The sum or the difference of two elements. */
type Pairs<T> = (i: number, j: number, sign: "+" | "-") => T;

function rows<T>(f: Field<T>, matrix: Matrix, x: readonly T[], pair: Pairs<T>): T[] {
  const out: T[] = [];
  for (let r = 0; r < matrix.length; r++) {
    const row = matrix[r]!;
    const next = matrix[r + 1];
    if (next && isMirrored(row, next)) {
      // Rows that differ in the signs of every other column: the sum and the difference of two halves.
      const even = combined(f, half(row, 0), x, pair);
      const odd = combined(f, half(row, 1), x, pair);
      out.push(f.add(even, odd), f.sub(even, odd));
      r++;
    } else out.push(combined(f, row, x, pair));
  }
  return out;
}

const half = (row: readonly number[], parity: number): number[] => row.map((c, i) => (i % 2 === parity ? c : 0));

function isMirrored(row: readonly number[], next: readonly number[]): boolean {
  const halves = [0, 1].map((parity) => half(row, parity).some((c) => c !== 0));
  return halves.every((h) => h) && row.every((c, i) => next[i] === (i % 2 === 0 ? c : -c));
}

/** One row times x. Neighbours with factors that are equal, or equal but for the sign, are added up first. */
function combined<T>(f: Field<T>, row: readonly number[], x: readonly T[], pair: Pairs<T>): T {
  const terms: { readonly value: T; readonly by: number }[] = [];
  const used = new Set<number>();
  row.forEach((c, i) => {
    if (c === 0 || used.has(i)) return;
    const d = i % 2 === 1 ? row[i + 1] : undefined;
    if (d !== undefined && d !== 0 && Math.abs(d) === Math.abs(c)) {
      used.add(i + 1);
      terms.push({ value: d === c ? pair(i, i + 1, "+") : pair(i, i + 1, "-"), by: c });
    } else terms.push({ value: x[i] as T, by: c });
  });
  // A term that is added comes first, so that nothing needs to be negated.
  terms.sort((a, b) => Number(b.by > 0) - Number(a.by > 0));
  const [first, ...rest] = terms;
  const size = ({ value, by }: { readonly value: T; readonly by: number }): T =>
    Math.abs(by) === 1 ? value : f.scale(value, Math.abs(by));
  const start = first!.by > 0 ? size(first!) : f.scale(first!.value, first!.by);
  return rest.reduce((sum, t) => (t.by > 0 ? f.add(sum, size(t)) : f.sub(sum, size(t))), start);
}
