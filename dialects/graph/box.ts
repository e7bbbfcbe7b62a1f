/** @file Boxes: places that constants list one by one, and that are all of a part of a tensor, in order. */
import type { Value } from "../../ir/core.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { constantArray } from "./constant.ts";
import { numbersOf } from "./data.ts";
import { product, type Shape } from "./op.ts";

export interface Box {
  readonly offsets: Shape;
  readonly sizes: Shape;
}

/**
 * The box whose places `tuples` are, row by row: what exporters make of `x[:, 2:4] = y`. `tuples` has a tuple of indices
 * into the first dimensions of `shape` in its last dimension. Undefined where they are not constant, in another order,
 * or outside.
 */
export function boxOf(tuples: Value, shape: Shape, depth: number): Box | undefined {
  const value = constantOf(tuples);
  const array = value && constantArray(value);
  if (!array || depth === 0 || array.size === 0) return undefined;
  const at = numbersOf(array);
  const count = at.length / depth;
  const index = (t: number, d: number): number => {
    const i = at[t * depth + d]!;
    return i < 0 ? i + shape[d]! : i;
  };
  const offsets: number[] = [];
  const sizes: number[] = [];
  for (let d = 0; d < depth; d++) {
    offsets.push(index(0, d));
    sizes.push(index(count - 1, d) - index(0, d) + 1);
  }
  const inside = offsets.every((o, d) => o >= 0 && sizes[d]! > 0 && o + sizes[d]! <= shape[d]!);
  if (!inside || product(sizes) !== count) return undefined;
  for (let t = 0; t < count; t++) {
    for (let d = depth - 1, rest = t; d >= 0; d--) {
      const size = sizes[d]!;
      if (index(t, d) !== offsets[d]! + (rest % size)) return undefined;
      rest = Math.floor(rest / size);
    }
  }
  return { offsets, sizes };
}
