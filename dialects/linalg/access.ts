/** @file How loops meet the elements of an operand: positions by step, and columns of elements read and written. */
import type { AffineMap } from "../../ir/affine.ts";
import type { Num } from "../../ir/evaluate.ts";
import { isNarrowFloat, NDArray } from "../../support/ndarray.ts";
import type { Column } from "./program.ts";

/** An operand's data and the positions at which the loops meet it. */
export interface Access {
  readonly array: NDArray;
  readonly map: AffineMap;
  /** Position at the first point, and step per loop; undefined where the map is not linear. */
  readonly linear: { readonly base: number; readonly steps: readonly number[] } | undefined;
}

/** Fills a column with one value. */
export function fillColumn(column: Column, value: Num): void {
  (column as Float64Array).fill(value as number);
}

/** Reads `n` elements from a position on into a column. */
export function load(array: NDArray, column: Column, from: number, step: number, n: number): void {
  const { data } = array;
  if (step === 0) fillColumn(column, array.getData(from));
  else if (isNarrowFloat(array.dtype) || Array.isArray(column)) {
    for (let i = 0; i < n; i++) column[i] = array.getData(from + i * step) as never;
  } else if (step === 1) column.set(data.subarray(from, from + n) as Float64Array);
  else for (let i = 0, at = from; i < n; i++, at += step) column[i] = data[at] as number;
}

/** Writes the first `n` values of a column from a position on. */
export function store(array: NDArray, column: Column, from: number, step: number, n: number): void {
  const { data } = array;
  if (isNarrowFloat(array.dtype)) {
    for (let i = 0; i < n; i++) array.setData(from + i * step, column[i]!);
  } else for (let i = 0, at = from; i < n; i++, at += step) data[at] = column[i] as never;
}

/** The dimensions behind those that the loops address: an element that is a vector; undefined for a number. */
function vectorAt({ array, map }: Access, at: number): NDArray | undefined {
  const rank = map.results.length;
  if (array.rank === rank) return undefined;
  return new NDArray(array.dtype, array.shape.slice(rank), array.data, array.strides.slice(rank), at);
}

export const elementAt = (a: Access, at: number): Num | NDArray => vectorAt(a, at)?.copy() ?? a.array.getData(at);

export function setElement(a: Access, at: number, value: unknown): void {
  if (value instanceof NDArray) vectorAt(a, at)!.assign(value);
  else a.array.setData(at, value as Num);
}
