/** @file Resizing: along each axis every result is a weighted sum of a few neighbouring elements. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, i1, type TensorType, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import * as tensors from "../tensor/ops.ts";
import { arrayOf, doublesOf } from "./data.ts";
import {
  affineMap,
  constantTensor,
  dim,
  elementwise,
  empty,
  filled,
  identityMap,
  indexTable,
  loops,
  reshaped,
  rounded,
} from "./expand.ts";
import { AnyTensor, dtype, isFloat, product, range, type Shape, type TensorValue } from "./op.ts";
import { coordinateModes, modes, nearestModes, type Resize, type Taps, tapsOf } from "./resize-taps.ts";
import { convertScalar, number, plain, Scalars, sumType } from "./scalars.ts";
import { gatherByTables } from "./shape.ts";

export const resize = defineOp("graph.resize", {
  doc:
    "Other sizes by interpolation (ONNX Resize, Upsample). `scales` says how coordinates are stretched, one per dimension, " +
    "`sizes` the sizes of the result. The region of interest (starts, then ends, as shares) is for tf_crop_and_resize.",
  operands: [one("x", AnyTensor)],
  attrs: {
    sizes: attr.ints,
    scales: attr.f64s,
    mode: attr.oneOf(...modes).default("nearest"),
    coordinates: attr.oneOf(...coordinateModes).default("half_pixel"),
    nearest: attr.oneOf(...nearestModes).default("round_prefer_floor"),
    cubic: attr.f32.default(-0.75),
    exclude_outside: attr.bool.default(false),
    antialias: attr.bool.default(false),
    extrapolation: attr.f32.default(0),
    roi: attr.f64s.default([]),
  },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x, sizes }) => [tensor(sizes, x.type.element)],
  verify({ x, sizes, scales, roi }, fail) {
    const rank = x.type.shape.length;
    if (sizes.length !== rank || scales.length !== rank) fail(`'sizes' and 'scales' need ${rank} entries each`);
    else if (roi.length !== 0 && roi.length !== 2 * rank) fail(`'roi' needs ${2 * rank} entries`);
    else if (sizes.some((s) => s < 0) || scales.some((s) => !(s > 0)))
      fail("sizes must not be negative, scales positive");
  },
  evaluate: (args, run) => resizeArray(args.x, (run.resultType(0) as TensorType).element, args),
  expand(view, b) {
    const { x, y } = view;
    if (!hasStaticShape(x.type)) return undefined;
    return [resized(b, x, y.type, view)];
  },
});

/** Axis by axis in double precision; what lies outside is put in at the end. */
function resizeArray(x: NDArray, element: TensorType["element"], r: Resize): NDArray {
  if (r.mode === "nearest") return nearestArray(x, r);
  let values = doublesOf(x);
  const shape = x.shape.slice();
  const outside: (readonly boolean[] | undefined)[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const taps = tapsOf(shape[axis]!, r.sizes[axis]!, axis, r);
    outside.push(taps?.outside.includes(true) ? taps.outside : undefined);
    if (!taps) continue;
    values = alongAxis(values, shape, axis, taps, r.sizes[axis]!);
    shape[axis] = r.sizes[axis]!;
  }
  replaceOutside(values, shape, outside, r.extrapolation);
  return arrayOf(element, shape, isFloat(element) ? values : values.map(Math.round));
}

function alongAxis(values: Float64Array, shape: Shape, axis: number, taps: Taps, to: number): Float64Array {
  const outer = product(shape.slice(0, axis));
  const inner = product(shape.slice(axis + 1));
  const size = shape[axis]!;
  const out = new Float64Array(outer * to * inner);
  for (let o = 0; o < outer; o++) {
    for (let n = 0; n < to; n++) {
      const target = (o * to + n) * inner;
      for (let k = 0; k < taps.count; k++) {
        const weight = taps.weights[n * taps.count + k]!;
        const source = (o * size + taps.places[n * taps.count + k]!) * inner;
        for (let i = 0; i < inner; i++) out[target + i]! += weight * values[source + i]!;
      }
    }
  }
  return out;
}

function replaceOutside(
  values: Float64Array,
  shape: Shape,
  outside: readonly (readonly boolean[] | undefined)[],
  value: number,
): void {
  outside.forEach((flags, axis) => {
    if (!flags) return;
    const inner = product(shape.slice(axis + 1));
    for (let i = 0; i < values.length; i++) if (flags[Math.floor(i / inner) % shape[axis]!]) values[i] = value;
  });
}

