/**
 * @file Transposed convolutions with strides as plain ones, whose channels are the places between the elements of the
 * input: result s·q + r takes the taps r, r + s, r + 2s … of the inputs q, q - 1, q - 2 …; so each r is a convolution
 * of its own, all of them with one window, and what they give is interleaved (depth to space). Without this, zeros would
 * stand between the elements of the input and be multiplied.
 */
import * as func from "../../dialects/func.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { conv_transpose } from "../../dialects/graph/conv-transpose.ts";
import { product } from "../../dialects/graph/op.ts";
import { reshape, slice, transpose } from "../../dialects/graph/shape.ts";
import { activationShape, spatialShape } from "../../dialects/graph/window.ts";
import { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, knownOf } from "./constants.ts";

type View = ReturnType<typeof conv_transpose.of>;

export const subpixel = definePass("graph-subpixel", {
  doc: "Says transposed convolutions with strides, channels-last, as convolutions to the channels of all places between two inputs, interleaved.",
  on: func.func,
  options: {},
  run(fn, _options, pass) {
    const found: View[] = [];
    fn.walk((op) => {
      const view = conv_transpose.match(op);
      if (view && suitable(view)) found.push(view);
    });
    for (const view of found) {
      const y = interleaved(Builder.before(view.op), view);
      if (!y) continue;
      view.y.replaceAllUsesWith(y);
      view.op.erase();
      pass.count("convolutions");
    }
    return found.length > 0;
  },
});

const suitable = ({ x, w, bias, layout, group, strides, dilations }: View): boolean =>
  layout === "channels-last" &&
  group === 1 &&
  strides.some((s) => s > 1) &&
  dilations.every((d) => d === 1) &&
  hasStaticShape(x.type) &&
  knownOf(w) !== undefined &&
  (!bias || knownOf(bias) !== undefined);

function interleaved(b: Builder, { x, w, bias, y, strides, pads }: View): Value | undefined {
  const n = strides.length;
  const kernel = w.type.shape.slice(0, n);
  const [batch = 1] = x.type.shape;
  const out = w.type.shape[n + 1]!;
  const sizes = spatialShape(x.type.shape, "channels-last");
  const wanted = spatialShape(y.type.shape, "channels-last");
  const taps = kernel.map((k, i) => Math.ceil(k / strides[i]!));
  // So many inputs stand at or before the last result, of which each sees `taps`.
  const counts = wanted.map((size, i) => Math.floor((size - 1 + pads[i]!) / strides[i]!) + 1);
  const behind = counts.map((count, i) => count - sizes[i]!);
  if (behind.some((e) => e < 0)) return undefined;
  const places = product(strides);
  const known = knownOf(w)!;
  const weights = derivedConstant(
    b,
    tensor([...taps, w.type.shape[n]!, places * out], w.type.element),
    [known],
    `places${strides.join("x")}`,
    () => weightsOfPlaces(known.array(), kernel, taps, strides),
  );
  const shift = bias && knownOf(bias)!;
  const biases =
    shift &&
    derivedConstant(b, tensor([places * out], bias.type.element), [shift], `times${places}`, () =>
      repeated(shift.array(), places),
    );
  const ones = strides.map(() => 1);
  const made = conv(b, x, weights, biases, {
    strides: ones,
    dilations: ones,
    pads: [...taps.map((t) => t - 1), ...behind],
    layout: "channels-last",
  });
  // [batch, counts…, strides…, out] to [batch, count, stride, count, stride, …, out].
  const split = reshape(b, made, undefined, { shape: [batch, ...counts, ...strides, out] });
  const between = strides.flatMap((_, i) => [1 + i, 1 + n + i]);
  const mixed = transpose(b, split, { perm: [0, ...between, 1 + 2 * n] });
  const whole = counts.map((count, i) => count * strides[i]!);
  const joined = reshape(b, mixed, undefined, { shape: activationShape("channels-last", batch, out, whole) });
  if (whole.every((size, i) => size === wanted[i])) return joined;
  const rank = n + 2;
  const starts = activationShape("channels-last", 0, 0, pads.slice(0, n));
  const ends = starts.map((s, d) => s + (y.type as TensorType).shape[d]!);
  return slice(b, joined, undefined, { starts, ends, steps: new Array<number>(rank).fill(1) });
}

/** Taps of each place, the last first; where the window has no such tap, 0. [taps…, in, places · out] */
function weightsOfPlaces(
  w: NDArray,
  kernel: readonly number[],
  taps: readonly number[],
  strides: readonly number[],
): NDArray {
  const n = kernel.length;
  const [inner, out] = [w.shape[n]!, w.shape[n + 1]!];
  const source = w.contiguous();
  const made = NDArray.zeros(w.dtype, [...taps, inner, product(strides) * out]);
  const each = inner * out;
  const places = product(strides);
  for (let m = 0; m < product(taps); m++) {
    for (let r = 0; r < places; r++) {
      const at = digits(m, taps);
      const place = digits(r, strides);
      const tap = at.map((t, i) => strides[i]! * (taps[i]! - 1 - t) + place[i]!);
      if (tap.some((t, i) => t >= kernel[i]!)) continue;
      const from = tap.reduce((sum, t, i) => sum * kernel[i]! + t, 0) * each;
      for (let c = 0; c < inner; c++) {
        for (let o = 0; o < out; o++) {
          made.setData(((m * inner + c) * places + r) * out + o, source.getData(from + c * out + o));
        }
      }
    }
  }
  return made;
}

/** A number written in mixed radix: the row-major position in a shape, taken apart. */
function digits(at: number, shape: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = shape.length - 1, rest = at; i >= 0; i--) {
    out.unshift(rest % shape[i]!);
    rest = Math.floor(rest / shape[i]!);
  }
  return out;
}

function repeated(x: NDArray, times: number): NDArray {
  const made = NDArray.zeros(x.dtype, [times * x.size]);
  const source = x.contiguous();
  for (let i = 0; i < made.size; i++) made.setData(i, source.getData(i % x.size));
  return made;
}
