/** @file Rules of tensor types and sizes: casts, dim, empty tensors, static extents. */
import { Region, type Value } from "../../ir/core.ts";
import type { RuleLike } from "../../ir/define.ts";
import { droppedDimensions } from "../../ir/strided.ts";
import { isDynamic, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { indexConstant, knownNumber } from "../../rewrite/matchers.ts";
import { rule } from "../../rewrite/rule.ts";
import { compatibleShapes, mixed } from "../shaped.ts";
import { foldList, type Mixed } from "../slice-rules.ts";
import { bitcast, cast, dim, extract, insert, rank } from "./access.ts";
import { empty, generate, splat } from "./create.ts";
import { collapse_shape, expand_shape, reshape } from "./reshape.ts";
import { extract_slice, insert_slice, pad } from "./slice.ts";

/** The source of a cast whose type says at least as much as what it was cast to. */
export function beforeCast(value: Value): Value<TensorType> | undefined {
  const found = cast.match(value);
  if (!found) return undefined;
  const [from, to] = [found.source.type, found.dest.type];
  if (!from.ranked || !to.ranked || from.encoding !== to.encoding) return undefined;
  return from.shape.every((d, i) => !isDynamic(d) || isDynamic(to.shape[i]!)) ? found.source : undefined;
}

const casts: readonly RuleLike[] = [
  rule(cast, "a cast to the same type", ({ source, dest }) => (source.type === dest.type ? source : undefined)),
  rule(cast, "a cast of a cast", ({ source, dest }, rw) => {
    const inner = cast.match(source)?.source;
    if (!inner) return undefined;
    if (inner.type === dest.type) return inner;
    const loses = beforeCast(source) !== undefined || (inner.type.ranked && !source.type.ranked);
    const fits = !inner.type.ranked || !dest.type.ranked || compatibleShapes(inner.type.shape, dest.type.shape);
    return loses && fits && cast(rw, inner, { types: [dest.type] });
  }),
  rule(bitcast, "a bitcast to the same type", ({ source, dest }) => (source.type === dest.type ? source : undefined)),
  rule(bitcast, "a bitcast of a bitcast", ({ source, dest }, rw) => {
    const inner = bitcast.match(source)?.source;
    return inner && bitcast(rw, inner, { types: [dest.type] });
  }),
  rule(dim, "the size of a cast", ({ op, source }, rw) => {
    const from = cast.match(source)?.source;
    if (!from?.type.ranked) return undefined;
    rw.setOperand(op, 0, from);
    return true;
  }),
  rule(extract, "an element of a cast", ({ op, tensor }, rw) => {
    const from = cast.match(tensor)?.source;
    if (!from?.type.ranked) return undefined;
    rw.setOperand(op, 0, from);
    return true;
  }),
  rule(insert, "an element put into a cast", ({ scalar, dest, indices }, rw) => {
    const from = beforeCast(dest);
    return from && cast(rw, insert(rw, scalar, from, indices), { types: [dest.type] });
  }),
  rule(reshape, "a reshape of a cast", ({ op, source }, rw) => {
    const from = cast.match(source)?.source;
    if (!from) return undefined;
    rw.setOperand(op, 0, from);
    return true;
  }),
  rule(cast, "an empty tensor under a type that says more", ({ source, dest }, rw) => {
    const made = empty.match(source);
    if (!made || !dest.type.ranked || dest.type.encoding !== source.type.encoding) return undefined;
    const sizes = mixed(source.type.shape, made.dynamicSizes);
    const left: Value[] = [];
    const from = dest.type.shape.every((d, i) => {
      const size = sizes[i]!;
      if (isDynamic(d)) {
        if (typeof size === "number") return false;
        left.push(size);
        return true;
      }
      return true;
    });
    return from && empty(rw, left, { types: [dest.type] });
  }),
];

// --- sizes --------------------------------------------------------------------------------------------------------

/** The size of a dimension, as far as the op that made the tensor tells; or another tensor that has the same there. */
function sizeOf(tensor: Value<TensorType>, n: number): Mixed | { readonly sameAs: Value } | undefined {
  const { type } = tensor;
  if (type.ranked && !isDynamic(type.shape[n]!)) return type.shape[n];
  const made =
    empty.match(tensor)?.dynamicSizes ?? generate.match(tensor)?.dynamicExtents ?? splat.match(tensor)?.dynamicSizes;
  if (made) return mixed(type.shape, made)[n];
  const cut = extract_slice.match(tensor);
  if (cut) {
    const dropped = droppedDimensions(cut.static_sizes, type.shape);
    return dropped && mixed(cut.static_sizes, cut.sizes).filter((_, i) => !dropped.has(i))[n];
  }
  const split = expand_shape.match(tensor);
  if (split) return mixed(split.static_output_shape, split.output_shape)[n];
  const into = insert_slice.match(tensor)?.dest ?? insert.match(tensor)?.dest;
  if (into) return { sameAs: into };
  const padded = pad.match(tensor);
  if (padded && padded.static_low[n] === 0 && padded.static_high[n] === 0) return { sameAs: padded.source };
  const merged = collapse_shape.match(tensor);
  const group = merged?.reassociation[n];
  if (merged && group?.length === 1 && group[0] === n && n === 0) return { sameAs: merged.src };
  return undefined;
}

const sizes: readonly RuleLike[] = [
  rule(dim, "a size that is known", ({ op, source, index }, rw) => {
    const n = knownNumber(index);
    if (n === undefined || n < 0 || (source.type.ranked && n >= source.type.shape.length)) return undefined;
    const size = sizeOf(source, n);
    if (typeof size === "number") return indexConstant(rw, size);
    if (size === undefined || !("sameAs" in size)) return size;
    rw.setOperand(op, 0, size.sameAs);
    return true;
  }),
  rule(dim, "the size of a reshaped tensor is in its shape", ({ source, index }, rw) => {
    const from = reshape.match(source);
    if (from?.shape.type.element.kind !== "index") return undefined;
    return extract(rw, from.shape, [index]);
  }),
  rule(rank, "a rank that is known", ({ tensor }, rw) =>
    tensor.type.ranked ? indexConstant(rw, tensor.type.shape.length) : undefined,
  ),
  rule(empty, "sizes that are known", ({ result, dynamicSizes }, rw) => {
    const { type } = result;
    const folded = foldList(type.shape, dynamicSizes, (n) => n >= 0);
    if (!folded) return undefined;
    const exact = tensorType(folded.statics, type.element, type.encoding);
    return cast(rw, empty(rw, folded.dynamics, { types: [exact] }), { types: [type] });
  }),
  rule(splat, "sizes that are known", ({ input, aggregate, dynamicSizes }, rw) => {
    const { type } = aggregate;
    const folded = foldList(type.shape, dynamicSizes, (n) => n >= 0);
    if (!folded) return undefined;
    const exact = tensorType(folded.statics, type.element, type.encoding);
    return cast(rw, splat(rw, input, folded.dynamics, { types: [exact] }), { types: [type] });
  }),
  rule(generate, "sizes that are known", ({ result, dynamicExtents, body }, rw) => {
    const { type } = result;
    const folded = foldList(type.shape, dynamicExtents, (n) => n >= 0);
    if (!folded) return undefined;
    const exact = tensorType(folded.statics, type.element, type.encoding);
    const moved = new Region();
    moved.takeBlocks(body);
    return cast(rw, generate(rw, folded.dynamics, { body: moved, types: [exact] }), { types: [type] });
  }),
];

// --- shapes -------------------------------------------------------------------------------------------------------

const shapes: readonly RuleLike[] = [
  rule(expand_shape, "nothing is split", ({ src, result }) => (src.type === result.type ? src : undefined)),
  rule(collapse_shape, "nothing is merged", ({ src, result }) => (src.type === result.type ? src : undefined)),
  rule(expand_shape, "splits what was merged", ({ src, result }) => {
    const inner = collapse_shape.match(src);
    if (inner?.src.type !== result.type) return undefined;
    // With two open sizes in a group the split need not be the one that was merged.
    const open = inner.reassociation.every((g) => g.filter((d) => isDynamic(result.type.shape[d]!)).length <= 1);
    return open ? inner.src : undefined;
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
  rule(expand_shape, "splits twice", ({ src, reassociation, result, output_shape, static_output_shape }, rw) => {
    const inner = expand_shape.match(src);
    if (!inner) return undefined;
    const groups = inner.reassociation.map((g) => g.flatMap((d) => reassociation[d]!));
    return expand_shape(rw, inner.src, output_shape, {
      reassociation: groups,
      static_output_shape,
      types: [result.type],
    });
  }),
  rule(reshape, "a reshape of a reshape", ({ op, source }, rw) => {
    const inner = reshape.match(source);
    if (!inner) return undefined;
    rw.setOperand(op, 0, inner.source);
    return true;
  }),
  rule(reshape, "a reshape to the same static shape", ({ source, result }) => {
    const same = source.type === result.type && result.type.ranked && !result.type.shape.some(isDynamic);
    return same ? source : undefined;
  }),
];

export const shapeRules: readonly RuleLike[] = [...casts, ...sizes, ...shapes];
