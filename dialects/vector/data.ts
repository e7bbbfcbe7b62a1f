/** @file Vectors at run time: immutable arrays. */
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import type { ShapedType, VectorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { elementDType } from "../memref/memory.ts";

/** An array of zeros for a vector (or tensor) type of static shape. */
export const zerosOf = (t: ShapedType, run: Evaluator, shape = t.shape): NDArray =>
  NDArray.zeros(elementDType(t.element, run), shape);

/** A vector of elements in row-major order. */
export const arrayOfVector = (t: VectorType, values: Iterable<Num>, run: Evaluator): NDArray =>
  NDArray.from(elementDType(t.element, run), t.shape, values);

/** Calls `visit` with every index of a shape, in row-major order. The index array is reused. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[]) => void): void {
  if (shape.includes(0)) return;
  const index = new Array<number>(shape.length).fill(0);
  for (;;) {
    visit(index);
    let d = shape.length - 1;
    for (; d >= 0; d--) {
      if (++index[d]! < shape[d]!) break;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}
