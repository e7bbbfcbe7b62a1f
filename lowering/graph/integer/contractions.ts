/**
 * @file Sums of products of quantized numbers as sums of products of their integers: (x - p)(w - q) summed, times both
 * scales. Zero points of constants leave the inner loop: the weights' own are taken from them, x's goes into the bias,
 * and padding is with x's zero point.
 */
import { cast } from "../../../dialects/graph/cast.ts";
import { conv } from "../../../dialects/graph/conv.ts";
import { add } from "../../../dialects/graph/elementwise.ts";
import { gemm, matmul } from "../../../dialects/graph/matmul.ts";
import { channelAxis, product, range, type TensorValue } from "../../../dialects/graph/op.ts";
import { average_pool } from "../../../dialects/graph/pool.ts";
import { conv_integer, matmul_integer } from "../../../dialects/graph/quant.ts";
import { reduce_mean, reduce_sum } from "../../../dialects/graph/reduce.ts";
import { pad } from "../../../dialects/graph/shape.ts";
import { activationShape } from "../../../dialects/graph/window.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { i8, i16, i32, type Type, tensor } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { derivedConstant, type Known, knownOf } from "../constants.ts";
import { alongAxis, isByte, isWhole, numbers, numbersOf, type Quantized, quantizedOf, shapeOf } from "./quantized.ts";

/** Sums in 32 bits, which times the factors are the numbers that are wanted. */
export interface Sums {
  readonly value: TensorValue;
  /** One for all, or one per slice along the axis. */
  readonly factors: ArrayLike<number>;
  /** The same before they are rounded to single precision. */
  readonly exact: readonly number[];
  readonly axis: number;
}

/** How to write a value with integers. */
export type Plan = (b: Builder) => Sums;

/** Beyond this a bias may leave 32 bits together with the sums. */
const largestBias = 2 ** 30;

/** How a contraction, or an average, of dequantized numbers is one of integers; undefined if it is not. */
export const planOf = (v: Value): Plan | undefined => planConv(v) ?? planMatrix(v) ?? planPool(v) ?? planMean(v);

/** Weights that are constants, less their zero points. */
interface Weights {
  readonly known: Known;
  readonly element: Type;
  readonly read: () => NDArray;
  readonly scales: ArrayLike<number>;
}

/** `axis` is that of the results: it alone may have scales and zero points of its own. */
function weightsOf(q: Quantized, axis: number): Weights | undefined {
  const known = knownOf(q.x);
  const many = Math.max(q.scales.length, q.zeros.length);
  if (!known || !isByte(q.element) || (many > 1 && q.axis !== axis)) return undefined;
  const zeros = Array.from(q.zeros);
  if (zeros.every((z) => z === 0)) return { known, element: q.element, read: known.array, scales: q.scales };
  const { shape } = q.x.type;
  const inner = product(shape.slice(axis + 1));
  const values = numbersOf(known).map(
    (v, i) => v - zeros[zeros.length === 1 ? 0 : Math.floor(i / inner) % shape[axis]!]!,
  );
  const fits = values.every((v) => v >= -128 && v <= 127);
  const array = NDArray.from(fits ? "i8" : "i16", shape, values);
  return { known, element: fits ? i8 : i16, read: () => array, scales: q.scales };
}

/** Sums of the weights of each result. */
function sumsAlong(w: NDArray, axis: number): Float64Array {
  const count = w.shape[axis]!;
  const inner = product(w.shape.slice(axis + 1));
  const sums = new Float64Array(count);
  let i = 0;
  for (const v of w.contiguous().data as Int8Array) sums[Math.floor(i++ / inner) % count]! += v;
  return sums;
}

/** Factors of the sums are rounded as ONNX rounds them. */
const rounded = (exact: readonly number[]): Pick<Sums, "factors" | "exact"> => ({
  factors: exact.map(Math.fround),
  exact,
});
/** Sums of products are in steps of the product of both scales, */
const factorsOf = (x: Quantized, w: ArrayLike<number>) => rounded(Array.from(w, (s) => x.scales[0]! * s));
/** and sums that an average is made of in parts of a step. */
const averageOf = (x: Quantized, count: number) => rounded([x.scales[0]! / count]);

/**
 * A bias as integers in steps of the factors, less what x's zero point adds to each sum; undefined where it is not known or
 * too large. Biases that were quantized in these steps come out as they were.
 */
function biasOf(
  bias: Value | undefined,
  factors: ArrayLike<number>,
  zero: number,
  weights: ArrayLike<number>,
): Int32Array | undefined {
  const own = bias && numbersOfBias(bias);
  if (bias && !own) return undefined;
  const out = new Int32Array(weights.length);
  for (let i = 0; i < out.length; i++) {
    const step = factors[factors.length === 1 ? 0 : i]!;
    const whole = own ? Math.round(own(own.length === 1 ? 0 : i) / step) : 0;
    const sum = whole - zero * weights[i]!;
    if (!(Math.abs(sum) < largestBias)) return undefined;
    out[i] = sum;
  }
  return out;
}

