/** @file Normalisations: softmax, and what brings mean and variance to fixed values. */
import { constant } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { f32, hasStaticShape, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";
import { log } from "./activations.ts";
import { cast } from "./cast.ts";
import { arrayOf, broadcastStrides, doublesOf } from "./data.ts";
import { add, mul, sub } from "./elementwise.ts";
import { affineMap, dim, elementwise, empty, filled, identityMap, loops, padded, reshaped } from "./expand.ts";
import {
  broadcastFault,
  channelAxis,
  FloatTensor,
  layout,
  product,
  range,
  type Shape,
  sameDim,
  shapeText,
  type TensorValue,
} from "./op.ts";
import { reduce_mean, reduce_sum } from "./reduce.ts";
import { Scalars } from "./scalars.ts";

/** Calls `visit` for each line of elements along an axis: where it begins, how far apart its elements are. */
export function forEachLine(
  shape: Shape,
  axis: number,
  visit: (first: number, step: number, length: number) => void,
): void {
  const length = shape[axis] ?? 1;
  const step = product(shape.slice(axis + 1));
  const outer = product(shape.slice(0, axis));
  for (let o = 0; o < outer; o++) for (let i = 0; i < step; i++) visit(o * length * step + i, step, length);
}

export const shareBySum = defineInexact({
  name: "shares of a softmax in f32 as products with the reciprocal of the sum",
  from: "default",
  bound: "2 ulp",
});

const softmaxLike = <const N extends string>(name: N, doc: string, logarithm: boolean) =>
  defineOp(`graph.${name}`, {
    doc,
    operands: [one("x", FloatTensor)],
    attrs: { axis: attr.int },
    results: [one("y", FloatTensor)],
    traits: [Pure],
    infer: ({ x }) => [x.type],
    verify({ x, axis }, fail) {
      if (axis < 0 || axis >= x.type.shape.length) fail(`there is no axis ${axis} in ${shapeText(x.type.shape)}`);
    },
    evaluate: ({ x, axis }, run) => {
      const xs = doublesOf(x);
      const out = new Float64Array(xs.length);
      forEachLine(x.shape, axis, (first, step, length) => {
        let max = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < length; i++) max = Math.max(max, xs[first + i * step]!);
        let sum = 0;
        for (let i = 0; i < length; i++) sum += Math.exp(xs[first + i * step]! - max);
        for (let i = 0; i < length; i++) {
          const at = first + i * step;
          out[at] = logarithm ? xs[at]! - max - Math.log(sum) : Math.exp(xs[at]! - max) / sum;
        }
      });
      return arrayOf((run.resultType(0) as TensorType).element, x.shape, out);
    },
    // Largest element, exponentials, their sum, quotients: four nests of loops.
    expand({ x, axis, y }, b) {
      const at = { axes: [axis] };
      const { type } = x;
      const shifted = sub(b, x, largest(b, x, axis));
      const powers = elementwise(b, type, [shifted as TensorValue], (inner, v) => math.expOfNonPositive(inner, v));
      const sum = reduce_sum(b, powers, at);
      if (logarithm) return [sub(b, shifted, log(b, sum)) as TensorValue];
      const by = sum as TensorValue;
      if (type.element !== f32 || !y.definingOp || !allows(y.definingOp, shareBySum))
        return [elementwise(b, type, [powers, by], (inner, p, s) => new Scalars(inner, type.element).div(p, s))];
      // The sum is at least 1: its reciprocal has all digits.
      const share = elementwise(b, by.type, [by], (inner, s) => {
        const scalars = new Scalars(inner, type.element);
        return scalars.div(scalars.num(1), s);
      });
      return [elementwise(b, type, [powers, share], (inner, p, s) => new Scalars(inner, type.element).mul(p, s))];
    },
  });

/** The largest element along an axis, which stays. NaN may get lost: the exponentials of its line have it. */
function largest(b: Builder, x: TensorValue, axis: number): TensorValue {
  const { shape, element } = x.type;
  const rank = shape.length;
  const type = tensor(
    shape.map((d, i) => (i === axis ? 1 : d)),
    element,
  );
  const rows = affineMap(
    rank,
    0,
    range(rank).map((i) => (i === axis ? constant(0) : dim(i))),
  );
  const [made] = loops(b, {
    iterators: range(rank).map((i) => (i === axis ? "reduction" : "parallel")),
    inputs: [[x, identityMap(rank)]],
    outputs: [[filled(b, type, Number.NEGATIVE_INFINITY), rows]],
    body: (inner, v, acc) => arith.maximumf(inner, acc!, v!, { fastmath: ["nnan"] }),
  });
  return made!;
}

export const softmax = softmaxLike("softmax", "e^x divided by the sum of e^x along an axis.", false);
export const log_softmax = softmaxLike("log_softmax", "Logarithm of the softmax along an axis.", true);

