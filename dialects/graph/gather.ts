/** @file Elements chosen by computed indices. Negative indices count from the end. */
import { type AffineExpr, affineMap, constant as constantExpr } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, index, type TensorType, tensor } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import type { Access } from "../linalg/builders.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import * as tensors from "../tensor/ops.ts";
import { allocateLike, numbersOf, sameStored, storedOf } from "./data.ts";
import { dim, empty, identityMap, loops } from "./expand.ts";
import { AnyTensor, IntegerTensor, product, range, Selects, type Shape, shapeText, type TensorValue } from "./op.ts";
import { plain } from "./scalars.ts";

/** An index that may be negative, checked. */
export function place(at: number, size: number, run: Pick<Evaluator, "fail">): number {
  const from = at < 0 ? at + size : at;
  if (from < 0 || from >= size) run.fail(`index ${at} is outside of a dimension of ${size}`);
  return from;
}

/** An element of an index tensor as an index counted from 0. */
export function wrapped(b: Builder, at: Value, size: number): Value {
  const i = arith.index_cast(b, at, { types: [index] });
  const negative = arith.cmpi(b, i, arith.constantIndex(b, 0), { predicate: "slt" });
  return arith.select(b, negative, arith.addi(b, i, arith.constantIndex(b, size)), i);
}

/** Loops over a result, each element of which is one of x: its place from looked-up indices and the loops. */
export function gatherLoops(
  b: Builder,
  x: TensorValue,
  type: TensorType,
  inputs: readonly Access[],
  at: (inner: Builder, looked: readonly Value[], loop: (d: number) => Value) => readonly Value[],
): TensorValue {
  const rank = type.shape.length;
  const [made] = loops(b, {
    iterators: range(rank).map(() => "parallel" as const),
    inputs,
    outputs: [[empty(b, type), identityMap(rank)]],
    body(inner, ...args) {
      const places = at(inner, args.slice(0, inputs.length), (d) => linalgIndex(inner, { dim: d }));
      return plain(inner, tensors.extract(inner, x, places));
    },
  });
  return made!;
}

const isStatic = (...values: readonly TensorValue[]): boolean => values.every((v) => hasStaticShape(v.type));

export const gather = defineOp("graph.gather", {
  doc: "Slices of x along an axis, chosen by indices of any shape, which takes the place of the axis (ONNX Gather).",
  operands: [one("x", AnyTensor), one("indices", IntegerTensor)],
  attrs: { axis: attr.int },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, indices, axis }) => [
    tensor([...x.type.shape.slice(0, axis), ...indices.type.shape, ...x.type.shape.slice(axis + 1)], x.type.element),
  ],
  verify({ x, axis }, fail) {
    if (axis < 0 || axis >= x.type.shape.length) fail(`there is no axis ${axis} in ${shapeText(x.type.shape)}`);
  },
  evaluate: ({ x, indices, axis }, run) => {
    const at = numbersOf(indices);
    const outer = product(x.shape.slice(0, axis));
    const inner = product(x.shape.slice(axis + 1));
    const size = x.shape[axis]!;
    const from = storedOf(x) as Float64Array;
    const out = allocateLike(x, outer * at.length * inner) as Float64Array;
    let to = 0;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < at.length; i++, to += inner) {
        const start = (o * size + place(at[i]!, size, run)) * inner;
        if (inner === 1) out[to] = from[start]!;
        else out.set(from.subarray(start, start + inner), to);
      }
    }
    return sameStored(x, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], out);
  },
  expand({ x, indices, axis, y }, b) {
    if (!isStatic(x, indices)) return undefined;
    const n = indices.type.shape.length;
    const map = affineMap(y.type.shape.length, 0, range(n, axis).map(dim));
    return [
      gatherLoops(b, x, y.type, [[indices, map]], (inner, [i], loop) =>
        x.type.shape.map((size, d) => (d < axis ? loop(d) : d === axis ? wrapped(inner, i!, size) : loop(d - 1 + n))),
      ),
    ];
  },
});

