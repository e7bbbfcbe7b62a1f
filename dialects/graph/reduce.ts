/** @file Reductions over axes: sums, products, extremes, and where they stand. */
import { affineMap, constant } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Constraint } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, i64, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import { arrayOf, elementsOf, forEachRow } from "./data.ts";
import { dim, elementwise, filled, loops, reshaped, rounded } from "./expand.ts";
import {
  AnyTensor,
  isFloat,
  isUnsigned,
  NumberTensor,
  product,
  ReducesAxes,
  range,
  type Shape,
  shapeText,
  type TensorValue,
} from "./op.ts";
import { convertScalar, Scalars, sumType } from "./scalars.ts";

const reduceAttrs = {
  /** Counted from 0, ascending. */
  axes: attr.ints,
  /** Reduced dimensions stay, with size 1. */
  keepdims: attr.bool.default(true),
} as const;

export const reducedShape = (shape: Shape, axes: readonly number[], keepdims: boolean): number[] =>
  keepdims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));

/** Row-major strides of the reduced array, seen from the whole one: 0 along reduced axes. */
function reducedStrides(shape: Shape, axes: readonly number[]): number[] {
  let step = 1;
  return shape
    .map((_, i) => shape.length - 1 - i)
    .map((d): number => {
      if (axes.includes(d)) return 0;
      const own = step;
      step *= shape[d]!;
      return own;
    })
    .reverse();
}

/** How two partial results become one; by what it is given, as elementwise kernels are. */
interface Folding {
  readonly start: (t: Type) => Num;
  readonly float: (acc: number, x: number) => number;
  readonly big: (acc: bigint, x: bigint) => bigint;
}

/** Folds in double precision, 64-bit integers exactly. */
function fold(x: NDArray, element: Type, axes: readonly number[], f: Folding): Num[] | Float64Array {
  const shape = x.shape;
  const count = product(reducedShape(shape, axes, true));
  const start = f.start(element);
  const strides = reducedStrides(shape, axes);
  const last = shape.length - 1;
  const length = last < 0 ? 1 : shape[last]!;
  const step = strides[last] ?? 0;
  const data = elementsOf(x);
  if (typeof start === "bigint") {
    const acc = new Array<bigint>(count).fill(start);
    forEachRow(shape, [strides], (first, [at = 0]) => {
      for (let i = 0; i < length; i++) acc[at + i * step] = f.big(acc[at + i * step]!, data[first + i] as bigint);
    });
    return acc;
  }
  const acc = new Float64Array(count).fill(start);
  forEachRow(shape, [strides], (first, [at = 0]) => {
    for (let i = 0; i < length; i++) acc[at + i * step] = f.float(acc[at + i * step]!, data[first + i] as number);
  });
  return acc;
}

interface Reduction {
  readonly doc: string;
  readonly on?: Constraint<TensorType>;
  readonly folding: Folding;
  readonly combine: (e: Scalars, acc: Value, x: Value) => Value;
  /** Sums are divided by the number of elements. */
  readonly mean?: boolean;
}

const isWide = (t: Type): boolean => t.kind === "integer" && t.width > 32;
const neutral =
  (value: number) =>
  (t: Type): Num =>
    isWide(t) ? BigInt(value) : value;

/** The smallest (sign -1) or largest number of a type. */
export function extreme(t: Type, sign: 1 | -1): Num {
  if (t.kind !== "integer") return sign * Number.POSITIVE_INFINITY;
  const bits = BigInt(t.width);
  const unsigned = isUnsigned(t);
  const value =
    sign < 0 ? (unsigned ? 0n : -(1n << (bits - 1n))) : unsigned ? (1n << bits) - 1n : (1n << (bits - 1n)) - 1n;
  return isWide(t) ? value : Number(value);
}

