/** @file Rules of vectors that only move elements: broadcasts, transposes, other shapes, elements and slices. */
import type { Operation, Value } from "../../ir/core.ts";
import type { RuleLike, ViewOf } from "../../ir/define.ts";
import { isDynamic, type Type, type VectorType } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { type Rooted, type Rule, rule } from "../../rewrite/rule.ts";
import { scalarAttribute, scalarOf } from "../../rewrite/scalars.ts";
import { mixed, unmixed } from "../shaped.ts";
import { type Mixed, sameMixed, withKnown } from "../slice-rules.ts";
import { extract, extract_strided_slice, insert, insert_strided_slice } from "./element.ts";
import { bitcast, broadcast, from_elements, shape_cast, splat, transpose } from "./shape.ts";
import { shuffle } from "./shuffle.ts";

const isVector = (t: Type): t is VectorType => t.kind === "vector";

/** A vector all of whose elements are one known number; as a constant of another type. */
function sameElements(value: Value, type: Type, rw: Rewriter): Value | undefined {
  const n = scalarOf(constantOf(value));
  const a = n === undefined ? undefined : scalarAttribute(n, type);
  return a && rw.constant(a, type);
}

/** What a vector is made of, if all its elements are one scalar. */
const scalarIn = (value: Value): Value | undefined => {
  const single = splat.match(value)?.input ?? broadcast.match(value)?.source;
  return single && !isVector(single.type) ? single : undefined;
};

const repeat = (rw: Rewriter, scalar: Value, type: Type): Value => broadcast(rw, scalar, { types: [type] });

const broadcasts: readonly RuleLike[] = [
  rule(broadcast, "nothing is repeated", ({ source, vector }) => (source.type === vector.type ? source : undefined)),
  rule(broadcast, "a broadcast of a broadcast", ({ source, vector }, rw) => {
    const inner = broadcast.match(source) ?? undefined;
    return inner && broadcast(rw, inner.source, { types: [vector.type] });
  }),
  rule(broadcast, "a known number", ({ source, vector }, rw) => sameElements(source, vector.type, rw)),
  rule(splat, "a known number", ({ input, aggregate }, rw) => sameElements(input, aggregate.type, rw)),
  rule(from_elements, "equal elements", ({ elements, result }, rw) => {
    const [first] = elements;
    return first && elements.every((v) => v === first) ? repeat(rw, first, result.type) : undefined;
  }),
  rule(shuffle, "the lanes of one operand as they were", ({ v1, v2, mask, vector }) => {
    const lanes = (v: Value<VectorType>): number => v.type.shape[0] ?? 1;
    const from = (v: Value<VectorType>, first: number): boolean =>
      mask.length === lanes(v) && mask.every((m, i) => m === first + i) && v.type === vector.type;
    if (from(v1, 0)) return v1;
    return from(v2, lanes(v1)) ? v2 : undefined;
  }),
  rule(shuffle, "lanes that are all equal", ({ v1, v2, vector }, rw) => {
    const [a, b] = [scalarIn(v1), scalarIn(v2)];
    return a && a === b ? repeat(rw, a, vector.type) : undefined;
  }),
];

const equalElements = <V extends { readonly op: Operation; readonly result: Value }>(root: Rooted<V>): Rule =>
  rule(root, "elements that are all equal", ({ op, result }, rw) => {
    const scalar = scalarIn(op.operand(0));
    return scalar ? repeat(rw, scalar, result.type) : sameElements(op.operand(0), result.type, rw);
  });

const moves: readonly RuleLike[] = [
  rule(transpose, "dimensions that stay where they are", ({ vector, permutation }) =>
    permutation.every((p, i) => p === i) ? vector : undefined,
  ),
  rule(transpose, "a transpose of a transpose", ({ vector, permutation, result }, rw) => {
    const inner = transpose.match(vector);
    if (!inner) return undefined;
    const composed = permutation.map((p) => inner.permutation[p]!);
    return transpose(rw, inner.vector, { permutation: composed, types: [result.type] });
  }),
  equalElements(transpose),
  equalElements(shape_cast),
  equalElements(extract_strided_slice),
  rule(shape_cast, "the same shape", ({ source, result }) => (source.type === result.type ? source : undefined)),
  rule(shape_cast, "a shape of a shape", ({ op, source }, rw) => {
    const inner = shape_cast.match(source);
    if (inner) rw.setOperand(op, 0, inner.source);
    return inner !== undefined;
  }),
  rule(bitcast, "the same type", ({ source, result }) => (source.type === result.type ? source : undefined)),
  rule(bitcast, "a bitcast of a bitcast", ({ op, source }, rw) => {
    const inner = bitcast.match(source);
    if (inner) rw.setOperand(op, 0, inner.source);
    return inner !== undefined;
  }),
];

// --- elements and subvectors --------------------------------------------------------------------------------------

type Positioned = ViewOf<typeof extract> | ViewOf<typeof insert>;
const positionOf = (v: Positioned): readonly Mixed[] => mixed(v.static_position, v.dynamic_position);

/** Certainly different places: somewhere both are known and differ. */
const apart = (a: readonly Mixed[], b: readonly Mixed[]): boolean =>
  a.some((x, i) => {
    const y = b[i];
    return typeof x === "number" && typeof y === "number" && x !== y;
  });