export const gather_elements = defineOp("graph.gather_elements", {
  doc: "y[i, j, …] = x[i, indices[i, j, …], …] with the index in the place of the axis (ONNX GatherElements).",
  operands: [one("x", AnyTensor), one("indices", IntegerTensor)],
  attrs: { axis: attr.int },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, indices }) => [tensor(indices.type.shape, x.type.element)],
  verify({ x, indices, axis }, fail) {
    const [from, at] = [x.type.shape, indices.type.shape];
    if (axis < 0 || axis >= from.length) fail(`there is no axis ${axis} in ${shapeText(from)}`);
    else if (at.length !== from.length || at.some((d, i) => i !== axis && d > from[i]!)) {
      fail(`indices of ${shapeText(at)} do not fit ${shapeText(from)}`);
    }
  },
  evaluate: ({ x, indices, axis }, run) => {
    const at = numbersOf(indices);
    const size = x.shape[axis]!;
    const data = x.data;
    const out = allocateLike(x, at.length);
    forEachPlace(indices.shape, x.strides, (n, base, coordinate) => {
      const i = place(at[n]!, size, run);
      out[n] = data[x.offset + base + (i - coordinate[axis]!) * x.strides[axis]!] as never;
    });
    return sameStored(x, indices.shape, out);
  },
  expand({ x, indices, axis, y }, b) {
    if (!isStatic(x, indices)) return undefined;
    const map = identityMap(y.type.shape.length);
    return [
      gatherLoops(b, x, y.type, [[indices, map]], (inner, [i], loop) =>
        x.type.shape.map((size, d) => (d === axis ? wrapped(inner, i!, size) : loop(d))),
      ),
    ];
  },
});

/** Visits all coordinates of a shape in order: their number, their place by other strides, and themselves. */
export function forEachPlace(
  shape: Shape,
  strides: readonly number[],
  visit: (n: number, base: number, coordinate: readonly number[]) => void,
): void {
  const total = product(shape);
  const coordinate = shape.map(() => 0);
  let base = 0;
  for (let n = 0; n < total; n++) {
    visit(n, base, coordinate);
    for (let d = shape.length - 1; d >= 0; d--) {
      coordinate[d]!++;
      base += strides[d]!;
      if (coordinate[d]! < shape[d]!) break;
      base -= strides[d]! * shape[d]!;
      coordinate[d] = 0;
    }
  }
}

/** Shape of the result of gathering by tuples of indices. */
const gatherNdShape = (x: Shape, indices: Shape, batchDims: number): number[] => {
  const depth = indices[indices.length - 1] ?? 0;
  return [...indices.slice(0, -1), ...x.slice(batchDims + depth)];
};

export const gather_nd = defineOp("graph.gather_nd", {
  doc: "Slices of x chosen by tuples of indices, the last dimension of `indices`; leading dimensions in common (ONNX GatherND).",
  operands: [one("x", AnyTensor), one("indices", IntegerTensor)],
  attrs: { batch_dims: attr.int.default(0) },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, indices, batch_dims }) => [
    tensor(gatherNdShape(x.type.shape, indices.type.shape, batch_dims), x.type.element),
  ],
  verify({ x, indices, batch_dims }, fail) {
    const [from, at] = [x.type.shape, indices.type.shape];
    const depth = at[at.length - 1] ?? 0;
    if (at.length < 1 || depth < 1 || batch_dims + depth > from.length || batch_dims >= at.length) {
      fail(`indices of ${shapeText(at)} do not fit ${shapeText(from)}`);
    }
  },
  evaluate: ({ x, indices, batch_dims }, run) => {
    const at = numbersOf(indices);
    const depth = indices.shape[indices.rank - 1]!;
    const shape = gatherNdShape(x.shape, indices.shape, batch_dims);
    const slice = product(x.shape.slice(batch_dims + depth));
    const tuples = product(indices.shape.slice(0, -1));
    const batches = product(x.shape.slice(0, batch_dims));
    const perBatch = batches === 0 ? 0 : tuples / batches;
    const from = storedOf(x) as Float64Array;
    const out = allocateLike(x, tuples * slice) as Float64Array;
    for (let t = 0; t < tuples; t++) {
      let start = Math.floor(t / perBatch);
      for (let k = 0; k < depth; k++) {
        const size = x.shape[batch_dims + k]!;
        start = start * size + place(at[t * depth + k]!, size, run);
      }
      out.set(from.subarray(start * slice, (start + 1) * slice), t * slice);
    }
    return sameStored(x, shape, out);
  },
  expand({ x, indices, batch_dims, y }, b) {
    if (!isStatic(x, indices)) return undefined;
    const { shape } = indices.type;
    const depth = shape[shape.length - 1]!;
    const lead = shape.length - 1;
    const rank = y.type.shape.length;
    const inputs = range(depth).map((k): Access => {
      const results: AffineExpr[] = [...range(lead).map(dim), constantExpr(k)];
      return [indices, affineMap(rank, 0, results)];
    });
    return [
      gatherLoops(b, x, y.type, inputs, (inner, looked, loop) =>
        x.type.shape.map((size, d) => {
          if (d < batch_dims) return loop(d);
          const k = d - batch_dims;
          return k < depth ? wrapped(inner, looked[k]!, size) : loop(lead + k - depth);
        }),
      ),
    ];
  },
});
