/** @file What rules of slices share: known offsets, sizes and strides become static, slices of slices add up. */
import type { Value } from "../ir/core.ts";
import { isDynamic } from "../ir/types.ts";
import { knownNumber } from "../rewrite/matchers.ts";
import { mixed, mixedSlice, type SliceView, unmixed } from "./shaped.ts";

/** A number that is static or given at run time. */
export type Mixed = number | Value;

/** The numbers with those static that are known, and whether that changed anything. `fits` may refuse some of them. */
export function withKnown(
  list: readonly Mixed[],
  fits: (n: number, i: number) => boolean = () => true,
): { readonly list: readonly Mixed[]; readonly changed: boolean } {
  let changed = false;
  const out = list.map((x, i) => {
    const n = typeof x === "number" ? undefined : knownNumber(x);
    if (n === undefined || !fits(n, i)) return x;
    changed = true;
    return n;
  });
  return { list: changed ? out : list, changed };
}

/** Static numbers in the place of operands that are known: the parts of an op with a mixed list. */
export function foldList(
  statics: readonly number[],
  values: readonly Value[],
  fits?: (n: number) => boolean,
): { readonly statics: readonly number[]; readonly dynamics: readonly Value[] } | undefined {
  if (values.length === 0) return undefined;
  const { list, changed } = withKnown(mixed(statics, values), fits);
  return changed ? unmixed(list) : undefined;
}

export interface MixedSlice {
  readonly offsets: readonly Mixed[];
  readonly sizes: readonly Mixed[];
  readonly strides: readonly Mixed[];
}

const notNegative = (n: number): boolean => n >= 0;

/** What is taken begins inside of the shape: stock tools refuse static offsets beyond it. */
const isInside = (n: number, i: number, shape: readonly number[]): boolean =>
  n >= 0 && (shape[i] === undefined || isDynamic(shape[i]) || n < shape[i]);

/**
 * A slice whose known offsets, sizes and strides are static; undefined if there is none that is not already.
 * @param shape what is sliced, where offsets are counted in its dimensions
 */
export function foldSlice(view: Omit<SliceView, "op">, shape: readonly number[] = []): MixedSlice | undefined {
  if (view.offsets.length + view.sizes.length + view.strides.length === 0) return undefined;
  const slice = mixedSlice(view);
  const offsets = withKnown(slice.offsets, (n, i) => isInside(n, i, shape));
  const sizes = withKnown(slice.sizes, notNegative);
  const strides = withKnown(slice.strides);
  if (!offsets.changed && !sizes.changed && !strides.changed) return undefined;
  const folded = { offsets: offsets.list, sizes: sizes.list, strides: strides.list };
  return leaves(folded, shape) ? undefined : folded;
}

/**
 * The slice plainly takes elements that the shape does not have. Such a program has a fault only if it gets there, and
 * MLIR's verifier would refuse the op; so it stays as it was.
 */
function leaves({ offsets, sizes, strides }: MixedSlice, shape: readonly number[]): boolean {
  return shape.some((extent, i) => {
    const [o, n, s] = [offsets[i], sizes[i], strides[i]];
    if (isDynamic(extent) || typeof o !== "number" || typeof n !== "number" || typeof s !== "number") return false;
    return n > 0 && o + (n - 1) * s >= extent;
  });
}

/** Operands and attributes of a slice op. */
export function sliceParts({ offsets, sizes, strides }: MixedSlice) {
  const [o, s, t] = [unmixed(offsets), unmixed(sizes), unmixed(strides)];
  return {
    operands: [o.dynamics, s.dynamics, t.dynamics] as const,
    attrs: { static_offsets: o.statics, static_sizes: s.statics, static_strides: t.statics },
  };
}

/** The slice starts at zero and takes every element of the shape. */
export const isWhole = (slice: MixedSlice, shape: readonly number[]): boolean =>
  slice.offsets.every((o) => o === 0) &&
  slice.strides.every((s) => s === 1) &&
  slice.sizes.every((s, i) => s === shape[i] && !isDynamic(s));

/** A slice of a slice as one of the source, of this shape; undefined where that needs arithmetic at run time. */
export function composeSlices(outer: MixedSlice, inner: MixedSlice, shape: readonly number[]): MixedSlice | undefined {
  const offsets: Mixed[] = [];
  const strides: Mixed[] = [];
  for (let i = 0; i < outer.offsets.length; i++) {
    const [o, s] = [outer.offsets[i]!, outer.strides[i]!];
    const [p, t] = [inner.offsets[i]!, inner.strides[i]!];
    if (s === 1 && o === 0) offsets.push(p);
    else if (p === 0) offsets.push(o);
    else if (typeof o === "number" && typeof s === "number" && typeof p === "number") offsets.push(o + p * s);
    else return undefined;
    if (s === 1) strides.push(t);
    else if (t === 1) strides.push(s);
    else if (typeof s === "number" && typeof t === "number") strides.push(s * t);
    else return undefined;
  }
  if (offsets.some((n, i) => typeof n === "number" && !isInside(n, i, shape))) return undefined;
  const whole = { offsets, sizes: inner.sizes, strides };
  return leaves(whole, shape) ? undefined : whole;
}

export const sameMixed = (a: readonly Mixed[], b: readonly Mixed[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i] || sameKnown(x, b[i]!));

const sameKnown = (a: Mixed, b: Mixed): boolean => {
  const [x, y] = [a, b].map((v) => (typeof v === "number" ? v : knownNumber(v)));
  return x !== undefined && x === y;
};