function numbersOfBias(v: Value): ((i: number) => number) | undefined {
  const q = quantizedOf(v);
  const known = knownOf(q ? q.x : v);
  if (!known || (shapeOf(v).length > 1 && product(shapeOf(v)) !== shapeOf(v).at(-1))) return undefined;
  const values = numbersOf(known);
  const read = (i: number): number => {
    const x = values[i]!;
    if (!q) return x;
    return (x - q.zeros[q.zeros.length === 1 ? 0 : i]!) * q.scales[q.scales.length === 1 ? 0 : i]!;
  };
  return Object.defineProperty(read, "length", { value: values.length });
}

function planConv(v: Value): Plan | undefined {
  const c = conv.match(v);
  const x = c && quantizedOf(c.x);
  const q = c && quantizedOf(c.w);
  if (!c || !x || !q || !isWhole(x) || !isByte(x.element)) return undefined;
  const rank = shapeOf(c.w).length;
  const out = c.layout === "channels-first" ? 0 : rank - 1;
  const w = weightsOf(q, out);
  if (!w) return undefined;
  const zero = x.zeros[0]!;
  const factors = factorsOf(x, w.scales);
  const bias = biasOf(c.bias, factors.factors, zero, sumsAlong(w.read(), out));
  if (!bias) return undefined;
  return (b) => {
    const { strides, dilations, group, layout, pads } = c;
    const image =
      zero === 0
        ? x.x
        : paddedBy(
            b,
            x,
            activationShape(layout, 0, 0, pads.slice(0, rank - 2)),
            activationShape(layout, 0, 0, pads.slice(rank - 2)),
          );
    const value = conv_integer(
      b,
      image,
      constantWeights(b, w),
      undefined,
      undefined,
      numbers(b, bias, i32, [bias.length]),
      {
        strides,
        dilations,
        group,
        layout,
        pads: zero === 0 ? pads : pads.map(() => 0),
      },
    ) as TensorValue;
    return { value, ...factors, axis: channelAxis(layout, rank) };
  };
}

/** x with its zero point around it. */
function paddedBy(b: Builder, x: Quantized, low: readonly number[], high: readonly number[]): TensorValue {
  if ([...low, ...high].every((n) => n === 0)) return x.x;
  return pad(b, x.x, numbers(b, [x.zeros[0]!], x.element, []), { low, high, mode: "constant" }) as TensorValue;
}

const constantWeights = (b: Builder, w: Weights, turn?: readonly number[]): Value => {
  const { shape } = w.read();
  const turned = turn ? turn.map((d) => shape[d]!) : shape;
  if (!turn && w.read === w.known.array) return w.known.op.result();
  return derivedConstant(b, tensor(turned, w.element), [w.known], "whole", () =>
    turn ? w.read().transpose(turn).copy() : w.read(),
  );
};

/** Matrix products: gemm, or matmul with the bias added behind it or not. */
function planMatrix(v: Value): Plan | undefined {
  const parts = matrixParts(v);
  const x = parts && quantizedOf(parts.a);
  const q = parts && quantizedOf(parts.b);
  if (!parts || !x || !q || !isWhole(x) || !isByte(x.element) || shapeOf(parts.b).length !== 2) return undefined;
  const columns = parts.turned ? 0 : 1;
  const w = weightsOf(q, columns);
  if (!w || shapeOf(parts.a).length < 2) return undefined;
  const factors = factorsOf(x, w.scales);
  const bias = biasOf(parts.bias, factors.factors, x.zeros[0]!, sumsAlong(w.read(), columns));
  if (!bias) return undefined;
  return (b) => {
    const sums = matmul_integer(b, x.x, constantWeights(b, w, parts.turned ? [1, 0] : undefined), undefined, undefined);
    const value = bias.every((n) => n === 0) ? sums : add(b, sums, numbers(b, bias, i32, [bias.length]));
    return { value: value as TensorValue, ...factors, axis: shapeOf(v).length - 1 };
  };
}

interface MatrixParts {
  readonly a: Value;
  readonly b: Value;
  readonly bias?: Value | undefined;
  readonly turned: boolean;
}