// --- layer and RMS normalisation ----------------------------------------------------------------------------------

const axesFrom = (axis: number, rank: number): number[] => range(rank - axis, axis);

interface Affine {
  readonly scale: NDArray | undefined;
  readonly bias: NDArray | undefined;
}

/** Normalizes each run of elements, then scales and shifts by what is broadcast to it. */
function normalizeRuns(
  x: NDArray,
  axis: number,
  epsilon: number,
  centred: boolean,
  { scale, bias }: Affine,
): Float64Array {
  const xs = doublesOf(x);
  const out = new Float64Array(xs.length);
  const length = product(x.shape.slice(axis));
  const scales = scale && broadcastTo(scale, x.shape);
  const biases = bias && broadcastTo(bias, x.shape);
  for (let from = 0; from < xs.length; from += length) {
    const end = from + length;
    let mean = 0;
    if (centred) {
      for (let i = from; i < end; i++) mean += xs[i]!;
      mean /= length;
    }
    let variance = 0;
    for (let i = from; i < end; i++) variance += (xs[i]! - mean) ** 2;
    const share = 1 / Math.sqrt(variance / length + epsilon);
    for (let i = from; i < end; i++) {
      out[i] = (xs[i]! - mean) * share * (scales ? scales[i]! : 1) + (biases ? biases[i]! : 0);
    }
  }
  return out;
}

const broadcastTo = (a: NDArray, shape: Shape): Float64Array =>
  doublesOf(new NDArray("f64", shape, doublesOf(a), broadcastStrides(a.shape, shape)).copy());

/** 1 / sqrt(mean of squares + epsilon), with the shape of the means. */
function inverseRoot(b: Builder, squares: TensorValue, axes: readonly number[], epsilon: number): TensorValue {
  const mean = reduce_mean(b, squares, { axes }) as TensorValue;
  return elementwise(b, mean.type, [mean], (inner, v) => {
    const e = new Scalars(inner, mean.type.element);
    return e.div(e.num(1), math.sqrt(inner, e.add(v, e.num(epsilon))));
  });
}

/** Mean over axes taken away. */
const centredOf = (b: Builder, x: TensorValue, axes: readonly number[]): TensorValue =>
  sub(b, x, reduce_mean(b, x, { axes })) as TensorValue;

const normAttrs = {
  axis: attr.int,
  epsilon: attr.f32.default(1e-5),
  /** Half precision is widened while it is normalized. */
  stash: attr.type.default(f32),
} as const;

const wideType = (element: Type, stash: Type): Type =>
  element.kind === "float" && stash.kind === "float" && stash.width > element.width ? stash : element;

export const layer_norm = defineOp("graph.layer_norm", {
  doc: "Brings the dimensions from `axis` on to mean 0 and variance 1, then scales and shifts them (ONNX LayerNormalization).",
  operands: [one("x", FloatTensor), optional("scale", FloatTensor), optional("bias", FloatTensor)],
  attrs: normAttrs,
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, axis, scale, bias }, fail) {
    verifyAffine(x, axis, [scale, bias], fail);
  },
  evaluate: ({ x, scale, bias, axis, epsilon }, run) =>
    arrayOf((run.resultType(0) as TensorType).element, x.shape, normalizeRuns(x, axis, epsilon, true, { scale, bias })),
  expand({ x, scale, bias, axis, epsilon, stash }, b) {
    const axes = axesFrom(axis, x.type.shape.length);
    const wide = cast(b, x, { to: wideType(x.type.element, stash) }) as TensorValue;
    const centred = centredOf(b, wide, axes);
    const share = inverseRoot(b, mul(b, centred, centred) as TensorValue, axes, epsilon);
    const y = cast(b, mul(b, centred, share), { to: x.type.element });
    return [scaledAndShifted(b, y as TensorValue, scale, bias)];
  },
});

export const rms_norm = defineOp("graph.rms_norm", {
  doc: "Divides the dimensions from `axis` on by the root of their mean square, then scales them (ONNX RMSNormalization).",
  operands: [one("x", FloatTensor), optional("scale", FloatTensor)],
  attrs: normAttrs,
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, axis, scale }, fail) {
    verifyAffine(x, axis, [scale], fail);
  },
  evaluate: ({ x, scale, axis, epsilon }, run) =>
    arrayOf(
      (run.resultType(0) as TensorType).element,
      x.shape,
      normalizeRuns(x, axis, epsilon, false, { scale, bias: undefined }),
    ),
  expand({ x, scale, axis, epsilon, stash }, b) {
    const axes = axesFrom(axis, x.type.shape.length);
    const wide = cast(b, x, { to: wideType(x.type.element, stash) }) as TensorValue;
    const share = inverseRoot(b, mul(b, wide, wide) as TensorValue, axes, epsilon);
    const y = cast(b, mul(b, wide, share), { to: x.type.element });
    return [scaledAndShifted(b, y as TensorValue, scale, undefined)];
  },
});

