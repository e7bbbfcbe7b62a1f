/** @file Elements picked by their values: the largest, those that are not zero, boxes that do not overlap. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { dynamic, hasStaticShape, i1, i64, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import { allocateLike, elementsOf, numbersOf, sameStored, storedOf } from "./data.ts";
import { affineMap, constantTensor, dim, elementwise, empty, filled, loops, reshaped } from "./expand.ts";
import { forEachPlace } from "./gather.ts";
import { forEachLine } from "./normalize.ts";
import {
  AnyTensor,
  FloatTensor,
  NumberTensor,
  product,
  range,
  type Shape,
  shapeText,
  sizeFrom,
  type TensorValue,
} from "./op.ts";
import { Scalars } from "./scalars.ts";
import { forTurns, type Place, putAt } from "./turns.ts";

export const topk = defineOp("graph.topk", {
  doc: "The k largest or smallest elements along an axis, in order, and their places; of equal ones the first (ONNX TopK).",
  operands: [one("x", NumberTensor)],
  attrs: { k: attr.int, axis: attr.int, largest: attr.bool.default(true) },
  results: [one("values", NumberTensor), one("indices", AnyTensor)],
  traits: [Pure],
  infer: ({ x, k, axis }) => {
    const shape = x.type.shape.map((d, i) => (i === axis ? k : d));
    return [tensor(shape, x.type.element), tensor(shape, i64)];
  },
  verify({ x, k, axis }, fail) {
    const { shape } = x.type;
    if (axis < 0 || axis >= shape.length) fail(`there is no axis ${axis} in ${shapeText(shape)}`);
    else if (k < 0 || k > shape[axis]!) fail(`${k} of ${shape[axis]} elements are wanted`);
  },
  evaluate: ({ x, k, axis, largest }) => {
    const xs = elementsOf(x);
    const stored = storedOf(x);
    const shape = x.shape.map((d, i) => (i === axis ? k : d));
    const values = allocateLike(x, product(shape));
    const indices = new BigInt64Array(product(shape));
    const order = (a: Num, b: Num): number => (a === b ? 0 : a > b !== largest ? 1 : -1);
    let line = 0;
    forEachLine(x.shape, axis, (first, step, length) => {
      const places = Array.from({ length }, (_, i) => i);
      places.sort((p, q) => order(xs[first + p * step]!, xs[first + q * step]!) || p - q);
      const outer = Math.floor(line / step);
      for (let n = 0; n < k; n++) {
        const to = (outer * k + n) * step + (line % step);
        values[to] = stored[first + places[n]! * step] as never;
        indices[to] = BigInt(places[n]!);
      }
      line++;
    });
    return [sameStored(x, shape, values), new NDArray("i64", shape, indices)];
  },
  expand({ x, k, axis, largest, values, indices }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    // The best of those that are left, k times.
    const free = filled(b, tensor(x.type.shape, i1), 0);
    const starts = [free, empty(b, values.type), empty(b, indices.type)];
    const made = forTurns(b, k, starts, (inner, i, [taken, best, places]) => {
      const [value, at] = bestLeft(inner, x, taken!, axis, largest);
      const offsets = x.type.shape.map((_, d): Place => (d === axis ? i : 0));
      const now = elementwise(
        inner,
        free.type,
        [taken!, placesAlong(inner, x.type.shape, axis), at],
        (deeper, t, p, q) => arith.ori(deeper, t!, arith.cmpi(deeper, p!, q!, { predicate: "eq" })),
      );
      return [now, putAt(inner, value, best!, offsets), putAt(inner, at, places!, offsets)];
    });
    return [made[1]!, made[2]!];
  },
});

export const nonzero = defineOp("graph.nonzero", {
  doc: "The places of all elements that are not zero, one column each, in order (ONNX NonZero).",
  operands: [one("x", AnyTensor)],
  results: [one("indices", AnyTensor)],
  traits: [Pure],
  infer: ({ x }) => [tensor([x.type.shape.length, dynamic], i64)],
  evaluate: ({ x }) => {
    const xs = elementsOf(x);
    const found: number[][] = [];
    forEachPlace(x.shape, x.strides, (n, _, coordinate) => {
      if (xs[n] !== 0 && xs[n] !== 0n) found.push(coordinate.slice());
    });
    const rows = x.shape.map((_, d) => found.map((c) => BigInt(c[d]!)));
    return NDArray.from("i64", [x.rank, found.length], rows.flat());
  },
});

export const compress = defineOp("graph.compress", {
  doc: "The slices along an axis for which a condition is true (ONNX Compress). A condition that is too short is false beyond its end.",
  operands: [one("x", AnyTensor), one("condition", AnyTensor)],
  attrs: { axis: attr.int },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x, axis }) => [
    tensor(
      x.type.shape.map((d, i) => (i === axis ? dynamic : d)),
      x.type.element,
    ),
  ],
  evaluate: ({ x, condition, axis }) => {
    const keep = numbersOf(condition);
    const places: number[] = [];
    for (let i = 0; i < Math.min(keep.length, x.shape[axis]!); i++) if (keep[i]) places.push(i);
    const outer = product(x.shape.slice(0, axis));
    const inner = product(x.shape.slice(axis + 1));
    const from = storedOf(x) as Float64Array;
    const out = allocateLike(x, outer * places.length * inner) as Float64Array;
    let to = 0;
    for (let o = 0; o < outer; o++) {
      for (const p of places) {
        const start = (o * x.shape[axis]! + p) * inner;
        out.set(from.subarray(start, start + inner), to);
        to += inner;
      }
    }
    return sameStored(
      x,
      x.shape.map((d, i) => (i === axis ? places.length : d)),
      out,
    );
  },
});

export const nms = defineOp("graph.nms", {
  doc:
    "Boxes by falling score that overlap no better box by more than a threshold, as rows of batch, class and box (ONNX " +
    "NonMaxSuppression). boxes [N, B, 4], scores [N, C, B]; limits are tensors of one element.",
  operands: [
    one("boxes", FloatTensor),
    one("scores", FloatTensor),
    optional("max_output", AnyTensor),
    optional("iou_threshold", FloatTensor),
    optional("score_threshold", FloatTensor),
  ],
  attrs: { centred: attr.bool.default(false) },
  results: [one("selected", AnyTensor)],
  traits: [Pure],
  infer: () => [tensor([dynamic, 3], i64)],
  verify({ boxes, scores }, fail) {
    const [b, s] = [boxes.type.shape, scores.type.shape];
    if (b.length !== 3 || b[2] !== 4 || s.length !== 3 || b[0] !== s[0] || b[1] !== s[2]) {
      fail(`boxes of ${shapeText(b)} and scores of ${shapeText(s)} do not fit`);
    }
  },
  evaluate: ({ boxes, scores, max_output, iou_threshold, score_threshold, centred }) => {
    const only = (a: NDArray | undefined): number | undefined => a && Number(numbersOf(a)[0]);
    const limit = only(max_output) ?? 0;
    const overlap = only(iou_threshold) ?? 0;
    const least = only(score_threshold);
    const [batch = 0, count = 0] = boxes.shape;
    const classes = scores.shape[1]!;
    const corners = cornersOf(numbersOf(boxes), centred);
    const points = numbersOf(scores);
    const found: bigint[] = [];
    for (let n = 0; n < batch; n++) {
      for (let c = 0; c < classes; c++) {
        const score = (i: number): number => points[(n * classes + c) * count + i]!;
        const order = Array.from({ length: count }, (_, i) => i)
          .filter((i) => least === undefined || score(i) > least)
          .sort((p, q) => score(q) - score(p) || p - q);
        const kept: number[] = [];
        for (const i of order) {
          if (kept.length >= limit) break;
          if (kept.some((k) => intersectionOverUnion(corners, n * count + i, n * count + k) > overlap)) continue;
          kept.push(i);
          found.push(BigInt(n), BigInt(c), BigInt(i));
        }
      }
    }
    return NDArray.from("i64", [found.length / 3, 3], found);
  },
});

/** Smaller and larger coordinates: y1, x1, y2, x2. */
function cornersOf(boxes: ArrayLike<number>, centred: boolean): Float64Array {
  const out = new Float64Array(boxes.length);
  for (let i = 0; i < boxes.length; i += 4) {
    const [a, b, c, d] = [boxes[i]!, boxes[i + 1]!, boxes[i + 2]!, boxes[i + 3]!];
    const box = centred
      ? [b - d / 2, a - c / 2, b + d / 2, a + c / 2]
      : [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
    out.set(box, i);
  }
  return out;
}

function intersectionOverUnion(boxes: Float64Array, p: number, q: number): number {
  const at = (box: number, i: number): number => boxes[box * 4 + i]!;
  const height = Math.min(at(p, 2), at(q, 2)) - Math.max(at(p, 0), at(q, 0));
  const width = Math.min(at(p, 3), at(q, 3)) - Math.max(at(p, 1), at(q, 1));
  if (height <= 0 || width <= 0) return 0;
  const area = (box: number): number => (at(box, 2) - at(box, 0)) * (at(box, 3) - at(box, 1));
  return (height * width) / (area(p) + area(q) - height * width);
}

export const unique = defineOp("graph.unique", {
  doc:
    "Slices along an axis (or, without one, elements) without repetition: themselves, where each first stands, which one " +
    "each slice is, and how often (ONNX Unique). Sorted, or as they first appear.",
  operands: [one("x", AnyTensor)],
  attrs: { axis: attr.int, sorted: attr.bool.default(true) },
  results: [one("y", AnyTensor), one("first", AnyTensor), one("inverse", AnyTensor), one("counts", AnyTensor)],
  traits: [Pure],
  infer: ({ x, axis }) => {
    const { shape, element } = x.type;
    const some = tensor([dynamic], i64);
    const kept = shape.map((d, i) => (i === axis ? dynamic : d));
    return [tensor(kept, element), some, tensor([sizeFrom([shape[axis] ?? 1], (n) => n)], i64), some];
  },
  evaluate: ({ x, axis, sorted }) => {
    const moved = x.transpose([axis, ...x.shape.map((_, i) => i).filter((i) => i !== axis)]).copy();
    const count = moved.shape[0] ?? 0;
    const size = count === 0 ? 0 : moved.size / count;
    const xs = elementsOf(moved);
    const compare = (p: number, q: number): number => {
      for (let i = 0; i < size; i++) {
        const [a, b] = [xs[p * size + i]!, xs[q * size + i]!];
        if (a !== b) return a < b ? -1 : 1;
      }
      return 0;
    };
    const order = Array.from({ length: count }, (_, i) => i).sort((p, q) => compare(p, q) || p - q);
    const groups: number[][] = [];
    for (const i of order) {
      const last = groups[groups.length - 1];
      if (last && compare(last[0]!, i) === 0) last.push(i);
      else groups.push([i]);
    }
    if (!sorted) groups.sort((g, h) => g[0]! - h[0]!);
    const inverse = new BigInt64Array(count);
    groups.forEach((g, n) => {
      for (const i of g) inverse[i] = BigInt(n);
    });
    const stored = storedOf(moved) as Float64Array;
    const out = allocateLike(x, groups.length * size) as Float64Array;
    groups.forEach((g, n) => {
      out.set(stored.subarray(g[0]! * size, (g[0]! + 1) * size), n * size);
    });
    const rest = moved.shape.slice(1);
    const back = x.shape.map((_, i) => (i === axis ? 0 : i < axis ? i + 1 : i));
    const n = [groups.length];
    return [
      sameStored(x, [groups.length, ...rest], out)
        .transpose(back)
        .contiguous(),
      NDArray.from(
        "i64",
        n,
        groups.map((g) => BigInt(g[0]!)),
      ),
      new NDArray("i64", [count], inverse),
      NDArray.from(
        "i64",
        n,
        groups.map((g) => BigInt(g.length)),
      ),
    ];
  },
});

// --- in lower words -----------------------------------------------------------------------------------------------

/** Numbers 0, 1, … along an axis, the other dimensions of size 1. */
function placesAlong(b: Builder, shape: Shape, axis: number): TensorValue {
  const size = shape[axis]!;
  const numbers = NDArray.from(
    "i64",
    shape.map((_, d) => (d === axis ? size : 1)),
    Array.from({ length: size }, (_, i) => BigInt(i)),
  );
  return constantTensor(b, numbers, i64);
}

/** The best element along an axis that is not taken yet, and where it stands; both keep the axis, with size 1. */
function bestLeft(
  b: Builder,
  x: TensorValue,
  taken: TensorValue,
  axis: number,
  largest: boolean,
): readonly [TensorValue, TensorValue] {
  const { shape, element } = x.type;
  const rank = shape.length;
  const kept = range(rank).filter((d) => d !== axis);
  const order = [...kept, axis];
  const line = shape.filter((_, d) => d !== axis);
  const inMap = affineMap(
    rank,
    0,
    range(rank).map((d) => dim(order.indexOf(d))),
  );
  const outMap = affineMap(
    rank,
    0,
    kept.map((_, i) => dim(i)),
  );
  const [value, at] = loops(b, {
    iterators: order.map((_, i) => (i < kept.length ? "parallel" : "reduction")),
    inputs: [
      [x, inMap],
      [taken, inMap],
    ],
    outputs: [
      [filled(b, tensor(line, element), 0), outMap],
      [filled(b, tensor(line, i64), -1), outMap],
    ],
    body(inner, v, gone, best, place) {
      const e = new Scalars(inner, element);
      const p = new Scalars(inner, i64);
      const here = arith.index_cast(inner, linalgIndex(inner, { dim: rank - 1 }), { types: [i64] });
      const better = arith.ori(inner, p.is("lt", place!, p.num(0)), e.is(largest ? "gt" : "lt", v!, best!));
      const free = arith.xori(inner, gone!, arith.constantInteger(inner, 1, i1));
      const wins = arith.andi(inner, free, better);
      return [e.select(wins, v!, best!), e.select(wins, here, place!)];
    },
  });
  const flat = shape.map((d, i) => (i === axis ? 1 : d));
  return [reshaped(b, value!, flat), reshaped(b, at!, flat)];
}
