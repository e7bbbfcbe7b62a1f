/**
 * @file What the dialects of memrefs, tensors and vectors share: slices with mixed static and dynamic offsets, sizes and
 * strides, reassociations of dimensions, cast compatibility, and the run-time side of both.
 */
import type { Operation, Value } from "../ir/core.ts";
import type { Evaluator } from "../ir/evaluate.ts";
import { typeText } from "../ir/spell.ts";
import { collapsedShape, countOf, droppedDimensions, type Reassociation, type StaticSlice } from "../ir/strided.ts";
import { type Fail, type Trait, typesOfField } from "../ir/traits.ts";
import { dynamic, elementOf, isDynamic, type MemRefType, type ShapedType, sameAttribute } from "../ir/types.ts";
import { NDArray } from "../support/ndarray.ts";

/** A message that stands alone, as MLIR's `emitError` prints it. */
export const plain = { plain: true } as const;

// --- lists of static and dynamic numbers --------------------------------------------------------------------------

/** How many entries of a static list are given at run time. */
export const dynamicCount = (statics: readonly number[]): number =>
  statics.reduce((n, s) => n + (isDynamic(s) ? 1 : 0), 0);

/** Fills the dynamic places of a static list from run-time (or any other) values. */
export function mixed<T>(statics: readonly number[], dynamics: readonly T[]): (number | T)[] {
  let next = 0;
  return statics.map((s) => (isDynamic(s) ? (dynamics[next++] as T) : s));
}

/** A mixed list taken apart: what the attribute holds, and the operands. */
export function unmixed(list: readonly (Value | number)[]): { statics: number[]; dynamics: Value[] } {
  const dynamics: Value[] = [];
  const statics = list.map((x) => {
    if (typeof x === "number") return x;
    dynamics.push(x);
    return dynamic;
  });
  return { statics, dynamics };
}

/** A shape with its dynamic dimensions filled in, in order. */
export const sizesOf = (shape: readonly number[], dynamics: readonly number[]): number[] => mixed(shape, dynamics);

/** The views of ops with offsets, sizes and strides. */
export interface SliceView {
  readonly op: Operation;
  readonly offsets: readonly Value[];
  readonly sizes: readonly Value[];
  readonly strides: readonly Value[];
  readonly static_offsets: readonly number[];
  readonly static_sizes: readonly number[];
  readonly static_strides: readonly number[];
}

export const staticSlice = (s: Omit<SliceView, "op" | "offsets" | "sizes" | "strides">): StaticSlice => ({
  offsets: s.static_offsets,
  sizes: s.static_sizes,
  strides: s.static_strides,
});

/** The mixed offsets, sizes and strides of a slice op. */
export const mixedSlice = (
  s: Omit<SliceView, "op">,
): Record<"offsets" | "sizes" | "strides", readonly (Value | number)[]> => ({
  offsets: mixed(s.static_offsets, s.offsets),
  sizes: mixed(s.static_sizes, s.sizes),
  strides: mixed(s.static_strides, s.strides),
});

/** One offset, size and stride per dimension, none negative; answers whether the lists are sound. */
export function verifySlice(s: SliceView, rank: number, fail: Fail, offsetRank = rank): boolean {
  const sizes = s.static_sizes.length;
  const lists: readonly (readonly [string, number, readonly number[], readonly Value[]])[] = [
    ["offset", offsetRank, s.static_offsets, s.offsets],
    ["size", rank, s.static_sizes, s.sizes],
    ["stride", rank, s.static_strides, s.strides],
  ];
  const found = (): string | undefined => {
    if (!(offsetRank === 1 && s.static_offsets.length === 1) && s.static_offsets.length !== sizes) {
      return `expected mixed offsets rank to match mixed sizes rank (${s.static_offsets.length} vs ${sizes}) so the rank of the result type is well-formed.`;
    }
    if (sizes !== s.static_strides.length) {
      return `expected mixed sizes rank to match mixed strides rank (${sizes} vs ${s.static_strides.length}) so the rank of the result type is well-formed.`;
    }
    for (const [name, count, statics, dynamics] of lists) {
      if (statics.length !== count) return `expected ${count} ${name} values, got ${statics.length}`;
      const wanted = dynamicCount(statics);
      if (dynamics.length !== wanted) return `expected ${wanted} dynamic ${name} values`;
    }
    for (const [name, , statics] of lists.slice(0, 2)) {
      const negative = statics.find((n) => n < 0 && !isDynamic(n));
      if (negative !== undefined) return `expected ${name}s to be non-negative, but got ${negative}`;
    }
    return undefined;
  };
  const message = found();
  if (message !== undefined) fail(message, plain);
  return message === undefined;
}