function verifyAffine(
  x: TensorValue,
  axis: number,
  others: readonly (TensorValue | undefined)[],
  fail: (message: string) => void,
): void {
  if (axis < 0 || axis >= x.type.shape.length) fail(`there is no axis ${axis} in ${shapeText(x.type.shape)}`);
  for (const o of others) {
    const fault = o && broadcastFault([x.type.shape, o.type.shape]);
    if (fault || (o && o.type.shape.length > x.type.shape.length))
      fail(fault ?? "scale and bias have more dimensions than x");
  }
}

function scaledAndShifted(
  b: Builder,
  y: TensorValue,
  scale: TensorValue | undefined,
  bias: TensorValue | undefined,
): TensorValue {
  const same = (v: TensorValue): TensorValue =>
    v.type.element === y.type.element ? v : (cast(b, v, { to: y.type.element }) as TensorValue);
  const scaled = scale ? (mul(b, y, same(scale)) as TensorValue) : y;
  return bias ? (add(b, scaled, same(bias)) as TensorValue) : scaled;
}

// --- group and batch normalisation --------------------------------------------------------------------------------

export const group_norm = defineOp("graph.group_norm", {
  doc:
    "Brings each group of channels of each image to mean 0 and variance 1, then scales and shifts each channel (ONNX " +
    "GroupNormalization; with as many groups as channels InstanceNormalization). x is channels-first.",
  operands: [one("x", FloatTensor), one("scale", FloatTensor), one("bias", FloatTensor)],
  attrs: { groups: attr.int, epsilon: attr.f32.default(1e-5), stash: attr.type.default(f32) },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, scale, bias, groups }, fail) {
    const channels = x.type.shape[1];
    if (channels === undefined) fail(`x needs channels, has shape ${shapeText(x.type.shape)}`);
    else if (groups < 1 || channels % groups !== 0) fail(`${channels} channels cannot be split into ${groups} groups`);
    else verifyPerChannel(channels, [scale, bias], fail);
  },
  evaluate: ({ x, scale, bias, groups, epsilon }, run) => {
    const [batch = 1, channels = 1] = x.shape;
    const plane = product(x.shape.slice(2));
    const grouped = x.reshape([batch * groups, (channels / groups) * plane]);
    const values = normalizeRuns(grouped, 1, epsilon, true, { scale: undefined, bias: undefined });
    const scales = doublesOf(scale);
    const biases = doublesOf(bias);
    for (let i = 0; i < values.length; i++) {
      const c = Math.floor(i / plane) % channels;
      values[i] = values[i]! * scales[c]! + biases[c]!;
    }
    return arrayOf((run.resultType(0) as TensorType).element, x.shape, values);
  },
  expand({ x, scale, bias, groups, epsilon, stash }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const { shape, element } = x.type;
    const [batch = 1, channels = 1] = shape;
    const grouped = reshaped(b, x, [batch, groups, channels / groups, ...shape.slice(2)]);
    const wide = cast(b, grouped, { to: wideType(element, stash) }) as TensorValue;
    const axes = range(shape.length - 1, 2);
    const centred = centredOf(b, wide, axes);
    const share = inverseRoot(b, mul(b, centred, centred) as TensorValue, axes, epsilon);
    const normal = cast(b, mul(b, centred, share), { to: element }) as TensorValue;
    const y = reshaped(b, normal, shape);
    return [perChannel(b, y, 1, [scale, bias], (e, v, [s, o]) => e.add(e.mul(v, s!), o!))];
  },
});

function verifyPerChannel(channels: number, vectors: readonly TensorValue[], fail: (message: string) => void): void {
  for (const v of vectors) {
    if (v.type.shape.length !== 1 || !sameDim(v.type.shape[0]!, channels)) {
      fail(`one value per channel is needed, [${channels}], but the shape is ${shapeText(v.type.shape)}`);
    }
  }
}

/** One nest of loops over x and vectors along its channels. */
function perChannel(
  b: Builder,
  x: TensorValue,
  axis: number,
  vectors: readonly TensorValue[],
  body: (e: Scalars, v: Value, params: readonly Value[]) => Value,
): TensorValue {
  const rank = x.type.shape.length;
  const along = affineMap(rank, 0, [dim(axis)]);
  const [made] = loops(b, {
    iterators: range(rank).map(() => "parallel" as const),
    inputs: [[x, identityMap(rank)], ...vectors.map((v) => [v, along] as const)],
    outputs: [[empty(b, x.type), identityMap(rank)]],
    body: (inner, v, ...params) => body(new Scalars(inner, x.type.element), v!, params.slice(0, vectors.length)),
  });
  return made!;
}

