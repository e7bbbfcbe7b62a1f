/** @file Ops that move elements without computing: reshape, transpose, slice, concat, pad, expand, tile. */
import { type AffineMap, constant as constantExpr } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { dynamic, hasStaticShape, i64, isDynamic, type TensorType, tensor } from "../../ir/types.ts";
import { NDArray, sizeOf } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import type { Access } from "../linalg/builders.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import * as tensors from "../tensor/ops.ts";
import { allocateLike, broadcastStrides, numbersOf, sameStored, storedOf } from "./data.ts";
import {
  affineMap,
  broadcastMap,
  dim,
  empty,
  identityMap,
  indexTable,
  loops,
  padded,
  plus,
  reshaped,
  scaled,
  sizeOfDim,
} from "./expand.ts";
import {
  AnyTensor,
  broadcastFault,
  broadcastShape,
  IntegerTensor,
  product,
  range,
  Selects,
  type Shape,
  sameDim,
  shapeText,
  sizeFrom,
  type TensorValue,
} from "./op.ts";
import { plain } from "./scalars.ts";

// --- reshape ------------------------------------------------------------------------------------------------------

export const reshape = defineOp("graph.reshape", {
  doc:
    "The same elements, in row-major order, in another shape (ONNX Reshape, Flatten, Squeeze, Unsqueeze). One unknown " +
    "size follows from the others; where more are unknown, they are given at run time.",
  operands: [one("x", AnyTensor), optional("sizes", IntegerTensor)],
  attrs: { shape: attr.ints },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, shape }) => [tensor(completed(x.type.shape, shape), x.type.element)],
  verify({ x, shape, sizes }, fail) {
    const unknown = shape.filter(isDynamic).length;
    if (unknown > 1 && !sizes) fail("more than one size is unknown");
    const from = x.type.shape;
    if (from.some(isDynamic)) return;
    const known = product(shape.filter((d) => !isDynamic(d)));
    const fits =
      unknown === 0 ? known === product(from) : known === 0 ? product(from) === 0 : product(from) % known === 0;
    if (!fits) fail(`${product(from)} elements of ${shapeText(from)} do not fill ${shapeText(shape)}`);
  },
  evaluate: ({ x, sizes, shape }) => {
    const wanted = sizes ? Array.from(numbersOf(sizes)) : completed(x.shape, shape);
    return x.reshape(wanted);
  },
  expand: ({ x, y }, b) =>
    hasStaticShape(x.type) && hasStaticShape(y.type) ? [reshaped(b, x, y.type.shape)] : undefined,
});

/** A shape with its one unknown size computed, where that is possible. */
function completed(from: Shape, shape: Shape): number[] {
  if (shape.filter(isDynamic).length !== 1 || from.some(isDynamic)) return shape.slice();
  const known = product(shape.filter((d) => !isDynamic(d)));
  return shape.map((d) => (isDynamic(d) ? (known === 0 ? 0 : Math.floor(product(from) / known)) : d));
}

export const transpose = defineOp("graph.transpose", {
  doc: "Dimension i of the result is dimension perm[i] of x (ONNX Transpose).",
  operands: [one("x", AnyTensor)],
  attrs: { perm: attr.ints },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, perm }) => [
    tensor(
      perm.map((p) => x.type.shape[p] ?? dynamic),
      x.type.element,
    ),
  ],
  verify({ x, perm }, fail) {
    const rank = x.type.shape.length;
    const sorted = perm.slice().sort((a, b) => a - b);
    if (perm.length !== rank || sorted.some((p, i) => p !== i))
      fail(`'perm' must be a permutation of 0 to ${rank - 1}`);
  },
  evaluate: ({ x, perm }) => x.transpose(perm).contiguous(),
  expand({ x, perm, y }, b) {
    const rank = perm.length;
    // Loop i runs over dimension i of the result, which is dimension perm[i] of x.
    const results = range(rank).map((d) => dim(perm.indexOf(d)));
    const like = (d: number): Value => sizeOfDim(b, x, perm[d]!);
    return copyBy(b, x, affineMap(rank, 0, results), empty(b, y.type, like));
  },
});