/** Why a memref type cannot stand for a slice that would have the expected type; undefined if it can, as far as sizes go. */
export function sliceMismatch(expected: MemRefType, given: MemRefType): string | undefined {
  if (expected === given) return undefined;
  if (given.shape.length > expected.shape.length) {
    return "expected result rank to be smaller or equal to the source rank. ";
  }
  if (!droppedDimensions(expected.shape, given.shape)) {
    return `expected result type to be ${quoted(expected)} or a rank-reduced version. (mismatch of result sizes) `;
  }
  return expected.element === given.element
    ? undefined
    : `expected result element type to be ${quoted(expected.element)}`;
}

/** The slice of an array that a view shows, checked against the array's bounds; `dropped` dimensions are left out. */
export function sliceArray(
  array: NDArray,
  offsets: readonly number[],
  sizes: readonly number[],
  strides: readonly number[],
  dropped: ReadonlySet<number>,
  run: Evaluator,
): NDArray {
  sizes.forEach((size, d) => {
    const first = offsets[d]!;
    const last = first + (size - 1) * strides[d]!;
    const extent = array.shape[d]!;
    const inside = size >= 0 && first >= 0 && first <= extent && (size === 0 || (last >= 0 && last < extent));
    if (!inside) {
      run.fail(
        `slice is out of bounds in dimension ${d}: offset ${first}, size ${size}, stride ${strides[d]} of ${extent}`,
      );
    }
  });
  // A memref of vectors has the vector's dimensions behind its own.
  const rest = array.shape.slice(sizes.length);
  const fill = <T>(list: readonly T[], value: (d: number) => T): T[] => [...list, ...rest.map((_, i) => value(i))];
  const view = array.view(
    fill(offsets, () => 0),
    fill(sizes, (i) => rest[i]!),
    fill(strides, () => 1),
  );
  return dropped.size === 0 ? view : dropDimensions(view, dropped);
}

/** The array without some dimensions of size one. */
export const dropDimensions = (a: NDArray, dropped: ReadonlySet<number>): NDArray =>
  new NDArray(
    a.dtype,
    a.shape.filter((_, d) => !dropped.has(d)),
    a.data,
    a.strides.filter((_, d) => !dropped.has(d)),
    a.offset,
  );

// --- reassociation ------------------------------------------------------------------------------------------------

/** Checks a reassociation between shapes as the tensor dialect words it; answers whether it is sound. */
export function verifyTensorReassociation(
  expanded: ShapedType,
  collapsed: ShapedType,
  groups: Reassociation,
  fail: Fail,
): boolean {
  const rank = expanded.shape.length;
  const short = collapsed.shape.length;
  const found = (): string | undefined => {
    if (rank < short) {
      return `expected the expanded type, ${quoted(expanded)} to have a higher (or same) rank than the collapsed type, ${quoted(collapsed)}.`;
    }
    if (short === 0) {
      return expanded.shape.every((d) => d === 1)
        ? undefined
        : "invalid to reshape tensor/memref with non-unit extent dimensions to zero-rank tensor/memref";
    }
    if (short !== groups.length) {
      return `expected collapsed rank (${short}) to equal the number of reassociation maps (${groups.length}).`;
    }
    const named = Math.max(-1, ...groups.flat()) + 1;
    if (named !== rank) {
      return `expected reassociation map #0 to have size equal to the expanded rank (${rank}), but it is  ${named}.`;
    }
    let next = 0;
    for (const [i, group] of groups.entries()) {
      for (const d of group) {
        if (d !== next++) return `expected reassociation map #${i} to be valid and contiguous.`;
      }
    }
    for (const [i, group] of groups.entries()) {
      const count = countOf(group.map((d) => expanded.shape[d]!));
      const given = collapsed.shape[i]!;
      if (isDynamic(count) && !isDynamic(given)) {
        return `expected dimension ${i} of collapsed type to be dynamic since one or more of the corresponding dimensions in the expanded type is dynamic`;
      }
      if (!isDynamic(count) && given !== count) {
        return `expected dimension ${i} of collapsed type to be static value of ${count}`;
      }
    }
    return undefined;
  };
  const message = found();
  if (message !== undefined) fail(message);
  return message === undefined;
}

