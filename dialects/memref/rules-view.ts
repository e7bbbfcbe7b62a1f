/** @file Rules of views: casts that say less go, slices of slices are one, sizes are those they were made with. */
import type { Value } from "../../ir/core.ts";
import type { OpInfo, RuleLike, ViewOf } from "../../ir/define.ts";
import { droppedOfMemref, sliceOfMemref, stridedMemref, stridedOf } from "../../ir/strided.ts";
import { hasStaticShape, isDynamic, type MemRefType, memref as memrefType } from "../../ir/types.ts";
import { indexConstant, knownNumber } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { type Rule, rule } from "../../rewrite/rule.ts";
import { mixed, mixedSlice, staticSlice } from "../shaped.ts";
import {
  composeSlices,
  foldList,
  foldSlice,
  isWhole,
  type Mixed,
  type MixedSlice,
  sliceParts,
} from "../slice-rules.ts";
import { atomic_rmw, load, prefetch, store } from "./access.ts";
import { alloc, alloca, dealloc } from "./allocate.ts";
import { areCastCompatible, cast, dim, rank } from "./cast.ts";
import { collapse_shape, expand_shape, reshape } from "./reshape.ts";
import { extract_strided_metadata, reinterpret_cast, subview, viewOp } from "./view.ts";

// --- casts --------------------------------------------------------------------------------------------------------

/** The source of a cast that says nothing that the source's type does not say too. */
export function beforeCast(value: Value): Value<MemRefType> | undefined {
  const found = cast.match(value);
  if (!found) return undefined;
  const [from, to] = [found.source.type, found.dest.type];
  return saysNoMore(from, to) ? found.source : undefined;
}

function saysNoMore(from: MemRefType, to: MemRefType): boolean {
  if (!from.ranked || !to.ranked || from.shape.length !== to.shape.length) return false;
  const [a, b] = [stridedOf(from), stridedOf(to)];
  if (!a || !b) return false;
  const less = (x: number, y: number): boolean => !isDynamic(x) || isDynamic(y);
  return (
    from.shape.every((d, i) => less(d, to.shape[i]!)) &&
    a.strides.every((s, i) => less(s, b.strides[i]!)) &&
    less(a.offset, b.offset)
  );
}

/** An op that takes any memref of the element type may take what was cast. */
export function castsInto(root: OpInfo): Rule {
  return {
    root,
    doc: "operands that were cast to a type that says less",
    apply(op, rw) {
      let changed = false;
      for (let i = 0; i < op.uses.length; i++) {
        const from = beforeCast(op.operand(i));
        if (!from) continue;
        rw.setOperand(op, i, from);
        changed = true;
      }
      return changed;
    },
  };
}

const consumers: readonly OpInfo[] = [load, atomic_rmw, prefetch, dealloc, dim, rank, reinterpret_cast];

const casts: readonly RuleLike[] = [
  ...consumers.map(castsInto),
  rule(store, "a store through a cast", ({ op, memref }, rw) => {
    const from = beforeCast(memref);
    if (from) rw.setOperand(op, 1, from);
    return from !== undefined;
  }),
  rule(cast, "a cast to the same type", ({ source, dest }) => (source.type === dest.type ? source : undefined)),
  rule(cast, "a cast of a cast", ({ source, dest }, rw) => {
    const inner = cast.match(source)?.source;
    if (!inner) return undefined;
    if (inner.type === dest.type) return inner;
    const loses = saysNoMore(inner.type, source.type) || (!source.type.ranked && inner.type.ranked);
    return loses && areCastCompatible(inner.type, dest.type) && cast(rw, inner, { types: [dest.type] });
  }),
  rule(reinterpret_cast, "memory that has been reinterpreted already", ({ op, source }, rw) => {
    const from = cast.match(source)?.source ?? reinterpret_cast.match(source)?.source;
    if (from) rw.setOperand(op, 0, from);
    return from !== undefined;
  }),
];