// --- slices -------------------------------------------------------------------------------------------------------

/** Elements taken from one dimension: `count` of them from `start` on, in steps that may be negative. */
export interface SliceRange {
  readonly start: number;
  readonly count: number;
}

/** Bounds after numpy: negative ones count from the end, all are clamped. */
export function sliceRange(size: number, start: number, end: number, step: number): SliceRange {
  if (step > 0) {
    const from = Math.min(Math.max(start < 0 ? start + size : start, 0), size);
    const to = Math.min(Math.max(end < 0 ? end + size : end, 0), size);
    return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) };
  }
  const from = Math.min(Math.max(start < 0 ? start + size : start, -1), size - 1);
  const to = Math.min(Math.max(end < 0 ? end + size : end, -1), size - 1);
  return { start: Math.max(0, from), count: Math.max(0, Math.ceil((to - from) / step)) };
}

export const slice = defineOp("graph.slice", {
  doc:
    "Part of each dimension: every steps-th element from starts on, ends excluded (ONNX Slice). One entry per dimension; " +
    "bounds count from the end where negative, and are clamped. With `bounds` (starts, then ends) they are run-time values.",
  operands: [one("x", AnyTensor), optional("bounds", IntegerTensor)],
  attrs: { starts: attr.ints, ends: attr.ints, steps: attr.ints },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, bounds, starts, ends, steps }) => [
    tensor(
      x.type.shape.map((size, i) => {
        const whole = starts[i] === 0 && ends[i]! >= WHOLE && steps[i] === 1;
        if (whole) return size;
        return bounds
          ? dynamic
          : sizeFrom([size], (s) => sliceRange(s, starts[i] ?? 0, ends[i] ?? s, steps[i] ?? 1).count);
      }),
      x.type.element,
    ),
  ],
  verify({ x, starts, ends, steps }, fail) {
    const rank = x.type.shape.length;
    if (starts.length !== rank || ends.length !== rank || steps.length !== rank) {
      fail(`'starts', 'ends' and 'steps' need ${rank} entries each`);
    } else if (steps.includes(0)) fail("steps must not be zero");
  },
  evaluate: ({ x, bounds, starts, ends, steps }) => {
    const given = bounds ? Array.from(numbersOf(bounds)) : [...starts, ...ends];
    const n = x.rank;
    const ranges = x.shape.map((size, i) => sliceRange(size, given[i]!, given[n + i]!, steps[i]!));
    return x
      .view(
        ranges.map((r) => r.start),
        ranges.map((r) => r.count),
        steps,
      )
      .copy();
  },
  expand({ x, starts, ends, steps, y }, b) {
    if (!hasStaticShape(x.type) || !hasStaticShape(y.type)) return undefined;
    const { shape } = x.type;
    const ranges = shape.map((size, i) => sliceRange(size, starts[i]!, ends[i]!, steps[i]!));
    const offsets = ranges.map((r) => r.start);
    if (steps.every((s) => s > 0)) return [partOf(b, x, offsets, y.type.shape, steps)];
    const results = offsets.map((from, i) => plus(scaled(dim(i), steps[i]!), constantExpr(from)));
    return copyBy(b, x, affineMap(shape.length, 0, results), empty(b, y.type));
  },
});

/** An end beyond every size: the whole dimension. */
export const WHOLE = 2 ** 40;

// --- concat, pad, expand, tile ------------------------------------------------------------------------------------

