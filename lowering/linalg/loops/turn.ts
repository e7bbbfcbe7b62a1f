/**
 * @file Vectors that lie across what is contiguous in memory (transposes). A square block is loaded as it lies and turned
 * by shuffles: eight of them for sixteen elements, where gathering takes sixteen loads and twelve insertions.
 */
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, constant, substitute } from "../../../ir/affine.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { stridedOf } from "../../../ir/strided.ts";
import { f32, i32, type MemRefType, vector as vectorType } from "../../../ir/types.ts";
import type { Nest } from "./nest.ts";
import { laneStep, rangeOf, terms, usesLane } from "./ranges.ts";

type At = readonly AffineExpr[];

/** Sides of a block. */
const side = 4;

interface Access {
  readonly buffer: Value;
  readonly at: At;
  readonly lanes: number;
}

/**
 * The elements at an index in which the lane stands in another dimension than the contiguous one, by way of the block
 * that they are a line of; the other lines are remembered for those who ask. Undefined where there is no such block:
 * then it would reach beyond the buffer, or nobody would ask for the other lines.
 * @param keyOf names elements of the buffer
 */
export function turnedBlock(nest: Nest, { buffer, at, lanes }: Access, keyOf: (at: At) => string): Value | undefined {
  const type = buffer.type as MemRefType;
  if (lanes !== side || (type.element !== f32 && type.element !== i32)) return undefined;
  const { strides } = stridedOf(type)!;
  const along = at.findIndex((e, d) => strides[d] === 1 && type.shape[d] !== 1 && !usesLane(e));
  if (along < 0 || at.some((e) => usesLane(e) && laneStep(e) === undefined)) return undefined;
  const { parts, rest } = terms(at[along]!);
  if (parts.some(([, factor]) => factor % side !== 0)) return undefined;
  const line = ((rest % side) + side) % side;
  const first = add(at[along]!, constant(-line));
  const range = rangeOf(first, nest.ranges, lanes);
  if (range.low < 0 || range.high + side > type.shape[along]!) return undefined;
  const put = (e: AffineExpr): At => at.map((x, d) => (d === along ? e : x));
  const lineKey = (l: number): string => `turned ${keyOf(put(add(first, constant(l))))}`;
  const { memo } = nest.top;
  const known = memo.get(lineKey(line));
  if (known) return known;
  const { b } = nest;
  const rows = Array.from({ length: side }, (_, l) =>
    vector.load(
      b,
      buffer,
      put(first).map((e) => nest.index(nest.resolve(substitute(e, [], [constant(l)]), 1))),
      { types: [vectorType([side], type.element)] },
    ),
  );
  turned(b, rows as [Value, Value, Value, Value]).forEach((v, l) => memo.set(lineKey(l), v));
  return memo.get(lineKey(line));
}

/** The columns of four rows. */
function turned(b: Builder, [p, q, r, s]: readonly [Value, Value, Value, Value]): readonly Value[] {
  const pick = (x: Value, y: Value, mask: readonly number[]): Value => vector.shuffle(b, x, y, { mask });
  const [low, high] = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
  ] as const;
  const [a, c] = [pick(p, q, low), pick(r, s, low)];
  const [d, e] = [pick(p, q, high), pick(r, s, high)];
  const [begin, end] = [
    [0, 1, 4, 5],
    [2, 3, 6, 7],
  ] as const;
  return [pick(a, c, begin), pick(a, c, end), pick(d, e, begin), pick(d, e, end)];
}