function reduction<const N extends string>(name: N, parts: Reduction) {
  const { doc, on = NumberTensor, folding, combine, mean = false } = parts;
  return defineOp(`graph.${name}`, {
    doc,
    operands: [one("x", on)],
    attrs: reduceAttrs,
    results: [one("y", AnyTensor)],
    traits: [Pure, ReducesAxes],
    infer: ({ x, axes, keepdims }) => [tensor(reducedShape(x.type.shape, axes, keepdims), x.type.element)],
    verify({ x, axes }, fail) {
      const rank = x.type.shape.length;
      if (axes.some((a, i) => a < 0 || a >= rank || (i > 0 && a <= axes[i - 1]!))) {
        fail(`'axes' ${shapeText(axes)} must be ascending dimensions of ${shapeText(x.type.shape)}`);
      }
    },
    evaluate: ({ x, axes, keepdims }, run) => {
      const { element } = run.operandType(0) as TensorType;
      const values = fold(x, element, axes, folding);
      const count = product(axes.map((a) => x.shape[a]!));
      const shares = mean ? Array.from(values, (v) => shareOf(v, count, element)) : values;
      return arrayOf(element, reducedShape(x.shape, axes, keepdims), shares);
    },
    expand({ x, axes, keepdims }, b) {
      if (!hasStaticShape(x.type)) return undefined;
      const { element } = x.type;
      const wide = sumType(element);
      const e = (inner: Builder): Scalars => new Scalars(inner, wide);
      const init = filled(b, tensor(reducedShape(x.type.shape, axes, keepdims), wide), folding.start(wide));
      const sums = reduced(b, x, axes, init, (inner, v, acc) =>
        combine(e(inner), acc, convertScalar(inner, v, element, wide)),
      );
      const count = product(axes.map((a) => x.type.shape[a]!));
      const result = mean
        ? elementwise(b, sums.type, [sums], (inner, v) =>
            isFloat(wide) ? e(inner).mul(v!, e(inner).num(1 / count)) : e(inner).div(v!, e(inner).num(count)),
          )
        : sums;
      return [rounded(b, result, element)];
    },
  });
}

const shareOf = (v: Num, count: number, element: Type): Num => {
  if (typeof v === "bigint") return v / BigInt(count);
  return isFloat(element) ? v / count : Math.trunc(v / count);
};

/** Loops over x, the reduced axes as reductions; the result lacks them, or has one element along each, as `init` has. */
export function reduced(
  b: Builder,
  x: TensorValue,
  axes: readonly number[],
  init: TensorValue,
  body: (inner: Builder, v: Value, acc: Value) => Value,
): TensorValue {
  const rank = x.type.shape.length;
  const kept = range(rank).filter((d) => !axes.includes(d));
  const order = [...kept, ...axes];
  const results = range(rank).map((d) => dim(order.indexOf(d)));
  const dims = init.type.shape.length === rank ? range(rank) : kept;
  const [made] = loops(b, {
    iterators: order.map((_, i) => (i < kept.length ? "parallel" : "reduction")),
    inputs: [[x, affineMap(rank, 0, results)]],
    outputs: [
      [
        init,
        affineMap(
          rank,
          0,
          dims.map((d) => (axes.includes(d) ? constant(0) : dim(order.indexOf(d)))),
        ),
      ],
    ],
    body: (inner, v, acc) => body(inner, v!, acc!),
  });
  return made!;
}

const sums: Folding = { start: neutral(0), float: (a, x) => a + x, big: (a, x) => a + x };