/** Nearest neighbours are copied, whatever they are. */
function nearestArray(x: NDArray, r: Resize): NDArray {
  const taps = x.shape.map((size, axis) => tapsOf(size, r.sizes[axis]!, axis, r));
  const tables = taps.map((t) => t && placesOfNearest(t));
  const out = NDArray.zeros(x.dtype, r.sizes);
  const walk = (d: number, read: number, write: number, outside: boolean): void => {
    if (d === r.sizes.length) {
      if (outside) out.setData(write, r.extrapolation);
      else out.data[write] = x.data[read] as never;
      return;
    }
    for (let n = 0; n < r.sizes[d]!; n++) {
      const from = read + (tables[d] ? tables[d]![n]! : n) * x.strides[d]!;
      walk(d + 1, from, write + n * out.strides[d]!, outside || (taps[d]?.outside[n] ?? false));
    }
  };
  walk(0, x.offset, 0, false);
  return out;
}

/** Of two neighbours the one with weight 1. */
const placesOfNearest = (t: Taps): number[] =>
  t.outside.map((_, n) => t.places[2 * n + (t.weights[2 * n] === 1 ? 0 : 1)]!);

// --- in lower words -----------------------------------------------------------------------------------------------

function resized(b: Builder, x: TensorValue, type: TensorType, r: Resize): TensorValue {
  const taps = x.type.shape.map((size, axis) => tapsOf(size, r.sizes[axis]!, axis, r));
  const made = r.mode === "nearest" ? nearestCopy(b, x, type, taps) : weighted(b, x, taps, r);
  return masked(b, rounded(b, made, type.element), taps, r.extrapolation);
}

function nearestCopy(b: Builder, x: TensorValue, type: TensorType, taps: readonly (Taps | undefined)[]): TensorValue {
  const tables = taps.map((t) => t && placesOfNearest(t));
  const factors = tables.map((t, i) => (t ? wholeFactor(t, x.type.shape[i]!) : 1));
  if (factors.includes(undefined)) return gatherByTables(b, x, type, tables);
  // Every element repeated: dimensions for the repetitions, merged afterwards.
  const known = factors as readonly number[];
  const split = tensor(
    x.type.shape.flatMap((d, i) => (known[i] === 1 ? [d] : [d, known[i]!])),
    type.element,
  );
  let next = 0;
  const places = known.map((f) => {
    const d = dim(next);
    next += f === 1 ? 1 : 2;
    return d;
  });
  const rank = split.shape.length;
  const [copied] = loops(b, {
    iterators: range(rank).map(() => "parallel" as const),
    inputs: [[x, affineMap(rank, 0, places)]],
    outputs: [[empty(b, split), identityMap(rank)]],
    body: (_, v) => v!,
  });
  return reshaped(b, copied!, type.shape);
}

/** How often each element is repeated, where it is the same for all. */
function wholeFactor(places: readonly number[], size: number): number | undefined {
  const factor = places.length / size;
  return Number.isInteger(factor) && places.every((p, i) => p === Math.floor(i / factor)) ? factor : undefined;
}

/** A sum over taps along one axis after the other. */
function weighted(b: Builder, x: TensorValue, taps: readonly (Taps | undefined)[], r: Resize): TensorValue {
  let made = x;
  taps.forEach((t, axis) => {
    if (!t) return;
    const shape = made.type.shape.map((d, i) => (i === axis ? r.sizes[axis]! : d));
    made = weightedAxis(b, made, shape, axis, t);
  });
  return made;
}

function weightedAxis(b: Builder, x: TensorValue, shape: Shape, axis: number, t: Taps): TensorValue {
  const from = x.type.element;
  const element = isFloat(from) ? sumType(from) : from;
  const rank = shape.length;
  const table = [shape[axis]!, t.count];
  const places = indexTable(b, table, t.places);
  const weights = constantTensor(b, NDArray.from(dtype(element), table, t.weights), element);
  const at = affineMap(rank + 1, 0, [dim(axis), dim(rank)]);
  const [made] = loops(b, {
    iterators: range(rank + 1).map((i) => (i < rank ? "parallel" : "reduction")),
    inputs: [
      [places, at],
      [weights, at],
    ],
    outputs: [[filled(b, tensor(shape, element), 0), affineMap(rank + 1, 0, range(rank).map(dim))]],
    body(inner, at, weight, acc) {
      const index = range(rank).map((d) => (d === axis ? at! : linalgIndex(inner, { dim: d })));
      const v = convertScalar(inner, plain(inner, tensors.extract(inner, x, index)), from, element);
      return new Scalars(inner, element).multiplyAdd(acc!, v, weight!);
    },
  });
  return made!;
}

/** What lies outside of x along some axis gets the value meant for it. */
function masked(b: Builder, y: TensorValue, taps: readonly (Taps | undefined)[], value: number): TensorValue {
  const { element } = y.type;
  let made = y;
  taps.forEach((t, axis) => {
    if (!t?.outside.includes(true)) return;
    const shape = y.type.shape.map((d, i) => (i === axis ? d : 1));
    const flags = constantTensor(b, NDArray.from("i1", shape, t.outside.map(Number)), i1);
    made = elementwise(b, y.type, [flags, made], (inner, out, v) =>
      arith.select(inner, out!, plain(inner, number(inner, value, element)), v!),
    );
  });
  return made;
}