/** Checks a reassociation between shapes as the memref dialect words it; answers whether it is sound. */
export function verifyMemrefReassociation(
  expanded: readonly number[],
  collapsed: readonly number[],
  groups: Reassociation,
  fail: Fail,
): boolean {
  const found = (): string | undefined => {
    if (collapsed.length !== groups.length) {
      return `invalid number of reassociation groups: found ${groups.length}, expected ${collapsed.length}`;
    }
    let next = 0;
    for (const [i, group] of groups.entries()) {
      for (const d of group) {
        if (d !== next++) return "reassociation indices must be contiguous";
        if (d >= expanded.length) return `reassociation index ${d} is out of bounds`;
      }
      const count = countOf(group.map((d) => expanded[d]!));
      const given = collapsed[i]!;
      if (isDynamic(count) !== isDynamic(given)) {
        return `collapsed dim (${i}) must be dynamic if and only if reassociation group is dynamic`;
      }
      if (count !== given) return `collapsed dim size (${given}) must equal reassociation group size (${count})`;
    }
    if (collapsed.length === 0) {
      if (expanded.some((d) => d !== 1)) return "rank 0 memrefs can only be extended/collapsed with/from ones";
    } else if (next !== expanded.length) {
      return `expanded rank (${expanded.length}) inconsistent with number of reassociation indices (${next})`;
    }
    return undefined;
  };
  const message = found();
  if (message !== undefined) fail(message);
  return message === undefined;
}

/** The array with groups of dimensions merged, as a view; undefined if a group does not lie evenly in memory. */
export function collapseArray(a: NDArray, groups: Reassociation): NDArray | undefined {
  const strides: number[] = [];
  for (const group of groups) {
    // Dimensions of size one have any stride.
    const long = group.filter((d) => a.shape[d] !== 1);
    for (let i = 1; i < long.length; i++) {
      if (a.strides[long[i - 1]!] !== a.strides[long[i]!]! * a.shape[long[i]!]!) return undefined;
    }
    strides.push(long.length > 0 ? a.strides[long.at(-1)!]! : 1);
  }
  return new NDArray(a.dtype, collapsedShape(a.shape, groups), a.data, strides, a.offset);
}

/** The array with dimensions split into groups of a longer shape, as a view. */
export function expandArray(a: NDArray, shape: readonly number[], groups: Reassociation): NDArray {
  const strides = new Array<number>(shape.length).fill(1);
  groups.forEach((group, n) => {
    let step = a.strides[n]!;
    for (let i = group.length - 1; i >= 0; i--) {
      strides[group[i]!] = step;
      step *= shape[group[i]!]!;
    }
  });
  return new NDArray(a.dtype, shape, a.data, strides, a.offset);
}

// --- types ----------------------------------------------------------------------------------------------------------

export const quoted = (t: Parameters<typeof typeText>[0]): string => `'${typeText(t)}'`;

/** Static dimensions agree wherever both are static. */
export const compatibleShapes = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => isDynamic(d) || isDynamic(b[i]!) || d === b[i]);

/** The memory spaces of two memrefs are the same. */
export const sameSpace = (a: MemRefType, b: MemRefType): boolean =>
  a.memorySpace === b.memorySpace ||
  (a.memorySpace !== undefined && b.memorySpace !== undefined && sameAttribute(a.memorySpace, b.memorySpace));

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Fails unless an array has the static sizes that a type says. */
export function checkShape(a: NDArray, t: ShapedType, run: Evaluator): void {
  const ranked = t.kind === "vector" || t.ranked;
  if (ranked && !compatibleShapes(a.shape.slice(0, t.shape.length), t.shape)) {
    run.fail(`has run-time shape ${a.shape.join("x") || "()"}, which is not ${typeText(t)}`);
  }
}

/** Fails unless the indices lie inside the array. */
export function checkIndices(a: NDArray, indices: readonly number[], run: Evaluator): void {
  indices.forEach((x, d) => {
    if (!(x >= 0 && x < a.shape[d]!)) {
      run.fail(`index ${x} is out of bounds: dimension ${d} has size ${a.shape[d]}`);
    }
  });
}

/** Fields have one element type; the label is what MLIR prints when they do not. */
export const elementsMatch = (label: string, ...fields: readonly string[]): Trait => ({
  name: "ElementTypesMatch",
  verify(op, fail) {
    const types = fields.flatMap((f) => typesOfField(op, f).map(elementOf));
    if (types.some((t) => t !== types[0])) fail(`failed to verify that ${label}`);
  },
});
