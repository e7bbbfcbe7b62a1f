/** @file Rules of slices, paddings and single elements of tensors. */
import { Region, type Value } from "../../ir/core.ts";
import type { RuleLike, ViewOf } from "../../ir/define.ts";
import { isEffectFree } from "../../ir/effects.ts";
import { droppedDimensions } from "../../ir/strided.ts";
import { elementCount, hasStaticShape, isDynamic, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { isOutside, knownNumber } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { scalarAttribute, scalarOf } from "../../rewrite/scalars.ts";
import { compatibleShapes, mixedSlice, sameShape } from "../shaped.ts";
import { foldList, foldSlice, isWhole, type MixedSlice, sameMixed, sliceParts } from "../slice-rules.ts";
import { cast, extract, insert } from "./access.ts";
import { from_elements, generate, splat } from "./create.ts";
import { beforeCast } from "./rules-shape.ts";
import { concat, extract_slice, insert_slice, pad, parallel_insert_slice } from "./slice.ts";

/** Under another type, unless it is the same. */
const as = (rw: Rewriter, value: Value, type: TensorType): Value =>
  value.type === type ? value : cast(rw, value, { types: [type] });

/** The type of a slice whose sizes are known better, with the dimensions left out that an older type leaves out. */
function slicedType(old: TensorType, oldSizes: readonly number[], sizes: readonly number[]): TensorType | undefined {
  const dropped = droppedDimensions(oldSizes, old.shape);
  return (
    dropped &&
    tensorType(
      sizes.filter((_, i) => !dropped.has(i)),
      old.element,
      old.encoding,
    )
  );
}

function extracted(old: ViewOf<typeof extract_slice>, source: Value, slice: MixedSlice, rw: Rewriter) {
  const { operands, attrs } = sliceParts(slice);
  const type = slicedType(old.result.type, old.static_sizes, attrs.static_sizes);
  if (!type || !compatibleShapes(type.shape, old.result.type.shape)) return undefined;
  return as(rw, extract_slice(rw, source, ...operands, { ...attrs, types: [type] }), old.result.type);
}

const sameSlice = (a: MixedSlice, b: MixedSlice): boolean =>
  sameMixed(a.offsets, b.offsets) && sameMixed(a.sizes, b.sizes) && sameMixed(a.strides, b.strides);

const extracts: readonly RuleLike[] = [
  rule(extract_slice, "offsets, sizes and strides that are known", (view, rw) => {
    const slice = foldSlice(view, view.source.type.shape);
    return slice && extracted(view, view.source, slice, rw);
  }),
  rule(extract_slice, "a slice of a cast", (view, rw) => {
    const from = beforeCast(view.source);
    return from && extracted(view, from, mixedSlice(view), rw);
  }),
  rule(extract_slice, "a slice that is the whole", (view) => {
    const { source, result } = view;
    return source.type === result.type && isWhole(mixedSlice(view), source.type.shape) ? source : undefined;
  }),
  rule(extract_slice, "a slice that was just inserted", (view) => {
    const into = insert_slice.match(view.source);
    if (into?.source.type !== view.result.type) return undefined;
    return sameSlice(mixedSlice(into), mixedSlice(view)) ? into.source : undefined;
  }),
  rule(extract_slice, "a slice of equal elements", ({ source, result }, rw) => {
    if (!hasStaticShape(result.type)) return undefined;
    const value = splat.match(source);
    if (value) return splat(rw, value.input, [], { types: [result.type] });
    const n = scalarOf(constantOf(source));
    const a = n === undefined ? undefined : scalarAttribute(n, result.type);
    return a && rw.constant(a, result.type);
  }),
  rule(cast, "a slice under a type that says more", ({ source, dest }, rw) => {
    const from = extract_slice.match(source);
    if (!from?.result.hasOneUse || !dest.type.ranked || sameShape(source.type.shape, dest.type.shape)) return undefined;
    const dropped = droppedDimensions(from.static_sizes, source.type.shape);
    if (!dropped || !source.type.shape.every((d, i) => isDynamic(d) || d === dest.type.shape[i])) return undefined;
    const slice = mixedSlice(from);
    let n = 0;
    const sizes = slice.sizes.map((s, i) => {
      if (dropped.has(i)) return s;
      const d = dest.type.shape[n++]!;
      return isDynamic(d) ? s : d;
    });
    const { operands, attrs } = sliceParts({ ...slice, sizes });
    return extract_slice(rw, from.source, ...operands, { ...attrs, types: [dest.type] });
  }),
];

const inserts: readonly RuleLike[] = [
  rule(insert_slice, "offsets, sizes and strides that are known", (view, rw) => {
    const slice = foldSlice(view, view.dest.type.shape);
    if (!slice) return undefined;
    const { operands, attrs } = sliceParts(slice);
    const type = slicedType(view.source.type, view.static_sizes, attrs.static_sizes);
    if (!type || !compatibleShapes(type.shape, view.source.type.shape)) return undefined;
    return insert_slice(rw, as(rw, view.source, type), view.dest, ...operands, attrs);
  }),
  rule(parallel_insert_slice, "offsets, sizes and strides that are known", (view, rw) => {
    const slice = foldSlice(view, view.dest.type.shape);
    const loop = view.op.parentOp;
    if (!slice || !loop) return undefined;
    const { operands, attrs } = sliceParts(slice);
    const type = slicedType(view.source.type, view.static_sizes, attrs.static_sizes);
    if (!type || !compatibleShapes(type.shape, view.source.type.shape)) return undefined;
    // Only insertions stand there: a cast goes before.
    const source = rw.at(loop.block!, loop, () => as(rw, view.source, type));
    parallel_insert_slice(rw, source, view.dest, ...operands, attrs);
    rw.erase(view.op);
    return true;
  }),
  rule(insert_slice, "a slice that was cast", (view, rw) => {
    const from = beforeCast(view.source);
    const into = beforeCast(view.dest);
    if (!from && !into) return undefined;
    const slice = mixedSlice(view);
    // What the source's type says more, the sizes say too.
    const dropped = from && droppedDimensions(view.static_sizes, view.source.type.shape);
    if (from && !dropped) return undefined;
    let n = 0;
    const sizes = from
      ? slice.sizes.map((s, i) => {
          if (dropped!.has(i)) return s;
          const d = from.type.shape[n++]!;
          return isDynamic(d) ? s : d;
        })
      : slice.sizes;
    const { operands, attrs } = sliceParts({ ...slice, sizes });
    const made = insert_slice(rw, from ?? view.source, into ?? view.dest, ...operands, attrs);
    return as(rw, made, view.result.type);
  }),
  rule(insert_slice, "a slice that is the whole", (view) => {
    const { source, dest } = view;
    return source.type === dest.type && isWhole(mixedSlice(view), dest.type.shape) ? source : undefined;
  }),
  rule(insert_slice, "a slice put back where it was taken", (view) => {
    const from = extract_slice.match(view.source);
    return from?.source === view.dest && sameSlice(mixedSlice(from), mixedSlice(view)) ? view.dest : undefined;
  }),
  rule(insert_slice, "a slice over a slice", (view, rw) => {
    const under = insert_slice.match(view.dest);
    if (!under || !sameSlice(mixedSlice(under), mixedSlice(view))) return undefined;
    if (under.source.type !== view.source.type) return undefined;
    rw.setOperand(view.op, 1, under.dest);
    return true;
  }),
];

// --- elements -----------------------------------------------------------------------------------------------------

const same = (a: readonly Value[], b: readonly Value[]): boolean => sameMixed(a, b);

const elements: readonly RuleLike[] = [
  rule(extract, "an element of equal ones", ({ tensor, result }, rw) => {
    const value = splat.match(tensor);
    if (value) return value.input;
    const n = scalarOf(constantOf(tensor));
    const a = n === undefined ? undefined : scalarAttribute(n, result.type);
    return a && rw.constant(a, result.type);
  }),
  rule(extract, "an element of listed ones", ({ tensor, indices }) => {
    const from = from_elements.match(tensor);
    if (!from) return undefined;
    const { shape } = from.result.type;
    let at = 0;
    for (const [i, v] of indices.entries()) {
      const n = knownNumber(v);
      if (n === undefined || n < 0 || n >= shape[i]!) return undefined;
      at = at * shape[i]! + n;
    }
    return from.elements[at];
  }),
  rule(extract, "an element that was just inserted", ({ tensor, indices }) => {
    const into = insert.match(tensor);
    return into && same(into.indices, indices) ? into.scalar : undefined;
  }),
  rule(extract, "an element that is computed from its indices", ({ tensor, indices }, rw) => {
    const from = generate.match(tensor);
    if (from?.body.blocks.length !== 1) return undefined;
    const { entry } = from.body;
    for (let o = entry.first; o && o !== entry.last; o = o.next)
      if (o.regions.length > 0 || !isEffectFree(o)) return undefined;
    const map = new Map<Value, Value>(entry.args.map((a, i) => [a, indices[i]!]));
    for (let o = entry.first; o && o !== entry.last; o = o.next) rw.insert(o.clone(map));
    const value = entry.last!.operand(0);
    return map.get(value) ?? value;
  }),
  rule(insert, "an element put back where it was taken", ({ scalar, dest, indices }) => {
    const from = extract.match(scalar);
    return from?.tensor === dest && same(from.indices, indices) ? dest : undefined;
  }),
  rule(splat, "equal elements that are known", ({ input, aggregate }, rw) => {
    const { type } = aggregate;
    const n = scalarOf(constantOf(input));
    const a = n === undefined || !hasStaticShape(type) ? undefined : scalarAttribute(n, type);
    return a && rw.constant(a, type);
  }),
  rule(from_elements, "equal elements", ({ elements: all, result }, rw) => {
    const [first] = all;
    const many = elementCount(result.type.shape) > 1;
    return first && many && all.every((v) => v === first) ? splat(rw, first, [], { types: [result.type] }) : undefined;
  }),
];

// --- paddings -----------------------------------------------------------------------------------------------------

const paddings: readonly RuleLike[] = [
  rule(pad, "paddings that are known", (view, rw) => {
    const { result, source, region, nofold } = view;
    const low = foldList(view.static_low, view.low);
    const high = foldList(view.static_high, view.high);
    if (!low && !high) return undefined;
    const statics = { low: low?.statics ?? view.static_low, high: high?.statics ?? view.static_high };
    const shape = source.type.shape.map((d, i) => {
      const parts = [d, statics.low[i]!, statics.high[i]!];
      return parts.some(isDynamic) ? result.type.shape[i]! : parts.reduce((a, b) => a + b, 0);
    });
    const type = tensorType(shape, result.type.element, result.type.encoding);
    if (!compatibleShapes(shape, result.type.shape)) return undefined;
    const body = new Region();
    body.takeBlocks(region);
    const made = pad(rw, source, low?.dynamics ?? view.low, high?.dynamics ?? view.high, {
      static_low: statics.low,
      static_high: statics.high,
      nofold,
      region: body,
      types: [type],
    });
    return as(rw, made, result.type);
  }),
  rule(pad, "no padding", ({ source, result, static_low, static_high, nofold }) => {
    const none = [...static_low, ...static_high].every((n) => n === 0);
    return none && !nofold && source.type === result.type ? source : undefined;
  }),
  rule(pad, "a padding of a cast", (view, rw) => {
    const from = beforeCast(view.source);
    if (!from) return undefined;
    const { result, static_low, static_high, region, nofold } = view;
    const shape = from.type.shape.map((d, i) => {
      const parts = [d, static_low[i]!, static_high[i]!];
      return parts.some(isDynamic) ? result.type.shape[i]! : parts.reduce((a, b) => a + b, 0);
    });
    const type = tensorType(shape, result.type.element, result.type.encoding);
    const body = new Region();
    body.takeBlocks(region);
    const made = pad(rw, from, view.low, view.high, { static_low, static_high, nofold, region: body, types: [type] });
    return as(rw, made, result.type);
  }),
  rule(cast, "a padding under a type that says more", ({ source, dest }, rw) => {
    const from = pad.match(source);
    if (!from?.result.hasOneUse || !dest.type.ranked) return undefined;
    if (!source.type.shape.every((d, i) => isDynamic(d) || d === dest.type.shape[i])) return undefined;
    const body = new Region();
    body.takeBlocks(from.region);
    const { static_low, static_high, nofold } = from;
    const made = pad(rw, from.source, from.low, from.high, {
      static_low,
      static_high,
      nofold,
      region: body,
      types: [dest.type],
    });
    rw.replaceUses(from.result, cast(rw, made, { types: [source.type] }));
    return made;
  }),
  rule(pad, "a padding of a padding with the same value", (view, rw) => {
    const inner = pad.match(view.source);
    if (!inner || inner.nofold || view.nofold) return undefined;
    const [a, b] = [paddingValue(inner), paddingValue(view)];
    if (!a || a !== b || inner.low.length + inner.high.length + view.low.length + view.high.length > 0)
      return undefined;
    const body = new Region();
    body.takeBlocks(view.region);
    return pad(rw, inner.source, [], [], {
      static_low: view.static_low.map((n, i) => n + inner.static_low[i]!),
      static_high: view.static_high.map((n, i) => n + inner.static_high[i]!),
      region: body,
      types: [view.result.type],
    });
  }),
  rule(concat, "a concatenation of one", ({ inputs, result }, rw) =>
    inputs.length === 1 ? as(rw, inputs[0]!, result.type) : undefined,
  ),
];

/** The one value that a padding consists of, if it comes from outside. */
function paddingValue({ region }: ViewOf<typeof pad>): Value | undefined {
  const end = region.entry.last!;
  const value = end.operand(0);
  return isOutside(value, region) ? value : undefined;
}

export const sliceRules: readonly RuleLike[] = [...extracts, ...inserts, ...elements, ...paddings];
