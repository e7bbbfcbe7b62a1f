/**
 * @file Which reductions are products of matrices, whatever they are called: a matrix product, a convolution, a batch of
 * either. One input knows the rows of the results, the other the columns, and both know what is summed over.
 */
import type { Structure, StructuredOperand } from "../../dialects/linalg/structure.ts";
import { isShaped } from "../../ir/types.ts";
import { loopOfDim, mentions } from "./steps.ts";

export interface Product {
  readonly structure: Structure;
  /** Knows rows, but not columns: activations. */
  readonly left: StructuredOperand;
  /** Knows columns, but not rows: weights. */
  readonly right: StructuredOperand;
  /** Dimensions of the result that both inputs know, and those that are rows. The last one is the columns. */
  readonly batch: readonly number[];
  readonly rows: readonly number[];
  /** Loops that are summed over, from the outermost to the innermost, without those of one step. */
  readonly sums: readonly number[];
}

/** The parts of a product whose results have this shape; undefined if the reduction is none. */
export function productOf(s: Structure, shape: readonly number[]): Product | undefined {
  const [out] = s.outputs;
  if (s.outputs.length !== 1 || !out || out.shape.length !== shape.length || shape.length === 0) return undefined;
  if (out.shape.some((n, d) => n !== shape[d] || (n !== 1 && loopOfDim(s, d) < 0))) return undefined;
  // Bodies that ask where they are, or read elsewhere, are computed element by element.
  for (const op of s.body) {
    if (op.def.isTerminator) continue;
    if (op.regions.length > 0 || op.operands.some((v) => isShaped(v.type))) return undefined;
    if (op.operands.length === 0 && !op.def.isConstant) return undefined;
  }
  const used = s.inputs.filter((i) => i.arg?.hasUses && isShaped(i.value.type));
  const knows = (o: StructuredOperand, loop: number): boolean =>
    loop >= 0 && o.map.results.some((e) => mentions(e, loop));
  const last = shape.length - 1;
  const columns = loopOfDim(s, last);
  const [a, b] = used;
  if (used.length !== 2 || !a || !b || knows(a, columns) === knows(b, columns)) return undefined;
  const [left, right] = knows(a, columns) ? [b, a] : [a, b];
  const batch: number[] = [];
  const rows: number[] = [];
  for (let d = 0; d < last; d++) {
    if (shape[d] === 1) continue;
    const loop = loopOfDim(s, d);
    if (!knows(left, loop)) return undefined;
    (knows(right, loop) ? batch : rows).push(d);
  }
  const sums = s.loops.flatMap((l, i) => (l.kind === "reduction" && l.extent !== 1 ? [i] : []));
  if (sums.length === 0 || sums.some((l) => !knows(left, l) || !knows(right, l))) return undefined;
  // Every other loop is a dimension of the result.
  const parallel = s.loops.filter((l) => l.kind === "parallel" && l.extent !== 1).length;
  if (parallel !== shape.filter((n) => n !== 1).length) return undefined;
  return { structure: s, left, right, batch, rows, sums };
}

/** How a block of `depth` steps covers the sums: the loop that is cut, its steps per block, and whole loops inside of it. */
export interface DepthSplit {
  readonly loop: number;
  readonly part: number;
  readonly inner: readonly number[];
}

/** Loops that are summed over. */
export interface Sums {
  readonly structure: Pick<Structure, "loops">;
  readonly sums: readonly number[];
}

/** Cuts the sums so that a block has `depth` steps; undefined if that does not divide them. */
export function splitDepth({ structure, sums }: Sums, depth: number): DepthSplit | undefined {
  let rest = depth;
  for (let i = sums.length - 1; i >= 0; i--) {
    const { extent } = structure.loops[sums[i]!]!;
    if (rest <= extent) {
      return extent % rest === 0 ? { loop: sums[i]!, part: rest, inner: sums.slice(i + 1) } : undefined;
    }
    if (rest % extent !== 0) return undefined;
    rest /= extent;
  }
  return undefined;
}
