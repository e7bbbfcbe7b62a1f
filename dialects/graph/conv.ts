/** @file Convolution: x * w (+ bias), grouped, strided, dilated; in one, two or three spatial dimensions. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { convolve } from "./convolve.ts";
import { arrayOf } from "./data.ts";
import { affineMap, dim, empty, filled, identityMap, loops, padded, reshaped, rounded, sumsType } from "./expand.ts";
import { channelAxis, type Layout, layout, NumberTensor, sameDim, shapeText, type TensorValue } from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";
import { activationShape, spatialShape, verifyWindow, type Window, windowAttrs, windowCounts } from "./window.ts";

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