const extracts: readonly RuleLike[] = [
  rule(extract, "all of it", ({ vector, result }) => (vector.type === result.type ? vector : undefined)),
  rule(extract, "a position that is known", (view, rw) => {
    const { vector, result } = view;
    const { list, changed } = withKnown(positionOf(view), (n) => n >= 0);
    if (!changed || list.some((n, i) => typeof n === "number" && n >= vector.type.shape[i]!)) return undefined;
    const { statics, dynamics } = unmixed(list);
    return extract(rw, vector, dynamics, { static_position: statics, types: [result.type] });
  }),
  rule(extract, "a part of a part", (view, rw) => {
    const inner = extract.match(view.vector);
    if (!inner) return undefined;
    const { statics, dynamics } = unmixed([...positionOf(inner), ...positionOf(view)]);
    return extract(rw, inner.vector, dynamics, { static_position: statics, types: [view.result.type] });
  }),
  rule(extract, "a part of what is all equal", ({ vector, result }, rw) => {
    const scalar = scalarIn(vector);
    if (!scalar) return sameElements(vector, result.type, rw);
    return isVector(result.type) ? repeat(rw, scalar, result.type) : scalar;
  }),
  rule(extract, "a part of what was repeated", ({ vector, result, static_position }) => {
    const from = broadcast.match(vector);
    if (!from || from.source.type !== result.type) return undefined;
    // The dimensions that are left over are those of the source, without any stretched.
    const left = vector.type.shape.slice(static_position.length);
    return isVector(from.source.type) && left.length === from.source.type.shape.length ? from.source : undefined;
  }),
  rule(extract, "a part that was just put there, or elsewhere", (view, rw) => {
    const into = insert.match(view.vector);
    if (!into) return undefined;
    const [at, put] = [positionOf(view), positionOf(into)];
    if (sameMixed(at, put)) return into.source.type === view.result.type ? into.source : undefined;
    if (!apart(at, put)) return undefined;
    rw.setOperand(view.op, 0, into.dest);
    return true;
  }),
  rule(extract, "one of listed elements", ({ vector, static_position, result }) => {
    const from = from_elements.match(vector);
    if (!from || static_position.some(isDynamic) || isVector(result.type)) return undefined;
    const at = static_position.reduce((n, p, i) => n * vector.type.shape[i]! + p, 0);
    return from.elements[at];
  }),
];

const inserts: readonly RuleLike[] = [
  rule(insert, "all of it", ({ source, result }) => (source.type === result.type ? source : undefined)),
  rule(insert, "the only part there is", ({ source, dest, result }, rw) => {
    const { shape } = dest.type;
    const rank = isVector(source.type) ? source.type.shape.length : 0;
    const outer = shape.slice(0, shape.length - rank);
    return outer.length > 0 && outer.every((d) => d === 1)
      ? broadcast(rw, source, { types: [result.type] })
      : undefined;
  }),
  rule(insert, "a position that is known", (view, rw) => {
    const { list, changed } = withKnown(positionOf(view), (n) => n >= 0);
    if (!changed || list.some((n, i) => typeof n === "number" && n >= view.dest.type.shape[i]!)) return undefined;
    const { statics, dynamics } = unmixed(list);
    return insert(rw, view.source, view.dest, dynamics, { static_position: statics });
  }),
  rule(insert, "a part over a part", (view, rw) => {
    const under = insert.match(view.dest);
    if (!under || !sameMixed(positionOf(under), positionOf(view))) return undefined;
    rw.setOperand(view.op, 1, under.dest);
    return true;
  }),
  rule(insert, "a part put back where it was taken", (view) => {
    const from = extract.match(view.source);
    return from?.vector === view.dest && sameMixed(positionOf(from), positionOf(view)) ? view.dest : undefined;
  }),
];

const slices: readonly RuleLike[] = [
  rule(extract_strided_slice, "all of it", ({ vector, result }) => (vector.type === result.type ? vector : undefined)),
  rule(extract_strided_slice, "a slice of a slice", ({ vector, result, offsets, sizes, strides }, rw) => {
    const inner = extract_strided_slice.match(vector);
    if (inner?.offsets.length !== offsets.length || !inner) return undefined;
    const sums = offsets.map((o, i) => o + inner.offsets[i]!);
    return extract_strided_slice(rw, inner.vector, { offsets: sums, sizes, strides, types: [result.type] });
  }),
  rule(extract_strided_slice, "a slice that was just put there", ({ vector, result, offsets }) => {
    const into = insert_strided_slice.match(vector);
    if (into?.source.type !== result.type || into.offsets.length !== vector.type.shape.length) return undefined;
    return into.offsets.every((o, i) => o === (offsets[i] ?? 0)) ? into.source : undefined;
  }),
  rule(insert_strided_slice, "all of it", ({ source, res }) => (source.type === res.type ? source : undefined)),
  rule(insert_strided_slice, "a slice put back where it was taken", ({ source, dest, offsets }) => {
    const from = extract_strided_slice.match(source);
    if (from?.vector !== dest || offsets.length !== dest.type.shape.length) return undefined;
    return offsets.every((o, i) => o === (from.offsets[i] ?? 0)) ? dest : undefined;
  }),
];

export const shapeRules: readonly RuleLike[] = [...broadcasts, ...moves, ...extracts, ...inserts, ...slices];