function matrixParts(v: Value): MatrixParts | undefined {
  const g = gemm.match(v);
  if (g)
    return g.alpha === 1 && g.beta === 1 && !g.transA ? { a: g.a, b: g.b, bias: g.c, turned: g.transB } : undefined;
  const m = matmul.match(v);
  if (m) return { a: m.a, b: m.b, turned: false };
  const sum = add.match(v);
  for (const [product, bias] of sum ? [[sum.a, sum.b] as const, [sum.b, sum.a] as const] : []) {
    const inner = product.hasOneUse ? matmul.match(product) : undefined;
    if (inner && numbersOfBias(bias)) return { a: inner.a, b: inner.b, bias, turned: false };
  }
  return undefined;
}

/** An average over windows that do not reach beyond x: a sum over each channel with weights of 1. */
function planPool(v: Value): Plan | undefined {
  const p = average_pool.match(v);
  const x = p && quantizedOf(p.x);
  if (!p || !x || !isWhole(x) || !isByte(x.element) || p.ceil_mode || p.pads.some((n) => n !== 0)) return undefined;
  const { kernel, strides, dilations, layout, pads } = p;
  const channels = shapeOf(p.x)[channelAxis(layout, kernel.length + 2)]!;
  const taps = product(kernel);
  return (b) => {
    const shape = layout === "channels-first" ? [channels, 1, ...kernel] : [...kernel, 1, channels];
    const ones = numbers(b, new Array<number>(product(shape)).fill(1), i8, shape);
    const bias = numbers(b, new Array<number>(channels).fill(-x.zeros[0]! * taps), i32, [channels]);
    const geometry = { strides, dilations, layout, pads, group: channels };
    const value = conv_integer(b, x.x, ones, undefined, undefined, bias, geometry) as TensorValue;
    return { value, ...averageOf(x, taps), axis: 0 };
  };
}

function planMean(v: Value): Plan | undefined {
  const m = reduce_mean.match(v);
  const x = m && quantizedOf(m.x as Value);
  if (!m || !x || !isWhole(x) || !isByte(x.element)) return undefined;
  const { axes, keepdims } = m;
  const count = product(axes.map((a) => shapeOf(m.x as Value)[a]!));
  if (count > 2 ** 22) return undefined;
  return (b) => {
    const sums = reduce_sum(b, cast(b, x.x, { to: i32 }), { axes, keepdims });
    const shift = -x.zeros[0]! * count;
    const value = shift === 0 ? sums : add(b, sums, numbers(b, [shift], i32, []));
    return { value: value as TensorValue, ...averageOf(x, count), axis: 0 };
  };
}

/** Shape in which values along an axis are broadcast to sums. */
export const factorShape = (s: Sums): number[] => alongAxis(s.factors.length, s.axis, s.value.type.shape.length);

/** Zero points of constants that operators on integers carry are taken out of their loops. */
export function withoutZeros(b: Builder, v: Value): Value | undefined {
  const c = conv_integer.match(v);
  if (!c || (!c.x_zero && !c.w_zero) || !isByte(c.x.type.element)) return undefined;
  const zeros = c.w_zero ? knownOf(c.w_zero) : undefined;
  const xZero = c.x_zero ? knownOf(c.x_zero) : undefined;
  const known = knownOf(c.w);
  if (!known || (c.w_zero && !zeros) || (c.x_zero && !xZero) || c.w.type.element.kind !== "integer") return undefined;
  const rank = c.w.type.shape.length;
  const out = c.layout === "channels-first" ? 0 : rank - 1;
  const asQuantized = (x: TensorValue, zero: readonly number[], axis: number): Quantized => ({
    x,
    element: x.type.element as Quantized["element"],
    scales: [1],
    zeros: zero,
    axis,
    scale: known,
  });
  const w = weightsOf(asQuantized(c.w, zeros ? numbersOf(zeros) : [0], out), out);
  if (!w) return undefined;
  const zero = xZero ? numbersOf(xZero)[0]! : 0;
  const bias = c.bias ? knownOf(c.bias) : undefined;
  if (c.bias && !bias) return undefined;
  const sums = sumsAlong(w.read(), out);
  const own = bias ? numbersOf(bias) : [0];
  const whole = sums.map((s, i) => (own.length === 1 ? own[0]! : own[i]!) - zero * s);
  if (whole.some((n) => !(Math.abs(n) < largestBias))) return undefined;
  const x = asQuantized(c.x, [zero], 0);
  const { strides, dilations, group, layout, pads } = c;
  const [low, high] = [0, 1].map((side) =>
    activationShape(layout, 0, 0, pads.slice(side * (rank - 2), (side + 1) * (rank - 2))),
  );
  const image = zero === 0 ? c.x : paddedBy(b, x, low!, high!);
  return conv_integer(b, image, constantWeights(b, w), undefined, undefined, numbers(b, whole, i32, [whole.length]), {
    strides,
    dilations,
    group,
    layout,
    pads: zero === 0 ? pads : range(pads.length).map(() => 0),
  });
}
