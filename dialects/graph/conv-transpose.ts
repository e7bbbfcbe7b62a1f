/** @file Transposed convolution: every element of x adds a weighted window to the result. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import * as tensors from "../tensor/ops.ts";
import { conv } from "./conv.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { filled } from "./expand.ts";
import {
  channelAxis,
  FloatTensor,
  type Layout,
  layout,
  product,
  range,
  type Shape,
  sameDim,
  shapeText,
  sizeFrom,
  type TensorValue,
} from "./op.ts";
import { inLayout } from "./pool.ts";
import { pad, reshape, slice, transpose, WHOLE } from "./shape.ts";
import {
  activationShape,
  insideRange,
  lift3,
  reach,
  spatialShape,
  verifyWindow,
  type Window,
  windowAttrs,
} from "./window.ts";

/** In channels, out channels per group, and spatial sizes of weights. */
function weightParts(
  shape: Shape,
  how: Layout,
): { readonly input: number; readonly inner: number; readonly kernel: Shape } {
  const n = shape.length;
  return how === "channels-first"
    ? { input: shape[0] ?? 1, inner: shape[1] ?? 1, kernel: shape.slice(2) }
    : { input: shape[n - 2] ?? 1, inner: shape[n - 1] ?? 1, kernel: shape.slice(0, -2) };
}

function outputSizes(spatial: Shape, kernel: Shape, w: Window, more: readonly number[]): number[] {
  const n = spatial.length;
  return spatial.map((size, i) =>
    sizeFrom([size, kernel[i] ?? 1], (s, k) => {
      const pads = (w.pads[i] ?? 0) + (w.pads[n + i] ?? 0);
      return (s - 1) * (w.strides[i] ?? 1) + reach(k, w.dilations[i] ?? 1) + (more[i] ?? 0) - pads;
    }),
  );
}

export const conv_transpose = defineOp("graph.conv_transpose", {
  doc:
    "Transposed convolution (ONNX ConvTranspose). Channels-first: x [N, C, …], w [C, O/group, …]; channels-last: " +
    "x [N, …, C], w […, C, O/group]. `more` widens the result at its ends.",
  operands: [one("x", FloatTensor), one("w", FloatTensor), optional("bias", FloatTensor)],
  attrs: { ...windowAttrs, more: attr.ints, group: attr.int.default(1), layout },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x, w, layout: how, group, more, ...window }) => {
    const { inner, kernel } = weightParts(w.type.shape, how);
    const sizes = outputSizes(spatialShape(x.type.shape, how), kernel, window, more);
    return [tensor(activationShape(how, x.type.shape[0] ?? 1, inner * group, sizes), x.type.element)];
  },
  verify({ x, w, bias, layout: how, group, more, strides, pads, dilations, y }, fail) {
    const rank = x.type.shape.length;
    if (rank < 3 || rank > 5 || w.type.shape.length !== rank) {
      fail(
        `x of ${shapeText(x.type.shape)} and w of ${shapeText(w.type.shape)} must have one to three spatial dimensions`,
      );
      return;
    }
    if (!verifyWindow(rank - 2, { strides, pads, dilations }, fail)) return;
    const { input, inner } = weightParts(w.type.shape, how);
    const channels = x.type.shape[channelAxis(how, rank)]!;
    if (more.length !== rank - 2) fail(`'more' needs ${rank - 2} entries`);
    else if (!sameDim(channels, input) || group < 1 || input % group !== 0) {
      fail(`w expects ${input} channels in ${group} groups, x has ${channels}`);
    } else if (bias && (bias.type.shape.length !== 1 || bias.type.shape[0] !== inner * group)) {
      fail(`bias must have shape [${inner * group}]`);
    } else if (y.type.shape.some((d) => d < 1)) fail(`the result would have shape ${shapeText(y.type.shape)}`);
  },
  evaluate: ({ x, w, bias, layout: how, group, more, strides, pads, dilations }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const n = w.rank - 2;
    const weights = how === "channels-first" ? w : w.transpose([n, n + 1, ...range(n)]);
    return inLayout(x, how, (first) =>
      transposed(first, weights, bias, group, more, { strides, pads, dilations }, element),
    );
  },
  expand({ x, w, bias, layout: how, group, more, strides, pads, dilations }, b) {
    if (![x, w].every((v) => hasStaticShape(v.type))) return undefined;
    // The same sums as a convolution of x, its elements drawn apart, with the windows turned round.
    const { kernel } = weightParts(w.type.shape, how);
    const n = kernel.length;
    const edge = kernel.map((k, i) => reach(k, dilations[i]!) - 1);
    const low = activationShape(
      how,
      0,
      0,
      edge.map((e, i) => e - pads[i]!),
    );
    const high = activationShape(
      how,
      0,
      0,
      edge.map((e, i) => e - pads[n + i]! + more[i]!),
    );
    const apart = pad(b, drawnApart(b, x, strides, how), undefined, { low, high });
    const ones = kernel.map(() => 1);
    const window = { strides: ones, dilations, pads: new Array<number>(2 * n).fill(0) };
    return [conv(b, apart, turned(b, w, group, how), bias, { ...window, group, layout: how }) as TensorValue];
  },
});

