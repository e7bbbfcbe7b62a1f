/**
 * @file Memrefs at run time. A memref is an NDArray that views shared data; a memref of vectors has the dimensions of the
 * vector behind its own, contiguous. Uninitialized memory is zero.
 */
import { evaluateExpr } from "../../ir/affine.ts";
import { dtypeOf } from "../../ir/datum.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { typeText } from "../../ir/spell.ts";
import { hasIdentityLayout, type Strided } from "../../ir/strided.ts";
import { isDynamic, type MemRefType, type Type } from "../../ir/types.ts";
import { allocate, type DType, NDArray, rowMajor, sizeOf } from "../../support/ndarray.ts";
import { checkIndices } from "../shaped.ts";

/** The dimensions that one element takes in an array: those of a vector, none for a scalar. */
export const elementShape = (t: Type): readonly number[] => (t.kind === "vector" ? t.shape : []);

/** The array element type for elements (scalars or vectors of them) of a type; a fault where there is none. */
export function elementDType(t: Type, run: Evaluator): DType {
  const dtype = dtypeOf(t.kind === "vector" ? t.element : t);
  return dtype ?? run.fail(`elements of type ${typeText(t)} cannot be interpreted`);
}

/** Fresh memory for a memref type with all sizes known. `symbols` are the values of the layout's symbols. */
export function allocateMemref(
  t: MemRefType,
  sizes: readonly number[],
  symbols: readonly number[],
  run: Evaluator,
): NDArray {
  const negative = sizes.find((n) => n < 0);
  if (negative !== undefined) run.fail(`cannot allocate a memref with a dimension of ${negative}`);
  const dtype = elementDType(t.element, run);
  const inner = elementShape(t.element);
  if (hasIdentityLayout(t)) return NDArray.zeros(dtype, [...sizes, ...inner]);
  const layout = layoutAt(t, sizes.length, symbols) ?? run.fail(`the layout of ${typeText(t)} is not strided`);
  const unit = sizeOf(inner);
  const span = sizes.includes(0)
    ? 0
    : layout.strides.reduce((n, s, i) => n + Math.max(0, (sizes[i]! - 1) * s), layout.offset) + 1;
  return new NDArray(
    dtype,
    [...sizes, ...inner],
    allocate(dtype, span * unit),
    [...layout.strides.map((s) => s * unit), ...rowMajor(inner)],
    layout.offset * unit,
  );
}

/** Strides and offset of a type's layout once its symbols are known; undefined if it is not linear. */
function layoutAt(t: MemRefType, rank: number, symbols: readonly number[]): Strided | undefined {
  const { layout } = t;
  if (layout?.kind === "strided") {
    let next = 0;
    const known = (n: number): number => (isDynamic(n) ? symbols[next++]! : n);
    const offset = known(layout.offset);
    return { strides: layout.strides.map(known), offset };
  }
  if (layout?.kind !== "map" || layout.map.results.length !== 1) return undefined;
  const e = layout.map.results[0]!;
  const zero = new Array<number>(rank).fill(0);
  const at = (point: readonly number[]): number => evaluateExpr(e, point, symbols);
  const offset = at(zero);
  const strides = zero.map((_, d) => at(zero.map((_, i) => (i === d ? 1 : 0))) - offset);
  // A map that is not linear gives itself away at another point.
  const probe = zero.map((_, d) => 3 + 2 * d);
  return at(probe) === strides.reduce((n, s, d) => n + s * probe[d]!, offset) ? { strides, offset } : undefined;
}

/** How many symbols a layout has: the values that an allocation must be given for it. */
export function layoutSymbols(t: MemRefType): number {
  const { layout } = t;
  if (layout?.kind === "map") return layout.map.numSymbols;
  if (layout?.kind !== "strided") return 0;
  return [layout.offset, ...layout.strides].filter(isDynamic).length;
}

/** The element at some indices: a number, or an array of its own for a vector. */
export function loadElement(a: NDArray, indices: readonly number[], run: Evaluator): Num | NDArray {
  checkIndices(a, indices, run);
  if (a.rank === indices.length) return a.get(indices);
  return elementAt(a, indices).copy();
}

export function storeElement(a: NDArray, indices: readonly number[], value: unknown, run: Evaluator): void {
  checkIndices(a, indices, run);
  if (a.rank === indices.length) a.set(indices, value as Num);
  else elementAt(a, indices).assign(value as NDArray);
}

const elementAt = (a: NDArray, indices: readonly number[]): NDArray =>
  new NDArray(
    a.dtype,
    a.shape.slice(indices.length),
    a.data,
    a.strides.slice(indices.length),
    a.position([...indices, ...a.shape.slice(indices.length).map(() => 0)]),
  );