// --- sizes --------------------------------------------------------------------------------------------------------

/** The `n`th size, where only the dynamic ones are operands. */
const dynamicSize = (type: MemRefType, sizes: readonly Value[], n: number): Mixed | undefined =>
  mixed(type.shape, sizes)[n];

/** The size of one dimension, as far as the op that made the memref tells. */
function sizeOf(memory: Value<MemRefType>, n: number): Mixed | undefined {
  const { type } = memory;
  if (type.ranked && !isDynamic(type.shape[n]!)) return type.shape[n];
  const made = alloc.match(memory) ?? alloca.match(memory);
  if (made) return dynamicSize(type, made.dynamicSizes, n);
  const seen = viewOp.match(memory);
  if (seen) return dynamicSize(type, seen.sizes, n);
  const cut = subview.match(memory);
  if (cut) return keptSizes(cut)?.[n];
  const again = reinterpret_cast.match(memory);
  if (again) return mixed(again.static_sizes, again.sizes)[n];
  const split = expand_shape.match(memory);
  if (split) return mixed(split.static_output_shape, split.output_shape)[n];
  return undefined;
}

/** The sizes of a slice without those of dimensions that its type drops. */
function keptSizes(view: ViewOf<typeof subview>): readonly Mixed[] | undefined {
  const expected = sliceOfMemref(view.source.type, staticSlice(view));
  const dropped = expected && droppedOfMemref(expected, view.result.type);
  return dropped && mixedSlice(view).sizes.filter((_, i) => !dropped.has(i));
}

const sizes: readonly RuleLike[] = [
  rule(dim, "a size that is known", ({ source, index }, rw) => {
    const n = knownNumber(index);
    if (n === undefined || n < 0 || (source.type.ranked && n >= source.type.shape.length)) return undefined;
    const size = sizeOf(source, n);
    return typeof size === "number" ? indexConstant(rw, size) : size;
  }),
  rule(dim, "the size of a cast", ({ op, source }, rw) => {
    const from = cast.match(source)?.source;
    if (!from?.type.ranked) return undefined;
    rw.setOperand(op, 0, from);
    return true;
  }),
  rule(rank, "a rank that is known", ({ memref }, rw) =>
    memref.type.ranked ? indexConstant(rw, memref.type.shape.length) : undefined,
  ),
  rule(viewOp, "sizes that are known", (view, rw) => {
    const { type } = view.result;
    const folded = foldList(type.shape, view.sizes, (n) => n >= 0);
    if (!folded) return undefined;
    const exact = memrefType(folded.statics, type.element, type.layout, type.memorySpace);
    return cast(rw, viewOp(rw, view.source, view.byte_shift, folded.dynamics, { types: [exact] }), { types: [type] });
  }),
];

// --- slices -------------------------------------------------------------------------------------------------------

/** The slice of a source, seen as a type that an older, less exact slice had. */
function sliced(old: ViewOf<typeof subview>, source: Value<MemRefType>, slice: MixedSlice, rw: Rewriter) {
  const wanted = old.result.type;
  const before = sliceOfMemref(old.source.type, staticSlice(old));
  const dropped = before && droppedOfMemref(before, wanted);
  const { operands, attrs } = sliceParts(slice);
  const whole = sliceOfMemref(source.type, staticSlice(attrs));
  const layout = whole && stridedOf(whole);
  if (!dropped || !whole || !layout) return undefined;
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, i) => !dropped.has(i));
  const type =
    dropped.size === 0
      ? whole
      : stridedMemref(keep(whole.shape), whole, { strides: keep(layout.strides), offset: layout.offset });
  if (type !== wanted && !areCastCompatible(type, wanted)) return undefined;
  const made = subview(rw, source, ...operands, { ...attrs, types: [type] });
  return type === wanted ? made : cast(rw, made, { types: [wanted] });
}