export const concat = defineOp("graph.concat", {
  doc: "Tensors one after the other along an axis (ONNX Concat).",
  operands: [many("parts", AnyTensor)],
  attrs: { axis: attr.int },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ parts, axis }) => {
    const [first] = parts;
    if (!first) return undefined;
    const sizes = parts.map((p) => p.type.shape[axis] ?? 0);
    const shape = first.type.shape.map((_, i) =>
      i === axis
        ? sizeFrom(sizes, (...known) => known.reduce((a, b) => a + b, 0))
        : (parts.map((p) => p.type.shape[i]!).find((d) => !isDynamic(d)) ?? dynamic),
    );
    return [tensor(shape, first.type.element)];
  },
  verify({ parts, axis }, fail) {
    const first = parts[0]!.type;
    if (axis < 0 || axis >= first.shape.length) fail(`there is no axis ${axis} in ${shapeText(first.shape)}`);
    for (const p of parts) {
      const fits =
        p.type.shape.length === first.shape.length &&
        p.type.shape.every((d, i) => i === axis || sameDim(d, first.shape[i]!));
      if (!fits) fail(`${shapeText(p.type.shape)} does not fit ${shapeText(first.shape)} along axis ${axis}`);
      if (p.type.element !== first.element) fail("the parts have different element types");
    }
  },
  evaluate: ({ parts, axis }) => {
    const [first] = parts;
    const total = parts.reduce((n, p) => n + p.shape[axis]!, 0);
    const shape = first!.shape.map((d, i) => (i === axis ? total : d));
    const outer = sizeOf(shape.slice(0, axis));
    const inner = sizeOf(shape.slice(axis + 1));
    const out = allocateLike(first!, sizeOf(shape)) as Float64Array;
    let at = 0;
    const data = parts.map((p) => ({ stored: storedOf(p) as Float64Array, run: p.shape[axis]! * inner }));
    for (let o = 0; o < outer; o++) {
      for (const { stored, run } of data) {
        out.set(stored.subarray(o * run, (o + 1) * run), at);
        at += run;
      }
    }
    return sameStored(first!, shape, out);
  },
  expand({ parts, axis, y }, b) {
    if (!hasStaticShape(y.type) || parts.some((p) => !hasStaticShape(p.type))) return undefined;
    let made = empty(b, y.type);
    let at = 0;
    for (const p of parts) {
      const offsets = y.type.shape.map((_, i) => (i === axis ? at : 0));
      made = tensors.insert_slice(b, p, made, [], [], [], slicing(offsets, p.type.shape)) as TensorValue;
      at += p.type.shape[axis]!;
    }
    return [made];
  },
});

const padModes = ["constant", "edge", "reflect", "wrap"] as const;

export const pad = defineOp("graph.pad", {
  doc:
    "Widens every dimension at both sides; negative amounts cut off (ONNX Pad). The new elements are `value` (a scalar " +
    "tensor, zero if absent), or are taken from inside: the nearest, mirrored without the edge, or from the other side.",
  operands: [one("x", AnyTensor), optional("value", AnyTensor)],
  attrs: { low: attr.ints, high: attr.ints, mode: attr.oneOf(...padModes).default("constant") },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x, low, high }) => [
    tensor(
      x.type.shape.map((d, i) => sizeFrom([d], (s) => Math.max(0, s + (low[i] ?? 0) + (high[i] ?? 0)))),
      x.type.element,
    ),
  ],
  verify({ x, value, low, high }, fail) {
    const rank = x.type.shape.length;
    if (low.length !== rank || high.length !== rank) fail(`'low' and 'high' need ${rank} entries each`);
    if (value && (product(value.type.shape) !== 1 || value.type.element !== x.type.element)) {
      fail("the padding value must be one element of the type of x");
    }
  },
  evaluate: ({ x, value, low, high, mode }) => {
    const shape = x.shape.map((d, i) => Math.max(0, d + low[i]! + high[i]!));
    const out = NDArray.zeros(x.dtype, shape);
    if (value && mode === "constant") out.fill(value.getData(value.offset));
    // Along each dimension: which element of x each element of the result is, -1 if none.
    const sources = shape.map((size, i) => {
      const from = x.shape[i]!;
      return Array.from({ length: size }, (_, n) => paddedSource(n - low[i]!, from, mode));
    });
    copyBySources(x, out, sources);
    return out;
  },
  expand({ x, value, low, high, mode, y }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    if (mode !== "constant") {
      const tables = x.type.shape.map((size, i) =>
        low[i] === 0 && high[i] === 0
          ? undefined
          : range(y.type.shape[i]!).map((n) => Math.max(0, paddedSource(n - low[i]!, size, mode))),
      );
      return [gatherByTables(b, x, y.type, tables)];
    }
    const cut = low.map((n) => Math.max(0, -n));
    const sizes = x.type.shape.map((size, i) => Math.max(0, size - cut[i]! - Math.max(0, -high[i]!)));
    const kept = cut.every((n) => n === 0) && high.every((n) => n >= 0) ? x : partOf(b, x, cut, sizes);
    const filler = value ? tensors.extract(b, value, zeros(b, value)) : 0;
    const wider = (amounts: readonly number[]): number[] => amounts.map((n) => Math.max(0, n));
    return [padded(b, kept, wider(low), wider(high), filler)];
  },
});