export const batch_norm = defineOp("graph.batch_norm", {
  doc: "(x - mean) / sqrt(variance + epsilon) * scale + bias, each per channel and known (ONNX BatchNormalization at inference).",
  operands: [
    one("x", FloatTensor),
    one("scale", FloatTensor),
    one("bias", FloatTensor),
    one("mean", FloatTensor),
    one("variance", FloatTensor),
  ],
  attrs: { epsilon: attr.f32.default(1e-5), layout },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, scale, bias, mean, variance, layout: how }, fail) {
    const { shape } = x.type;
    const channels = shape[channelAxis(how, shape.length)] ?? 1;
    verifyPerChannel(channels, [scale, bias, mean, variance], fail);
  },
  evaluate: ({ x, scale, bias, mean, variance, epsilon, layout: how }, run) => {
    const xs = doublesOf(x);
    const [s, o, m, v] = [scale, bias, mean, variance].map(doublesOf) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const axis = channelAxis(how, x.rank);
    const plane = product(x.shape.slice(axis + 1));
    const channels = s.length;
    const out = new Float64Array(xs.length);
    for (let i = 0; i < xs.length; i++) {
      const c = Math.floor(i / plane) % channels;
      out[i] = ((xs[i]! - m[c]!) / Math.sqrt(v[c]! + epsilon)) * s[c]! + o[c]!;
    }
    return arrayOf((run.resultType(0) as TensorType).element, x.shape, out);
  },
  expand({ x, scale, bias, mean, variance, epsilon, layout: how }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const { element, shape } = x.type;
    const same = (v: TensorValue): TensorValue => cast(b, v, { to: element }) as TensorValue;
    const [s, o, m] = [scale, bias, mean].map(same) as [TensorValue, TensorValue, TensorValue];
    const axis = channelAxis(how, shape.length);
    const share = elementwise(b, s.type, [s, same(variance)], (inner, p, v) => {
      const e = new Scalars(inner, element);
      return e.div(p!, math.sqrt(inner, e.add(v!, e.num(epsilon))));
    });
    return [perChannel(b, x, axis, [m, share, o], (e, v, [c, f, a]) => e.add(e.mul(e.sub(v, c!), f!), a!))];
  },
});

export const lrn = defineOp("graph.lrn", {
  doc: "x / (bias + alpha / size * sum of squares of `size` neighbouring channels)^beta (ONNX LRN). x is channels-first.",
  operands: [one("x", FloatTensor)],
  attrs: { size: attr.int, alpha: attr.f32.default(1e-4), beta: attr.f32.default(0.75), bias: attr.f32.default(1) },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x }) => [x.type],
  verify({ x, size }, fail) {
    if (x.type.shape.length < 2 || size < 1) fail("x needs channels, and size must be positive");
  },
  evaluate: ({ x, size, alpha, beta, bias }, run) => {
    const xs = doublesOf(x);
    const out = new Float64Array(xs.length);
    const before = Math.floor((size - 1) / 2);
    forEachLine(x.shape, 1, (first, step, length) => {
      for (let c = 0; c < length; c++) {
        let sum = 0;
        const end = Math.min(length, c - before + size);
        for (let i = Math.max(0, c - before); i < end; i++) sum += xs[first + i * step]! ** 2;
        const at = first + c * step;
        out[at] = xs[at]! / (bias + (alpha / size) * sum) ** beta;
      }
    });
    return arrayOf((run.resultType(0) as TensorType).element, x.shape, out);
  },
  expand({ x, size, alpha, beta, bias }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const { shape, element } = x.type;
    const rank = shape.length;
    const e = (inner: Builder): Scalars => new Scalars(inner, element);
    const before = Math.floor((size - 1) / 2);
    const along = (n: number): number[] => shape.map((_, i) => (i === 1 ? n : 0));
    const wide = padded(b, x, along(before), along(size - 1 - before), 0);
    const extent = empty(b, tensor([size], element));
    const others = range(rank)
      .map((i) => (i === 1 ? `d1 + k` : `d${i}`))
      .join(", ");
    const names = range(rank)
      .map((i) => `d${i}`)
      .join(" ");
    const [sums] = loops(b, {
      loops: `${names} : k`,
      inputs: [
        [wide, others],
        [extent, "k"],
      ],
      outputs: [[filled(b, x.type, 0), names.replace(/ /g, ", ")]],
      body: (inner, v, _, acc) => e(inner).accumulate(acc!, e(inner).mul(v!, v!)),
    });
    return [
      elementwise(b, x.type, [x, sums!], (inner, v, s) => {
        const base = e(inner).add(e(inner).num(bias), e(inner).mul(s!, e(inner).num(alpha / size)));
        return e(inner).div(v!, math.powf(inner, base, e(inner).num(beta)));
      }),
    ];
  },
});
