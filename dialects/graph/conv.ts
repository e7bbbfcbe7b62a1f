/** @file Convolution: x * w (+ bias), grouped, strided, dilated; in one, two or three spatial dimensions. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { affineMap, dim, empty, filled, identityMap, loops, padded, reshaped, rounded, sumsType } from "./expand.ts";
import { channelAxis, type Layout, layout, NumberTensor, product, sameDim, shapeText, type TensorValue } from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";
import {
  activationShape,
  insideRange,
  spatialShape,
  toChannelsFirst,
  toWeightsFirst,
  verifyWindow,
  type Window,
  type Window3,
  window3,
  windowAttrs,
  windowCounts,
} from "./window.ts";

/** Out channels, in channels per group, and spatial sizes of weights. */
export function weightParts(
  shape: readonly number[],
  how: Layout,
): { readonly out: number; readonly inner: number; readonly kernel: readonly number[] } {
  const n = shape.length;
  return how === "channels-first"
    ? { out: shape[0] ?? 1, inner: shape[1] ?? 1, kernel: shape.slice(2) }
    : { out: shape[n - 1] ?? 1, inner: shape[n - 2] ?? 1, kernel: shape.slice(0, -2) };
}

/** Sizes of the result of a convolution. */
export function convShape(x: TensorType, w: TensorType, how: Layout, window: Window): number[] {
  const { out, kernel } = weightParts(w.shape, how);
  return activationShape(how, x.shape[0] ?? 1, out, windowCounts(spatialShape(x.shape, how), kernel, window));
}

export const conv = defineOp("graph.conv", {
  doc:
    "Convolution (ONNX Conv). Channels-first: x [N, C, …], w [O, C/group, …]; channels-last: x [N, …, C], w […, C/group, O]. " +
    "Sums may be reordered and contracted.",
  operands: [one("x", NumberTensor), one("w", NumberTensor), optional("bias", NumberTensor)],
  attrs: { ...windowAttrs, group: attr.int.default(1), layout },
  results: [one("y", NumberTensor)],
  traits: [Pure],
  infer: ({ x, w, layout: how, ...window }) => [tensor(convShape(x.type, w.type, how, window), x.type.element)],
  verify({ x, w, bias, layout: how, group, strides, pads, dilations }, fail) {
    verifyConv({ x, w, bias, how, group, window: { strides, pads, dilations } }, fail);
    if (w.type.element !== x.type.element) fail("x and w have different element types");
  },
  evaluate: ({ x, w, bias, group, layout: how, strides, pads, dilations }, run) => {
    const y = run.resultType(0) as TensorType;
    const sums = convolve(x, w, bias, group, how, { strides, pads, dilations });
    return arrayOf(y.element, sums.shape, sums.values);
  },
  expand({ x, w, bias, y, group, layout: how, strides, pads, dilations }, b) {
    if (![x, w, y].every((v) => hasStaticShape(v.type))) return undefined;
    const type = sumsType(y.type);
    const init = bias ? broadcastBias(b, bias, type, channelAxis(how, type.shape.length)) : filled(b, type, 0);
    const n = x.type.shape.length - 2;
    const low = activationShape(how, 0, 0, pads.slice(0, n));
    const high = activationShape(how, 0, 0, pads.slice(n));
    const sums = contraction(
      b,
      padded(b, x, low, high, 0),
      w,
      init,
      { how, group, strides, dilations },
      multiplyAdd(x.type.element, type.element),
    );
    return [rounded(b, sums, y.type.element)];
  },
});

/** The body of a sum of products, in the type of the sums. */
export const multiplyAdd =
  (element: Type, sums: Type): ContractionBody =>
  (b, x, w, acc) =>
    new Scalars(b, sums).multiplyAdd(acc, convertScalar(b, x, element, sums), convertScalar(b, w, element, sums));

/** A vector along one dimension of a tensor. */
export function broadcastBias(b: Builder, bias: TensorValue, type: TensorType, axis: number): TensorValue {
  const rank = type.shape.length;
  const [made] = loops(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: [[bias, affineMap(rank, 0, [dim(axis)])]],
    outputs: [[empty(b, type), identityMap(rank)]],
    body: (inner, v) => convertScalar(inner, v, bias.type.element, type.element),
  });
  return made!;
}

export type ContractionBody = (b: Builder, x: Value, w: Value, acc: Value) => Value;