/** Which element stands at a position beside (or in) a row of elements; -1 is none. */
export function paddedSource(at: number, size: number, mode: (typeof padModes)[number]): number {
  if (at >= 0 && at < size) return at;
  if (size === 0) return -1;
  switch (mode) {
    case "constant":
      return -1;
    case "edge":
      return Math.min(Math.max(at, 0), size - 1);
    case "wrap":
      return ((at % size) + size) % size;
    case "reflect": {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const m = ((at % period) + period) % period;
      return m < size ? m : period - m;
    }
  }
}

/** Copies elements whose place along each dimension is found in a table. */
function copyBySources(x: NDArray, out: NDArray, sources: readonly (readonly number[])[]): void {
  const from = x.data as Float64Array;
  const to = out.data as Float64Array;
  const walk = (d: number, read: number, write: number): void => {
    if (d === sources.length) {
      to[write] = from[read]!;
      return;
    }
    const stride = x.strides[d]!;
    const step = out.strides[d]!;
    const list = sources[d]!;
    for (let i = 0; i < list.length; i++) if (list[i]! >= 0) walk(d + 1, read + list[i]! * stride, write + i * step);
  };
  if (out.size > 0) walk(0, x.offset, 0);
}

export const expand = defineOp("graph.expand", {
  doc: "Repeats a tensor so that it has the shape it is broadcast to together with `shape` (ONNX Expand).",
  operands: [one("x", AnyTensor), optional("sizes", IntegerTensor)],
  attrs: { shape: attr.ints },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, shape }) => [tensor(broadcastShape(x.type.shape, shape), x.type.element)],
  verify({ x, shape, sizes }, fail) {
    if (shape.some(isDynamic) && !sizes) fail("unknown sizes must be given at run time");
    const fault = broadcastFault([x.type.shape, shape]);
    if (fault) fail(fault);
  },
  evaluate: ({ x, sizes, shape }) => {
    const to = broadcastShape(x.shape, sizes ? Array.from(numbersOf(sizes)) : shape);
    return new NDArray(x.dtype, to, storedOf(x), broadcastStrides(x.shape, to)).copy();
  },
  expand({ x, y }, b) {
    if (!hasStaticShape(y.type)) return undefined;
    return copyBy(b, x, broadcastMap(x.type.shape, y.type.shape), empty(b, y.type));
  },
});