export const reduce_sum = reduction("reduce_sum", {
  doc: "Sums over axes, in any order.",
  folding: sums,
  combine: (e, acc, x) => e.accumulate(acc, x),
});
export const reduce_mean = reduction("reduce_mean", {
  doc: "Averages over axes; the sums in any order.",
  folding: sums,
  combine: (e, acc, x) => e.accumulate(acc, x),
  mean: true,
});
export const reduce_prod = reduction("reduce_prod", {
  doc: "Products over axes, in any order.",
  folding: { start: neutral(1), float: (a, x) => a * x, big: (a, x) => a * x },
  combine: (e, acc, x) => e.mul(acc, x),
});
export const reduce_max = reduction("reduce_max", {
  doc: "The largest elements along axes; NaN if one is.",
  on: AnyTensor,
  folding: { start: (t) => extreme(t, -1), float: Math.max, big: (a: bigint, x: bigint) => (a > x ? a : x) },
  combine: (e, acc, x) => e.max(acc, x),
});
export const reduce_min = reduction("reduce_min", {
  doc: "The smallest elements along axes; NaN if one is.",
  on: AnyTensor,
  folding: { start: (t) => extreme(t, 1), float: Math.min, big: (a: bigint, x: bigint) => (a < x ? a : x) },
  combine: (e, acc, x) => e.min(acc, x),
});

export const arg_extreme = defineOp("graph.arg_extreme", {
  doc: "Where the largest or smallest element along an axis stands (ONNX ArgMax, ArgMin); of equal ones the first or the last.",
  operands: [one("x", NumberTensor)],
  attrs: {
    axis: attr.int,
    keepdims: attr.bool.default(true),
    smallest: attr.bool.default(false),
    last: attr.bool.default(false),
  },
  results: [one("indices", AnyTensor)],
  traits: [Pure],
  infer: ({ x, axis, keepdims }) => [tensor(reducedShape(x.type.shape, [axis], keepdims), i64)],
  verify({ x, axis }, fail) {
    if (axis < 0 || axis >= x.type.shape.length) fail(`there is no axis ${axis} in ${shapeText(x.type.shape)}`);
  },
  evaluate: ({ x, axis, keepdims, smallest, last }) => {
    const shape = x.shape;
    const count = product(reducedShape(shape, [axis], true));
    const best = new Array<Num | undefined>(count).fill(undefined);
    const where = new BigInt64Array(count);
    const strides = reducedStrides(shape, [axis]);
    const data = elementsOf(x);
    const inner = product(shape.slice(axis + 1));
    const rank = shape.length - 1;
    forEachRow(shape, [strides], (first, [at = 0]) => {
      for (let i = 0; i < shape[rank]!; i++) {
        const n = at + i * strides[rank]!;
        const v = data[first + i]!;
        const b = best[n];
        const better = b === undefined || (smallest ? v < b : v > b) || (last && v === b);
        if (!better) continue;
        best[n] = v;
        where[n] = BigInt(Math.floor((first + i) / inner) % shape[axis]!);
      }
    });
    return new NDArray("i64", reducedShape(shape, [axis], keepdims), where);
  },
  expand({ x, axis, smallest, last, indices }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const { shape, element } = x.type;
    const rank = shape.length;
    const to = reducedShape(shape, [axis], false);
    const kept = range(rank).filter((d) => d !== axis);
    const order = [...kept, axis];
    const outMap = affineMap(
      rank,
      0,
      kept.map((_, i) => dim(i)),
    );
    const [, found] = loops(b, {
      iterators: order.map((_, i) => (i < kept.length ? "parallel" : "reduction")),
      inputs: [
        [
          x,
          affineMap(
            rank,
            0,
            range(rank).map((d) => dim(order.indexOf(d))),
          ),
        ],
      ],
      outputs: [
        [filled(b, tensor(to, element), extreme(element, smallest ? 1 : -1)), outMap],
        [filled(b, tensor(to, i64), 0), outMap],
      ],
      body(inner, v, best, at) {
        const e = new Scalars(inner, element);
        const here = arith.index_cast(inner, linalgIndex(inner, { dim: rank - 1 }), { types: [i64] });
        const test = smallest ? (last ? "le" : "lt") : last ? "ge" : "gt";
        const better = e.is(test, v!, best!);
        return [e.select(better, v!, best!), e.select(better, here, at!)];
      },
    });
    return [reshaped(b, found!, indices.type.shape)];
  },
});
