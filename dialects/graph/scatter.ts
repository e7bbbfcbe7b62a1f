/** @file Tensors with some elements replaced, or combined with others, at computed places. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import { hasStaticShape, index, type TensorType, type Type } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import * as tensors from "../tensor/ops.ts";
import { boxOf } from "./box.ts";
import { numbersOf } from "./data.ts";
import { elementwise, reshaped } from "./expand.ts";
import { forEachPlace, place, wrapped } from "./gather.ts";
import { AnyTensor, IntegerTensor, product, range, type Shape, shapeText, type TensorValue } from "./op.ts";
import { Scalars } from "./scalars.ts";
import { forPlaces, forTurns, type Place, putAt, sliceAt } from "./turns.ts";

const reductions = ["none", "add", "mul", "max", "min"] as const;
type Reduction = (typeof reductions)[number];
const reduction = attr.oneOf(...reductions).default("none");

/** What an element becomes when another arrives. */
function combine(how: Reduction, old: Num, update: Num, element: Type): Num {
  switch (how) {
    case "none":
      return update;
    case "add":
      return toType(element, (old as number) + (update as number));
    case "mul":
      return toType(element, typeof old === "bigint" ? old * (update as bigint) : old * (update as number));
    case "max":
      return Number.isNaN(Number(update)) || update > old ? update : old;
    case "min":
      return Number.isNaN(Number(update)) || update < old ? update : old;
  }
}

export const scatter_elements = defineOp("graph.scatter_elements", {
  doc: "x with x[i, indices[i, j, …], …] replaced by (or combined with) updates[i, j, …] along an axis (ONNX ScatterElements).",
  operands: [one("x", AnyTensor), one("indices", IntegerTensor), one("updates", AnyTensor)],
  attrs: { axis: attr.int, reduction },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, indices, updates, axis }, fail) {
    const [from, at] = [x.type.shape, indices.type.shape];
    if (axis < 0 || axis >= from.length) fail(`there is no axis ${axis} in ${shapeText(from)}`);
    else if (at.length !== from.length || at.some((d, i) => i !== axis && d > from[i]!)) {
      fail(`indices of ${shapeText(at)} do not fit ${shapeText(from)}`);
    }
    sameShapes(at, updates.type.shape, fail);
    if (updates.type.element !== x.type.element) fail("x and updates have different element types");
  },
  evaluate: ({ x, indices, updates, axis, reduction: how }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const out = x.copy();
    const at = numbersOf(indices);
    const given = updates.contiguous();
    forEachPlace(indices.shape, out.strides, (n, base, coordinate) => {
      const i = place(at[n]!, out.shape[axis]!, run);
      const to = base + (i - coordinate[axis]!) * out.strides[axis]!;
      out.setData(to, combine(how, out.getData(to), given.getData(n), element));
    });
    return out;
  },
  expand({ x, indices, updates, axis, reduction: how }, b) {
    if (![x, indices].every((v) => hasStaticShape(v.type))) return undefined;
    const one = x.type.shape.map(() => 1);
    return forPlaces(b, indices.type.shape, [x], (inner, at, [acc]) => {
      const target = wrapped(inner, tensors.extract(inner, indices, at), x.type.shape[axis]!);
      const offsets = at.map((i, d) => (d === axis ? target : i));
      const update = sliceAt(inner, updates, at, one);
      return [putAt(inner, combined(inner, acc!, update, offsets, how), acc!, offsets)];
    });
  },
});

function sameShapes(a: Shape, b: Shape, fail: Fail): void {
  if (a.length !== b.length || a.some((d, i) => d !== b[i])) {
    fail(`indices of ${shapeText(a)} and updates of ${shapeText(b)} differ in shape`);
  }
}

export const scatter_nd = defineOp("graph.scatter_nd", {
  doc: "x with slices replaced by (or combined with) updates, at tuples of indices (ONNX ScatterND).",
  operands: [one("x", AnyTensor), one("indices", IntegerTensor), one("updates", AnyTensor)],
  attrs: { reduction },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, indices, updates }, fail) {
    const [from, at] = [x.type.shape, indices.type.shape];
    const depth = at[at.length - 1] ?? 0;
    if (at.length < 1 || depth > from.length) fail(`indices of ${shapeText(at)} do not fit ${shapeText(from)}`);
    else sameShapes([...at.slice(0, -1), ...from.slice(depth)], updates.type.shape, fail);
    if (updates.type.element !== x.type.element) fail("x and updates have different element types");
  },
  evaluate: ({ x, indices, updates, reduction: how }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const out = x.copy();
    const at = numbersOf(indices);
    const depth = indices.shape[indices.rank - 1]!;
    const slice = product(x.shape.slice(depth));
    const given = updates.contiguous();
    const tuples = product(indices.shape.slice(0, -1));
    for (let t = 0; t < tuples; t++) {
      let start = 0;
      for (let k = 0; k < depth; k++) start = start * x.shape[k]! + place(at[t * depth + k]!, x.shape[k]!, run);
      for (let i = 0; i < slice; i++) {
        const to = start * slice + i;
        out.setData(to, combine(how, out.getData(to), given.getData(t * slice + i), element));
      }
    }
    return out;
  },
  expand({ x, indices, updates, reduction: how }, b) {
    if (![x, indices].every((v) => hasStaticShape(v.type))) return undefined;
    const { shape } = x.type;
    const lead = indices.type.shape.slice(0, -1);
    const depth = indices.type.shape[lead.length]!;
    const count = product(lead);
    const rest = shape.slice(depth);
    const box = boxOf(indices, shape, depth);
    if (box) {
      const update = reshaped(b, updates, [...box.sizes, ...rest]);
      const offsets = [...box.offsets, ...rest.map(() => 0)];
      return [putAt(b, combined(b, x, update, offsets, how), x, offsets)];
    }
    const tuples = reshaped(b, indices, [count, depth]);
    // Every update has as many dimensions as x, the first ones of size 1.
    const parts = reshaped(b, updates, [count, ...range(depth).map(() => 1), ...rest]);
    return forTurns(b, count, [x], (inner, t, [acc]) => {
      const offsets = shape.map((size, d): Place => {
        if (d >= depth) return 0;
        return wrapped(inner, tensors.extract(inner, tuples, [t, arith.constantIndex(inner, d)]), size);
      });
      const sizes = parts.type.shape.slice(1);
      const update = reshaped(inner, sliceAt(inner, parts, [t, ...sizes.map(() => 0)], [1, ...sizes]), sizes);
      return [putAt(inner, combined(inner, acc!, update, offsets, how), acc!, offsets)];
    });
  },
});