export const tile = defineOp("graph.tile", {
  doc: "Each dimension repeated a number of times as a whole (ONNX Tile).",
  operands: [one("x", AnyTensor)],
  attrs: { repeats: attr.ints },
  results: [one("y", AnyTensor)],
  traits: [Pure, Selects],
  infer: ({ x, repeats }) => [
    tensor(
      x.type.shape.map((d, i) => sizeFrom([d], (s) => s * (repeats[i] ?? 1))),
      x.type.element,
    ),
  ],
  verify({ x, repeats }, fail) {
    if (repeats.length !== x.type.shape.length || repeats.some((r) => r < 0)) {
      fail(`'repeats' needs ${x.type.shape.length} entries, none negative`);
    }
  },
  evaluate: ({ x, repeats }) => {
    const out = NDArray.zeros(
      x.dtype,
      x.shape.map((d, i) => d * repeats[i]!),
    );
    const sources = out.shape.map((size, i) => Array.from({ length: size }, (_, n) => n % x.shape[i]!));
    copyBySources(x, out, sources);
    return out;
  },
  expand({ x, repeats, y }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const { shape, element } = x.type;
    // Every dimension is preceded by one that counts its repetitions, then merged with it.
    const split = tensor(
      shape.flatMap((d, i) => [repeats[i]!, d]),
      element,
    );
    const map = affineMap(
      split.shape.length,
      0,
      shape.map((_, i) => dim(2 * i + 1)),
    );
    return [reshaped(b, copyBy(b, x, map, empty(b, split))[0]!, y.type.shape)];
  },
});

export const shape = defineOp("graph.shape", {
  doc: "The sizes of a tensor as a vector of i64 (ONNX Shape).",
  operands: [one("x", AnyTensor)],
  results: [one("sizes", AnyTensor)],
  traits: [Pure],
  infer: ({ x }) => [tensor([x.type.shape.length], i64)],
  evaluate: ({ x }) => NDArray.from("i64", [x.rank], x.shape.map(BigInt)),
  expand({ x }, b) {
    const sizes = x.type.shape.map((_, d) => arith.index_cast(b, sizeOfDim(b, x, d), { types: [i64] }));
    return [tensors.from_elements(b, sizes, { types: [tensor([sizes.length], i64)] })];
  },
});

// --- in lower words -----------------------------------------------------------------------------------------------

/** Every element of a result is one of x: the loops run over the result. */
function copyBy(b: Builder, x: TensorValue, map: AffineMap, into: TensorValue): readonly TensorValue[] {
  const rank = into.type.shape.length;
  return loops(b, {
    iterators: range(rank).map(() => "parallel" as const),
    inputs: [[x, map]],
    outputs: [[into, identityMap(rank)]],
    body: (_, v) => v!,
  });
}

const slicing = (offsets: readonly number[], sizes: Shape, strides: readonly number[] = sizes.map(() => 1)) => ({
  static_offsets: offsets,
  static_sizes: sizes,
  static_strides: strides,
});

/** A static slice. */
export const partOf = (
  b: Builder,
  x: TensorValue,
  offsets: readonly number[],
  sizes: Shape,
  strides?: readonly number[],
): TensorValue => tensors.extract_slice(b, x, [], [], [], slicing(offsets, sizes, strides)) as TensorValue;

/** Indices of the only element of a tensor of one. */
const zeros = (b: Builder, x: TensorValue): Value[] => x.type.shape.map(() => arith.constantIndex(b, 0));

/** A copy whose place in x is looked up in a table along the dimensions that have one. */
export function gatherByTables(
  b: Builder,
  x: TensorValue,
  type: TensorType,
  tables: readonly (readonly number[] | undefined)[],
): TensorValue {
  const rank = type.shape.length;
  const constants = tables.flatMap((t, i) => (t ? [{ axis: i, value: indexTable(b, [t.length], t) }] : []));
  const [made] = loops(b, {
    iterators: range(rank).map(() => "parallel" as const),
    inputs: constants.map((c): Access => [c.value, affineMap(rank, 0, [dim(c.axis)])]),
    outputs: [[empty(b, type), identityMap(rank)]],
    body(inner, ...looked) {
      const places = range(rank).map((d) => {
        const table = constants.findIndex((c) => c.axis === d);
        return table >= 0 ? looked[table]! : linalgIndex(inner, { dim: d });
      });
      return plain(inner, tensors.extract(inner, x, places));
    },
  });
  return made!;
}