/**
 * One nest of loops: batch, output pixels and channels, and as reductions the channels and the window. x is padded
 * already. Grouped channels get a loop of their own; where each group has one channel, nothing but the window is summed.
 */
export function contraction(
  b: Builder,
  x: TensorValue,
  w: TensorValue,
  init: TensorValue,
  c: Omit<Window, "pads"> & { readonly how: Layout; readonly group: number },
  body: ContractionBody,
): TensorValue {
  const { how, group } = c;
  const first = how === "channels-first";
  const { out, inner, kernel } = weightParts(w.type.shape, how);
  const spatial = kernel.map((_, i) => `s${i}`).join(" ");
  const window = kernel.map((_, i) => `k${i}`).join(" ");
  const place = kernel.map((_, i) => `s${i} * ${c.strides[i]} + k${i} * ${c.dilations[i]}`).join(", ");
  const list = (text: string): string => text.trim().replace(/ +/g, ", ");
  const build = (
    loopText: string,
    px: TensorValue,
    xMap: string,
    pw: TensorValue,
    wMap: string,
    pi: TensorValue,
    yMap: string,
  ) =>
    loops(b, {
      loops: loopText,
      inputs: [
        [px, xMap],
        [pw, wMap],
      ],
      outputs: [[pi, yMap]],
      body: (i, p, q, acc) => body(i, p!, q!, acc!),
    })[0]!;
  if (group === 1) {
    return first
      ? build(
          `n o ${spatial} : c ${window}`,
          x,
          `n, c, ${place}`,
          w,
          list(`o c ${window}`),
          init,
          list(`n o ${spatial}`),
        )
      : build(
          `n ${spatial} o : ${window} c`,
          x,
          `n, ${place}, c`,
          w,
          list(`${window} c o`),
          init,
          list(`n ${spatial} o`),
        );
  }
  if (inner === 1 && out === group) {
    return first
      ? build(`n c ${spatial} : ${window}`, x, `n, c, ${place}`, w, list(`c 0 ${window}`), init, list(`n c ${spatial}`))
      : build(
          `n ${spatial} c : ${window}`,
          x,
          `n, ${place}, c`,
          w,
          list(`${window} 0 c`),
          init,
          list(`n ${spatial} c`),
        );
  }
  const axis = first ? 1 : x.type.shape.length - 1;
  const split = (v: TensorValue, at: number, sizes: readonly number[]): TensorValue =>
    reshaped(b, v, [...v.type.shape.slice(0, at), ...sizes, ...v.type.shape.slice(at + 1)]);
  const gx = split(x, axis, [group, inner]);
  const gw = split(w, first ? 0 : w.type.shape.length - 1, [group, out / group]);
  const gi = split(init, axis, [group, out / group]);
  const sums = first
    ? build(
        `n g o ${spatial} : c ${window}`,
        gx,
        `n, g, c, ${place}`,
        gw,
        list(`g o c ${window}`),
        gi,
        list(`n g o ${spatial}`),
      )
    : build(
        `n ${spatial} g o : ${window} c`,
        gx,
        `n, ${place}, g, c`,
        gw,
        list(`${window} c g o`),
        gi,
        list(`n ${spatial} g o`),
      );
  return reshaped(b, sums, init.type.shape);
}

export interface ConvParts {
  readonly x: TensorValue;
  readonly w: TensorValue;
  readonly bias: TensorValue | undefined;
  readonly how: Layout;
  readonly group: number;
  readonly window: Window;
}

export function verifyConv(c: ConvParts, fail: (message: string) => void): void {
  const rank = c.x.type.shape.length;
  if (rank < 3 || rank > 5) {
    fail(`x must have one to three spatial dimensions, has shape ${shapeText(c.x.type.shape)}`);
    return;
  }
  if (c.w.type.shape.length !== rank) {
    fail(`w must have rank ${rank} as x has, has shape ${shapeText(c.w.type.shape)}`);
    return;
  }
  if (!verifyWindow(rank - 2, c.window, fail)) return;
  const { out, inner } = weightParts(c.w.type.shape, c.how);
  const channels = c.x.type.shape[channelAxis(c.how, rank)]!;
  if (c.group < 1 || !sameDim(channels, inner * c.group)) {
    fail(`w expects ${inner} channels in each of ${c.group} groups, x has ${channels}`);
  } else if (out % c.group !== 0) fail(`${out} output channels cannot be split into ${c.group} groups`);
  if (c.bias && (c.bias.type.shape.length !== 1 || !sameDim(c.bias.type.shape[0]!, out))) {
    fail(`bias must have shape [${out}], has ${shapeText(c.bias.type.shape)}`);
  }
}