/** x with zeros between its elements. */
function drawnApart(b: Builder, x: TensorValue, strides: readonly number[], how: Layout): TensorValue {
  if (strides.every((s) => s === 1)) return x;
  const { shape, element } = x.type;
  const steps = activationShape(how, 1, 1, strides);
  const wide = tensor(
    shape.map((d, i) => (d - 1) * steps[i]! + 1),
    element,
  );
  return tensors.insert_slice(b, x, filled(b, wide, 0), [], [], [], {
    static_offsets: shape.map(() => 0),
    static_sizes: shape,
    static_strides: steps,
  }) as TensorValue;
}

/** Weights of the convolution: windows reversed, in and out channels of each group exchanged. */
function turned(b: Builder, w: TensorValue, group: number, how: Layout): TensorValue {
  const { input, inner, kernel } = weightParts(w.type.shape, how);
  const rank = w.type.shape.length;
  const n = kernel.length;
  const first = how === "channels-first";
  const isWindow = (d: number): boolean => (first ? d >= 2 : d < n);
  const back = slice(b, w, undefined, {
    starts: range(rank).map((d) => (isWindow(d) ? -1 : 0)),
    ends: range(rank).map((d) => (isWindow(d) ? -WHOLE : WHOLE)),
    steps: range(rank).map((d) => (isWindow(d) ? -1 : 1)),
  });
  const each = input / group;
  if (first) {
    const split = reshape(b, back, undefined, { shape: [group, each, inner, ...kernel] });
    const swapped = transpose(b, split, { perm: [0, 2, 1, ...range(n, 3)] });
    return reshape(b, swapped, undefined, { shape: [group * inner, each, ...kernel] }) as TensorValue;
  }
  const split = reshape(b, back, undefined, { shape: [...kernel, group, each, inner] });
  const swapped = transpose(b, split, { perm: [...range(n), n + 1, n, n + 2] });
  return reshape(b, swapped, undefined, { shape: [...kernel, each, group * inner] }) as TensorValue;
}

/** Channels-first, in double precision. */
function transposed(
  x: NDArray,
  w: NDArray,
  bias: NDArray | undefined,
  group: number,
  more: readonly number[],
  window: Window,
  element: TensorType["element"],
): NDArray {
  const [batch = 1, channels = 1, ...spatial] = x.shape;
  const [, inner = 1, ...kernel] = w.shape;
  const sizes = outputSizes(spatial, kernel, window, more);
  const plane = product(sizes);
  const inputPlane = product(spatial);
  const taps = product(kernel);
  const out = inner * group;
  const values = new Float64Array(batch * out * plane);
  const xs = doublesOf(x);
  const ws = doublesOf(w);
  const biases = bias && doublesOf(bias);
  if (biases) for (let i = 0; i < values.length; i++) values[i] = biases[Math.floor(i / plane) % out]!;
  const g = {
    size: lift3(spatial, 1),
    kernel: lift3(kernel, 1),
    to: lift3(sizes, 1),
    stride: lift3(window.strides, 1),
    dilation: lift3(window.dilations, 1),
    before: lift3(window.pads.slice(0, spatial.length), 0),
  };
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const from = xs.subarray((n * channels + c) * inputPlane, (n * channels + c + 1) * inputPlane);
      const firstOut = Math.floor(c / (channels / group)) * inner;
      for (let m = 0; m < inner; m++) {
        const at = (n * out + firstOut + m) * plane;
        spread(values.subarray(at, at + plane), from, ws, (c * inner + m) * taps, g);
      }
    }
  }
  return arrayOf(element, [batch, out, ...sizes], values);
}

type Three = readonly [number, number, number];
interface Spread {
  readonly size: Three;
  readonly kernel: Three;
  readonly to: Three;
  readonly stride: Three;
  readonly dilation: Three;
  readonly before: Three;
}

/** Adds a channel, weighted, to a plane of sums. */
function spread(sums: Float64Array, x: Float64Array, w: Float64Array, firstTap: number, g: Spread): void {
  let tap = firstTap;
  for (let kd = 0; kd < g.kernel[0]; kd++) {
    const offsetD = kd * g.dilation[0] - g.before[0];
    const [fromD, toD] = insideRange(g.size[0], g.to[0], offsetD, g.stride[0]);
    for (let kh = 0; kh < g.kernel[1]; kh++) {
      const offsetH = kh * g.dilation[1] - g.before[1];
      const [fromH, toH] = insideRange(g.size[1], g.to[1], offsetH, g.stride[1]);
      for (let kw = 0; kw < g.kernel[2]; kw++) {
        const weight = w[tap++]!;
        const offsetW = kw * g.dilation[2] - g.before[2];
        const [fromW, toW] = insideRange(g.size[2], g.to[2], offsetW, g.stride[2]);
        for (let d = fromD; d < toD; d++) {
          for (let h = fromH; h < toH; h++) {
            const source = (d * g.size[1] + h) * g.size[2];
            const row = ((d * g.stride[0] + offsetD) * g.to[1] + h * g.stride[1] + offsetH) * g.to[2] + offsetW;
            for (let i = fromW; i < toW; i++) sums[row + i * g.stride[2]]! += weight * x[source + i]!;
          }
        }
      }
    }
  }
}
