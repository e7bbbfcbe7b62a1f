/** @file Places: where a tensor lies in a buffer, with everything known at compile time but the turn of a loop. */
import * as arith from "../../dialects/arith/ops.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { dynamic, isDynamic, type MemRefType, memref as memrefType, stridedLayout, type Type } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";

/** Part of a buffer. Offset and strides count elements of the base. */
export interface Place {
  /** An allocation, an argument or a constant: a memref with identity layout. */
  readonly base: Value;
  readonly offset: number;
  /** What is added to the offset at run time: an index. */
  readonly shift?: Value | undefined;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** The memref that stands for a tensor; any other type stays. */
export const bufferType = (t: Type): Type => (t.kind === "tensor" ? memrefType(t.shape, t.element) : t);

/** All of a buffer. */
export const placeOf = (base: Value, shape: readonly number[]): Place => ({
  base,
  offset: 0,
  shape,
  strides: rowMajor(shape),
});

export const isRowMajor = (p: Place): boolean => {
  const plain = rowMajor(p.shape);
  return p.shape.every((d, i) => d === 1 || p.strides[i] === plain[i]);
};

/**
 * The same elements, in the same order, in another shape; undefined if no strides say so. Dimensions that follow each other in
 * memory without room between them may be cut in another way, others stay as they are.
 */
export function viewOf(p: Place, shape: readonly number[]): Place | undefined {
  if (isRowMajor(p)) return { ...p, shape, strides: rowMajor(shape) };
  const strides = new Array<number>(shape.length).fill(1);
  let to = shape.length - 1;
  for (let from = p.shape.length - 1; from >= 0; from--) {
    if (p.shape[from] === 1) continue;
    const step = p.strides[from]!;
    let whole = p.shape[from]!;
    while (from > 0 && (p.shape[from - 1] === 1 || p.strides[from - 1] === step * whole)) whole *= p.shape[--from]!;
    let covered = 1;
    for (; to >= 0 && covered < whole; to--) {
      strides[to] = step * covered;
      covered *= shape[to]!;
    }
    if (covered !== whole) return undefined;
  }
  return { ...p, shape, strides };
}

/** Both are the same elements of a buffer. */
export const samePlace = (a: Place, b: Place): boolean =>
  a.base === b.base &&
  a.offset === b.offset &&
  a.shift === b.shift &&
  a.strides.length === b.strides.length &&
  a.strides.every((d, i) => d === b.strides[i]);

/** A slice; offsets that are dynamic count as 0 (see `shifted`). */
export const sliced = (
  p: Place,
  s: { readonly offsets: readonly number[]; readonly sizes: readonly number[]; readonly strides: readonly number[] },
): Place => ({
  base: p.base,
  offset: s.offsets.reduce((sum, o, i) => sum + (isDynamic(o) ? 0 : o * p.strides[i]!), p.offset),
  shift: p.shift,
  shape: s.sizes,
  strides: p.strides.map((x, i) => x * s.strides[i]!),
});

/** A place moved along some of its dimensions by amounts known at run time. */
export function shifted(b: Builder, p: Place, by: readonly (readonly [axis: number, amount: Value])[]): Place {
  let { shift } = p;
  for (const [axis, amount] of by) {
    const elements = arith.muli(b, amount, arith.constantIndex(b, p.strides[axis]!));
    shift = shift ? arith.addi(b, shift, elements) : elements;
  }
  return { ...p, shift };
}

/** The type under which kernels take a place: strides known, offset left open so that one kernel serves all offsets. */
export const argumentType = (p: Place): MemRefType =>
  memrefType(p.shape, (p.base.type as MemRefType).element, stridedLayout(p.strides, dynamic));

/** The place as a value of `argumentType`. */
export function layoutOf(b: Builder, p: Place): Value {
  const { element } = p.base.type as MemRefType;
  if (p.shift) {
    const offset = p.offset === 0 ? p.shift : arith.addi(b, p.shift, arith.constantIndex(b, p.offset));
    return memref.reinterpret_cast(b, p.base, [offset], [], [], {
      static_offsets: [dynamic],
      static_sizes: p.shape,
      static_strides: p.strides,
      types: [argumentType(p)],
    });
  }
  const exact = memref.reinterpret_cast(b, p.base, [], [], [], {
    static_offsets: [p.offset],
    static_sizes: p.shape,
    static_strides: p.strides,
    types: [memrefType(p.shape, element, stridedLayout(p.strides, p.offset))],
  });
  return memref.cast(b, exact, { types: [argumentType(p)] });
}
