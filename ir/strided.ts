/**
 * @file Strided layouts of memrefs: strides and offset of a type, the types of views (slices, collapsed and expanded
 * shapes, permutations), and which dimensions a rank-reducing view drops. Sizes, strides and offsets that are known only
 * at run time are `dynamic`, and arithmetic with them gives `dynamic` (but zero times anything is zero).
 */
import {
  type AffineExpr,
  type AffineMap,
  add,
  affineMap,
  constant,
  dim,
  isIdentityMap,
  mul,
  symbol as symbolExpr,
} from "./affine.ts";
import { type Attribute, dynamic, isDynamic, type MemRefType, memref, stridedLayout } from "./types.ts";

/** Where the elements of a memref lie: element (i, j, …) at `offset + i * strides[0] + j * strides[1] + …`. */
export interface Strided {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Sums and products over sizes that may be dynamic. */
export const plus = (a: number, b: number): number => (isDynamic(a) || isDynamic(b) ? dynamic : a + b);
export const times = (a: number, b: number): number =>
  a === 0 || b === 0 ? 0 : isDynamic(a) || isDynamic(b) ? dynamic : a * b;

/** Number of elements; dynamic if some dimension is. */
export const countOf = (shape: readonly number[]): number =>
  shape.reduce((n, d) => (isDynamic(n) || isDynamic(d) ? dynamic : n * d), 1);

/** Strides of the row-major layout. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step = isDynamic(step) || isDynamic(shape[i]!) ? dynamic : step * shape[i]!;
  }
  return strides;
}

/** The layout is none, or as an affine map it is the identity: each index stands for itself. */
export function hasIdentityLayout({ layout }: MemRefType): boolean {
  if (layout === undefined) return true;
  if (layout.kind === "map") return isIdentityMap(layout.map);
  return layout.kind === "strided" && layout.strides.length === 1 && layout.strides[0] === 1 && layout.offset === 0;
}

/** Strides and offset of a ranked memref; undefined if its layout is not strided. */
export function stridedOf(t: MemRefType): Strided | undefined {
  if (!t.ranked) return undefined;
  if (hasIdentityLayout(t)) return { strides: rowMajorStrides(t.shape), offset: 0 };
  const { layout } = t;
  if (layout?.kind === "strided") return layout;
  if (layout?.kind !== "map" || layout.map.results.length !== 1) return undefined;
  // The offset is collected behind the strides.
  const sums = new Array<number>(t.shape.length + 1).fill(0);
  if (!collect(layout.map.results[0]!, 1, sums)) return undefined;
  // Along a dimension without a stride elements would alias: MLIR calls such a map not strided.
  if (sums.slice(0, -1).includes(0)) return undefined;
  return { strides: sums.slice(0, -1), offset: sums.at(-1)! };
}

/** Adds `scale * e` to the factor of each dimension; symbols count as dynamic. */
function collect(e: AffineExpr, scale: number, sums: number[]): boolean {
  const add = (at: number, value: number): true => {
    sums[at] = plus(sums[at]!, value);
    return true;
  };
  switch (e.kind) {
    case "dim":
      return add(e.index, scale);
    case "symbol":
      return add(sums.length - 1, times(scale, dynamic));
    case "constant":
      return add(sums.length - 1, times(scale, e.value));
    case "+":
      return collect(e.lhs, scale, sums) && collect(e.rhs, scale, sums);
    case "*": {
      const factor = scaleOf(e.rhs) ?? scaleOf(e.lhs);
      return factor !== undefined && collect(scaleOf(e.rhs) === undefined ? e.rhs : e.lhs, times(scale, factor), sums);
    }
    default:
      // A quotient or remainder of symbols alone is some number.
      return scaleOf(e) !== undefined && add(sums.length - 1, dynamic);
  }
}

/** The value of an expression without dimensions, dynamic if it has symbols; undefined if it has dimensions. */
function scaleOf(e: AffineExpr): number | undefined {
  switch (e.kind) {
    case "dim":
      return undefined;
    case "constant":
      return e.value;
    case "symbol":
      return dynamic;
    default:
      return scaleOf(e.lhs) === undefined || scaleOf(e.rhs) === undefined ? undefined : dynamic;
  }
}

/** Elements that a strided memref of known sizes covers, from the first to behind the last; at least one. */
export const spanOf = (t: MemRefType): number =>
  (stridedOf(t)?.strides ?? []).reduce((n, s, i) => n + Math.max(0, t.shape[i]! - 1) * Math.abs(s), 1);

export const isStrided = (t: MemRefType): boolean => stridedOf(t) !== undefined;

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/** Equal strides and offsets, however the layouts are written. */
export function sameLayout(a: MemRefType, b: MemRefType): boolean {
  const x = stridedOf(a);
  const y = stridedOf(b);
  return x !== undefined && y !== undefined && x.offset === y.offset && sameNumbers(x.strides, y.strides);
}

/** The affine map of a strided layout: symbols stand for what is dynamic, the offset first. */
export function linearMap({ strides, offset }: Strided): AffineMap {
  let symbols = 0;
  const known = (n: number): AffineExpr => (isDynamic(n) ? symbolExpr(symbols++) : constant(n));
  let sum = known(offset);
  strides.forEach((s, i) => {
    sum = add(sum, mul(dim(i), known(s)));
  });
  return affineMap(strides.length, symbols, [sum]);
}

/** A memref with a `strided<…>` layout, written even where it is the identity. */
export const stridedMemref = (
  shape: readonly number[],
  of: MemRefType,
  { strides, offset }: Strided,
  space: Attribute | undefined = of.memorySpace,
): MemRefType => memref(shape, of.element, stridedLayout(strides, offset), space);

// --- slices -----------------------------------------------------------------------------------------------------

/** Static offsets, sizes and steps of a slice, one of each per dimension of the source; dynamic where not known. */
export interface StaticSlice {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** The type of the view of a slice, before dimensions are dropped; undefined if the source is not strided. */
export function sliceOfMemref(source: MemRefType, slice: StaticSlice): MemRefType | undefined {
  const layout = stridedOf(source);
  if (!layout) return undefined;
  let offset = layout.offset;
  layout.strides.forEach((s, i) => {
    offset = plus(offset, times(slice.offsets[i] ?? 0, s));
  });
  const strides = layout.strides.map((s, i) => times(s, slice.strides[i] ?? 1));
  return stridedMemref(slice.sizes, source, { strides, offset });
}

/** The dimensions of size one that `to` lacks; undefined if `to` is no such reduction of `from`. Dynamic matches dynamic. */
export function droppedDimensions(from: readonly number[], to: readonly number[]): Set<number> | undefined {
  const dropped = new Set<number>();
  let at = 0;
  from.forEach((d, i) => {
    if (at < to.length && to[at] === d) at++;
    else if (d === 1) dropped.add(i);
    else at = Number.NaN;
  });
  return at === to.length ? dropped : undefined;
}

/**
 * As `droppedDimensions` for memrefs: where only some of the dimensions of size one were dropped, strides tell which.
 * Undefined if the layouts do not allow it.
 */
export function droppedOfMemref(from: MemRefType, to: MemRefType): Set<number> | undefined {
  const excess = from.shape.length - to.shape.length;
  if (excess <= 0) return new Set();
  const ones = from.shape.flatMap((d, i) => (d === 1 ? [i] : []));
  if (ones.length === excess) return new Set(ones);
  const a = stridedOf(from);
  const b = stridedOf(to);
  if (!a || !b) return undefined;
  const occurrences = (strides: readonly number[]): Map<number, number> => {
    const n = new Map<number, number>();
    for (const s of strides) n.set(s, (n.get(s) ?? 0) + 1);
    return n;
  };
  const has = occurrences(a.strides);
  const wants = occurrences(b.strides);
  const dropped = new Set<number>();
  for (const i of ones) {
    const s = a.strides[i]!;
    if (has.get(s)! > (wants.get(s) ?? 0)) {
      has.set(s, has.get(s)! - 1);
      dropped.add(i);
    }
  }
  return dropped.size === excess ? dropped : undefined;
}

// --- reassociation ------------------------------------------------------------------------------------------------

/** Which dimensions of the longer shape make up each dimension of the shorter one: `[[0, 1], [2]]`. */
export type Reassociation = readonly (readonly number[])[];

export const collapsedShape = (shape: readonly number[], groups: Reassociation): number[] =>
  groups.map((g) => countOf(g.map((d) => shape[d]!)));

/** The type of a memref with groups of dimensions merged; undefined if a group is known not to be contiguous. */
export function collapsedMemref(source: MemRefType, groups: Reassociation): MemRefType | undefined {
  const { shape } = source;
  const merged = collapsedShape(shape, groups);
  if (hasIdentityLayout(source)) return memref(merged, source.element, undefined, source.memorySpace);
  const layout = stridedOf(source);
  if (!layout) return undefined;
  const strides: number[] = [];
  for (const group of groups) {
    // The stride of a merged dimension is that of its innermost part; the strides of ones say nothing, and what is
    // dynamic may turn out to be one.
    let inner = group.length - 1;
    while (inner > 0 && shape[group[inner]!] === 1) inner--;
    const dim = group[inner]!;
    const result = isDynamic(shape[dim]!) && inner > 0 ? dynamic : layout.strides[dim]!;
    strides.push(result);
    let expected = result;
    for (let i = group.length - 1; i > 0; i--) {
      expected = times(expected, shape[group[i]!]!);
      const outer = group[i - 1]!;
      if (shape[outer] === 1) continue;
      const actual = layout.strides[outer]!;
      // Whether dynamic strides fit shows at run time; a static one must not contradict.
      if (!isDynamic(expected) && !isDynamic(actual) && actual !== expected) return undefined;
    }
  }
  return stridedMemref(merged, source, { strides, offset: layout.offset });
}

/** The type of a memref with dimensions split up; undefined if the source is not strided. */
export function expandedMemref(
  source: MemRefType,
  shape: readonly number[],
  groups: Reassociation,
): MemRefType | undefined {
  if (hasIdentityLayout(source)) return memref(shape, source.element, undefined, source.memorySpace);
  const layout = stridedOf(source);
  if (!layout) return undefined;
  const strides = new Array<number>(shape.length).fill(1);
  groups.forEach((group, n) => {
    let step = layout.strides[n]!;
    for (let i = group.length - 1; i >= 0; i--) {
      strides[group[i]!] = step;
      step = times(step, shape[group[i]!]!);
    }
  });
  return stridedMemref(shape, source, { strides, offset: layout.offset });
}