const slices: readonly RuleLike[] = [
  rule(subview, "offsets, sizes and strides that are known", (view, rw) => {
    const slice = foldSlice(view, view.source.type.shape);
    return slice && sliced(view, view.source, slice, rw);
  }),
  rule(subview, "a slice of a cast", (view, rw) => {
    const from = beforeCast(view.source);
    return from && sliced(view, from, mixedSlice(view), rw);
  }),
  rule(subview, "a slice that is the whole", (view, rw) => {
    const { source, result } = view;
    if (!hasStaticShape(source.type) || !isWhole(mixedSlice(view), source.type.shape)) return undefined;
    if (source.type === result.type) return source;
    const sameRank = source.type.shape.length === result.type.shape.length;
    return sameRank && areCastCompatible(source.type, result.type) && cast(rw, source, { types: [result.type] });
  }),
  rule(subview, "a slice of a slice", (view, rw) => {
    const outer = subview.match(view.source);
    if (outer?.source.type.shape.length !== outer?.result.type.shape.length || !outer) return undefined;
    const slice = composeSlices(mixedSlice(outer), mixedSlice(view), outer.source.type.shape);
    return slice && sliced(view, outer.source, slice, rw);
  }),
  rule(reinterpret_cast, "offsets, sizes and strides that are known", (view, rw) => {
    const slice = foldSlice(view);
    if (!slice) return undefined;
    const { operands, attrs } = sliceParts(slice);
    const { type } = view.result;
    const exact = stridedMemref(attrs.static_sizes, type, {
      strides: attrs.static_strides,
      offset: attrs.static_offsets[0]!,
    });
    if (!areCastCompatible(exact, type)) return undefined;
    return cast(rw, reinterpret_cast(rw, view.source, ...operands, { ...attrs, types: [exact] }), { types: [type] });
  }),
];

// --- shapes -------------------------------------------------------------------------------------------------------

const shapes: readonly RuleLike[] = [
  rule(expand_shape, "splits what was merged", ({ src, result }) => {
    const inner = collapse_shape.match(src);
    return inner?.src.type === result.type && hasStaticShape(result.type) ? inner.src : undefined;
  }),
  rule(collapse_shape, "merges what was split", ({ src, result }) => {
    const inner = expand_shape.match(src);
    return inner?.src.type === result.type ? inner.src : undefined;
  }),
  rule(collapse_shape, "merges twice", ({ src, reassociation, result }, rw) => {
    const inner = collapse_shape.match(src);
    if (!inner) return undefined;
    const groups = reassociation.map((g) => g.flatMap((d) => inner.reassociation[d]!));
    return collapse_shape(rw, inner.src, { reassociation: groups, types: [result.type] });
  }),
  rule(collapse_shape, "nothing is merged", ({ src, result }) => (src.type === result.type ? src : undefined)),
  rule(expand_shape, "nothing is split", ({ src, result }) => (src.type === result.type ? src : undefined)),
  rule(reshape, "a reshape of a cast", ({ op, source }, rw) => {
    const from = cast.match(source)?.source;
    if (!from || (from.type.ranked && from.type.layout !== undefined)) return undefined;
    rw.setOperand(op, 0, from);
    return true;
  }),
  rule(extract_strided_metadata, "parts that the type tells", ({ source, offset, sizes: extents, strides }, rw) => {
    const layout = stridedOf(source.type);
    if (!layout) return undefined;
    let changed = false;
    const put = (value: Value, known: number): void => {
      if (isDynamic(known) || !value.hasUses) return;
      rw.replaceUses(value, indexConstant(rw, known));
      changed = true;
    };
    put(offset, layout.offset);
    extents.forEach((v, i) => {
      put(v, source.type.shape[i]!);
    });
    strides.forEach((v, i) => {
      put(v, layout.strides[i]!);
    });
    return changed;
  }),
];

export const viewRules: readonly RuleLike[] = [...casts, ...sizes, ...slices, ...shapes];
