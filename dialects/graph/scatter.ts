/** @file Tensors with some elements replaced, or combined with others, at computed places. */
import { attr } from "../../ir/attributes.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import type { TensorType, Type } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { numbersOf } from "./data.ts";
import { forEachPlace, place } from "./gather.ts";
import { AnyTensor, IntegerTensor, product, type Shape, shapeText } from "./op.ts";

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
});