export const tensor_scatter = defineOp("graph.tensor_scatter", {
  doc:
    "A cache with new entries written along an axis, for each batch from an index on (ONNX TensorScatter); beyond the end " +
    "an error, or from the beginning again.",
  operands: [one("x", AnyTensor), one("update", AnyTensor), one("at", IntegerTensor)],
  attrs: { axis: attr.int, circular: attr.bool.default(false) },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, update, at, axis }, fail) {
    const [from, part] = [x.type.shape, update.type.shape];
    if (axis < 1 || axis >= from.length) fail(`there is no axis ${axis} behind the batch in ${shapeText(from)}`);
    else if (part.length !== from.length || part.some((d, i) => i !== axis && d !== from[i])) {
      fail(`an update of ${shapeText(part)} does not fit ${shapeText(from)}`);
    } else if (at.type.shape.length !== 1 || at.type.shape[0] !== from[0]) fail("one index per batch is needed");
    if (update.type.element !== x.type.element) fail("x and update have different element types");
  },
  evaluate: ({ x, update, at, axis, circular }, run) => {
    const out = x.copy();
    const starts = numbersOf(at);
    const size = x.shape[axis]!;
    const given = update.contiguous() as NDArray;
    forEachPlace(update.shape, out.strides, (n, base, coordinate) => {
      const wanted = starts[coordinate[0]!]! + coordinate[axis]!;
      const i = circular ? ((wanted % size) + size) % size : place(wanted, size, run);
      out.data[base + (i - coordinate[axis]!) * out.strides[axis]!] = given.data[n] as never;
    });
    return out;
  },
  expand({ x, update, at, axis, circular }, b) {
    if (![x, update].every((v) => hasStaticShape(v.type))) return undefined;
    const { shape } = update.type;
    const start = (inner: Builder, batch: Value): Value =>
      arith.index_cast(inner, tensors.extract(inner, at, [batch]), { types: [index] });
    const lead = (batch: Value, place: Place): Place[] =>
      shape.map((_, d) => (d === 0 ? batch : d === axis ? place : 0));
    if (!circular) {
      const sizes = [1, ...shape.slice(1)];
      return forTurns(b, shape[0]!, [x], (inner, batch, [acc]) => [
        putAt(inner, sliceAt(inner, update, lead(batch, 0), sizes), acc!, lead(batch, start(inner, batch))),
      ]);
    }
    const sizes = shape.map((d, i) => (i === 0 || i === axis ? 1 : d));
    return forPlaces(b, [shape[0]!, shape[axis]!], [x], (inner, [batch, t], [acc]) => {
      const size = arith.constantIndex(inner, x.type.shape[axis]!);
      // The remainder of a negative place is negative, and the cache goes round in both directions.
      const turned = arith.remsi(inner, arith.addi(inner, start(inner, batch!), t!), size);
      const wanted = arith.remsi(inner, arith.addi(inner, turned, size), size);
      return [putAt(inner, sliceAt(inner, update, lead(batch!, t!), sizes), acc!, lead(batch!, wanted))];
    });
  },
});

/** What comes to stand at a place: the update, or what is made of it and what stands there. */
function combined(
  b: Builder,
  into: TensorValue,
  update: TensorValue,
  offsets: readonly Place[],
  how: Reduction,
): TensorValue {
  if (how === "none") return update;
  const old = sliceAt(b, into, offsets, update.type.shape);
  const { element } = update.type;
  return elementwise(b, update.type, [old, update], (inner, p, q) => {
    const e = new Scalars(inner, element);
    return how === "add"
      ? e.add(p!, q!)
      : how === "mul"
        ? e.mul(p!, q!)
        : how === "max"
          ? e.max(p!, q!)
          : e.min(p!, q!);
  });
}
