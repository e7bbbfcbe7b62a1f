/**
 * @file Attention as structured ops: a product of matrices, whose rows are made into shares of one (what is done to each element,
 * maxima and sums of rows), and a product with the shares. Machines whose threads share memory compute some rows at a time,
 * and neither products nor shares of them leave that memory.
 */
import { isReducing, reductionsOf, type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import { isIdentityMap } from "../../ir/affine.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { f32, isShaped } from "../../ir/types.ts";
import type { Grid } from "../../support/machine.ts";
import { combinerOf } from "./loops/combiner.ts";
import { type Product, productOf } from "./product.ts";
import { plainLoops, plainOrder, type ReductionSchedule, type RootSchedule } from "./schedule-attribute.ts";
import { loopOfDim, memoryStepAlong } from "./steps.ts";

export interface Attention {
  readonly scores: Product;
  /** Sums over rows of what the scores are made into, in order. */
  readonly sums: readonly Structure[];
  readonly values: Product;
  /** All ops from the scores to the shares, which nothing else uses, in the order of their block. */
  readonly between: readonly Operation[];
  /** Sizes: rows (of the scores, in all of a batch's member), columns of the scores, columns of the results. */
  readonly rows: number;
  readonly columns: number;
}

/** Words that a workgroup shares, on every device. */
const sharedWords = 4096;
/** Rows that a workgroup has, where that leaves enough workgroups; and at least, lest columns are loaded too often. */
const rowChoices = [32, 16, 8, 4];
const fewestRows = 8;
/** Threads that what is put together by rows is kept for. */
const mostThreads = 128;
/** Threads that sum up a row, at most: they put together what they have in one round. */
const team = 8;
/** Sums over rows, at most. */
const mostSums = 2;

/** The attention that ends in a product; undefined if it is none, or its rows do not fit into shared memory. */
export function attentionOf(s: Structure): Attention | undefined {
  const [out] = s.outputs;
  const values = out?.element === f32 ? productOf(s, out.shape) : undefined;
  const rank = out?.shape.length ?? 0;
  if (!values || rank < 2 || values.sums.length !== 1 || values.left.element !== f32) return undefined;
  const { shape, map, value } = values.left;
  const isPlain = map.results.every((e, d) => e.kind === "dim" && e.index === (d < rank - 1 ? d : values.sums[0]));
  if (shape.length !== rank || !isPlain || !out!.map.results.every((e, d) => e.kind === "dim" && e.index === d))
    return undefined;
  const found = new Between(s.op, shape).from(value);
  if (!found) return undefined;
  const { scores, sums, ops } = found;
  const [rows = 1, columns = 1] = shape.slice(-2);
  const sameRows = [values, scores].every((p) => p.rows.length === 1 && p.rows[0] === rank - 2);
  if (!sameRows || scores.batch.join() !== values.batch.join() || scores.sums.length !== 1) return undefined;
  if (sums.length === 0 || sums.length > mostSums) return undefined;
  if (fewestRows * columns + sums.length * mostThreads > sharedWords || rows < fewestRows) return undefined;
  return { scores, sums, values, between: ops, rows, columns };
}

/** Walks from the shares back to the scores. */
class Between {
  readonly #end: Operation;
  readonly #shape: readonly number[];
  readonly #reaches = new Map<Operation, boolean>();
  #scores: Product | undefined;
  #isOdd = false;

  constructor(end: Operation, shape: readonly number[]) {
    this.#end = end;
    this.#shape = shape;
  }

  from(
    shares: Value,
  ): { readonly scores: Product; readonly sums: readonly Structure[]; readonly ops: readonly Operation[] } | undefined {
    if (!this.#visit(shares) || this.#isOdd || !this.#scores) return undefined;
    const ops = [...this.#reaches].flatMap(([op, reaches]) => (reaches ? [op] : []));
    const inside = new Set(ops);
    const isOwn = ops.every((op) => [...op.result().uses()].every((u) => inside.has(u.owner) || u.owner === this.#end));
    if (!isOwn || shares.definingOp === this.#scores.structure.op) return undefined;
    ops.sort((a, b) => (a.isBefore(b) ? -1 : 1));
    const sums = ops.flatMap((op) => {
      const s = structureOf(op)!;
      return op !== this.#scores!.structure.op && isReducing(s) ? [s] : [];
    });
    return { scores: this.#scores, sums, ops };
  }

  /** Whether a value is made of the scores. */
  #visit(value: Value): boolean {
    const op = value.definingOp;
    if (!op || op.block !== this.#end.block) return false;
    const known = this.#reaches.get(op);
    if (known !== undefined) return known;
    const s = op.results.length === 1 ? structureOf(op) : undefined;
    const [out] = s?.outputs ?? [];
    if (!s || !out) return false;
    const product = isReducing(s) ? productOf(s, this.#shape) : undefined;
    if (product) {
      if (out.element !== f32 || (this.#scores && this.#scores.structure.op !== op)) this.#isOdd = true;
      this.#scores = product;
      this.#reaches.set(op, true);
      return true;
    }
    const made = s.inputs.filter((i) => isShaped(i.value.type) && this.#visit(i.value));
    this.#reaches.set(op, made.length > 0);
    if (made.length > 0 && !this.#isStep(s, made)) this.#isOdd = true;
    return made.length > 0;
  }

  /** What is done to each element of the rows, or to each row, or a sum over rows. */
  #isStep(s: Structure, made: readonly Structure["inputs"][number][]): boolean {
    const [out] = s.outputs;
    const last = this.#shape.length - 1;
    const isRow = (shape: readonly number[]): boolean =>
      shape.length === last + 1 && shape.every((n, d) => n === (d === last ? 1 : this.#shape[d]));
    const isWhole = (shape: readonly number[]): boolean => shape.join() === this.#shape.join();
    const named = (o: Structure["inputs"][number]): boolean =>
      o.map.results.every((e, d) => (e.kind === "dim" && e.index === d) || (d === last && isRow(o.shape)));
    if (
      out!.element !== f32 ||
      s.outputs.length !== 1 ||
      !made.every((i) => named(i) && (isRow(i.shape) || isWhole(i.shape)))
    )
      return false;
    if (!isReducing(s)) return isIdentityMap(out!.map) && (isRow(out!.shape) || isWhole(out!.shape));
    return (
      isRow(out!.shape) &&
      reductionsOf(s).join() === `${last}` &&
      out!.map.results.every((e, d) => d === last || (e.kind === "dim" && e.index === d)) &&
      s.inputs.every((i) => made.includes(i) || !isShaped(i.value.type)) &&
      combinerOf(s) !== undefined
    );
  }
}

/** The ops between a product and the scores that it is made of, for one operand of it; undefined where there are none. */
export function attentionBefore(
  s: Structure,
  operand: Structure["operands"][number],
): readonly Operation[] | undefined {
  const found = attentionOf(s);
  return found?.values.left === operand ? found.between : undefined;
}

export interface AttentionSchedule {
  readonly root: RootSchedule;
  /** Of the scores, the sums over rows, and the results. */
  readonly sums: readonly ReductionSchedule[];
}

/** How workgroups share out the rows of an attention. */
export function attentionForWorkgroups(a: Attention, lanes: number, grid: Grid): AttentionSchedule {
  const { shape } = a.values.structure.outputs[0]!;
  const rank = shape.length;
  const batch = a.values.batch.reduce((n, d) => n * shape[d]!, 1);
  const threadsOf = (r: number): number => Math.min(grid.share, mostThreads, r * team);
  const fits = rowChoices.filter((r) => r <= a.rows && r * a.columns + a.sums.length * threadsOf(r) <= sharedWords);
  const rows = fits.find((r) => batch * Math.ceil(a.rows / r) >= grid.groups) ?? fits.at(-1)!;
  const wide = lanes > 1 && shape[rank - 1]! % 4 === 0;
  const inFours = lanes > 1 && a.columns % 4 === 0;
  const along = (s: Structure, loop: number, isAlong: boolean): ReductionSchedule =>
    isAlong ? { ...plainLoops(s), vector: loop, lanes: 4 } : plainLoops(s);
  const { structure, left, right, sums } = a.scores;
  const inner = sums[0]!;
  const lie = (loop: number, ...of: readonly Product["left"][]): boolean =>
    of.every((o) => memoryStepAlong(structure, o.index, loop) === 1);
  const alongSum = lanes > 1 && structure.loops[inner]!.extent % 4 === 0 && lie(inner, left, right);
  const alongColumns = !alongSum && inFours && lie(loopOfDim(structure, rank - 1), right);
  return {
    root: {
      order: plainOrder(rank),
      tile: new Array<number>(rank).fill(1),
      block: new Array<number>(rank).fill(0),
      vector: wide ? rank - 1 : -1,
      lanes: wide ? 4 : 1,
      workgroup: threadsOf(rows),
      attention: [rows, inFours ? 4 : 1, alongColumns ? 4 : 1],
    },
    sums: [
      along(structure, inner, alongSum),
      ...a.sums.map((s) => along(s, rank - 1, inFours)),
      plainLoops(a.values.structure),
    ],
  };
}