const permuted = ({ shape, values }: Sums, permutation: readonly number[]): Float64Array =>
  new NDArray("f64", shape, values).transpose(permutation).copy().data as Float64Array;

interface Sums {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/**
 * The sums of a convolution, in double precision and in the order of channels, then window. 64-bit integers are exact to
 * 2^53.
 */
export function convolve(
  x: NDArray,
  w: NDArray,
  bias: NDArray | undefined,
  group: number,
  how: Layout,
  window: Window,
  zero: { readonly x: number; readonly w: ArrayLike<number> } = { x: 0, w: [0] },
): Sums {
  if (how === "channels-last") {
    const { to, from } = toChannelsFirst(x.rank);
    const first = convolve(
      x.transpose(to),
      w.transpose(toWeightsFirst(w.rank)),
      bias,
      group,
      "channels-first",
      window,
      zero,
    );
    return { shape: from.map((p) => first.shape[p]!), values: permuted(first, from) };
  }
  const [batch = 1, channels = 1, ...spatial] = x.shape;
  const [out = 1, inner = 1, ...kernel] = w.shape;
  const count = windowCounts(spatial, kernel, window);
  const plane = product(count);
  const values = new Float64Array(batch * out * plane);
  const biases = bias && doublesOf(bias);
  let geometry = window3(spatial, kernel, count, window);
  const pointwise = [...kernel, ...window.strides].every((k) => k === 1) && window.pads.every((p) => p === 0);
  // Nothing but a sum over channels: one long row instead of a plane of short ones.
  if (pointwise) geometry = { ...geometry, size: [1, 1, plane], count: [1, 1, plane] };
  const xs = doublesOf(x);
  const ws = doublesOf(w);
  if (zero.x !== 0) for (let i = 0; i < xs.length; i++) xs[i]! -= zero.x;
  if (zero.w.length > 1 || zero.w[0] !== 0) {
    const per = ws.length / zero.w.length;
    for (let i = 0; i < ws.length; i++) ws[i]! -= zero.w[Math.floor(i / per)]!;
  }
  const inputPlane = product(spatial);
  const taps = product(kernel);
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < out; o++) {
      const sums = values.subarray((n * out + o) * plane, (n * out + o + 1) * plane);
      if (biases) sums.fill(biases[o]!);
      const firstChannel = Math.floor(o / (out / group)) * inner;
      for (let c = 0; c < inner; c++) {
        const at = (n * channels + firstChannel + c) * inputPlane;
        addPlane(sums, xs.subarray(at, at + inputPlane), ws, (o * inner + c) * taps, geometry);
      }
    }
  }
  return { shape: [batch, out, ...count], values };
}

/** Adds one channel's contribution to a plane of sums. */
function addPlane(sums: Float64Array, x: Float64Array, w: Float64Array, firstTap: number, g: Window3): void {
  const [, height, width] = g.size;
  const [, outHeight, outWidth] = g.count;
  let tap = firstTap;
  for (let kd = 0; kd < g.kernel[0]; kd++) {
    const offsetD = kd * g.dilation[0] - g.before[0];
    const [fromD, toD] = insideRange(g.count[0], g.size[0], offsetD, g.stride[0]);
    for (let kh = 0; kh < g.kernel[1]; kh++) {
      const offsetH = kh * g.dilation[1] - g.before[1];
      const [fromH, toH] = insideRange(outHeight, height, offsetH, g.stride[1]);
      for (let kw = 0; kw < g.kernel[2]; kw++) {
        const weight = w[tap++]!;
        const offsetW = kw * g.dilation[2] - g.before[2];
        const step = g.stride[2];
        const [fromW, toW] = insideRange(outWidth, width, offsetW, step);
        for (let d = fromD; d < toD; d++) {
          for (let h = fromH; h < toH; h++) {
            const row = (d * outHeight + h) * outWidth;
            const source = ((d * g.stride[0] + offsetD) * height + h * g.stride[1] + offsetH) * width + offsetW;
            for (let i = fromW; i < toW; i++) sums[row + i]! += weight * x[source + i * step]!;
          }
        }
      }
    }
  }
}
