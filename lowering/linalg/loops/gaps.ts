/**
 * @file Vectors of every other element of a row (windows that move by two): shuffled out of two whole vectors, where
 * gathering takes four loads and three insertions. What lies between them is remembered for the neighbour that asks for it.
 */
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, constant } from "../../../ir/affine.ts";
import type { Value } from "../../../ir/core.ts";
import { type MemRefType, vector as vectorType } from "../../../ir/types.ts";
import type { Nest } from "./nest.ts";
import { rangeOf, terms } from "./ranges.ts";

type At = readonly AffineExpr[];

const lanes = 4;

/**
 * @param first where the first element lies; the others follow in the last dimension
 * @param keyOf names elements of the buffer
 */
export function everyOther(nest: Nest, buffer: Value, first: At, keyOf: (at: At) => string): Value {
  const type = buffer.type as MemRefType;
  const { b } = nest;
  const { memo } = nest.top;
  const last = first.length - 1;
  const moved = (by: number): At => first.map((e, d) => (d === last ? add(e, constant(by)) : e));
  const load = (at: At): Value => {
    const key = `whole ${keyOf(at)}`;
    let v = memo.get(key);
    if (!v) {
      const indices = at.map((e) => nest.index(e));
      v = vector.load(b, buffer, indices, { types: [vectorType([lanes], type.element)] });
      memo.set(key, v);
    }
    return v;
  };
  // Two vectors from an even place on have what a window asks for next, too, if the row is long enough for them.
  const odd = ((terms(first[last]!).rest % 2) + 2) % 2;
  const even = moved(-odd);
  const { low, high } = rangeOf(even[last]!, nest.ranges, 1);
  if (low >= 0 && high + 2 * lanes <= type.shape[last]!) {
    const mask = [0, 2, 4, 6].map((i) => i + odd);
    return vector.shuffle(b, load(even), load(moved(lanes - odd)), { mask });
  }
  // From the first of them to the last, and no further.
  return vector.shuffle(b, load(first), load(moved(lanes - 1)), { mask: [0, 2, 5, 7] });
}
