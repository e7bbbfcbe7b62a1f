/** @file Samples of images at points. */
import { attr } from "../../ir/attributes.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { type TensorType, tensor } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { roundEven } from "../../support/special.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { AnyTensor, FloatTensor, product, shapeText } from "./op.ts";

type Mode = "nearest" | "linear" | "cubic";
type Padding = "zeros" | "border" | "reflection";

export const grid_sample = defineOp("graph.grid_sample", {
  doc:
    "Images sampled at the points of a grid (ONNX GridSample): x [N, C, D…], grid [N, O…, k] with coordinates from -1 to 1, " +
    "the last dimension's first; the result is [N, C, O…].",
  operands: [one("x", AnyTensor), one("grid", FloatTensor)],
  attrs: {
    mode: attr.oneOf("nearest", "linear", "cubic").default("linear"),
    padding: attr.oneOf("zeros", "border", "reflection").default("zeros"),
    align_corners: attr.bool.default(false),
  },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x, grid }) => [tensor([...x.type.shape.slice(0, 2), ...grid.type.shape.slice(1, -1)], x.type.element)],
  verify({ x, grid }, fail) {
    const [a, g] = [x.type.shape, grid.type.shape];
    if (a.length < 3 || g.length !== a.length || g[g.length - 1] !== a.length - 2 || g[0] !== a[0]) {
      fail(`a grid of ${shapeText(g)} does not fit images of ${shapeText(a)}`);
    }
  },
  evaluate: ({ x, grid, mode, padding, align_corners }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const [batch = 1, channels = 1, ...sizes] = x.shape;
    const strides = rowMajor(sizes);
    const [plane, points, k] = [product(sizes), product(grid.shape.slice(1, -1)), sizes.length];
    const [xs, gs] = [doublesOf(x), doublesOf(grid)];
    const out = new Float64Array(batch * channels * points);
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < points; p++) {
        const taps = sizes.map((size, d) =>
          tapsAt(gs[(n * points + p) * k + k - 1 - d]!, size, mode, padding, align_corners),
        );
        for (let c = 0; c < channels; c++) {
          const at = (n * channels + c) * plane;
          const sum = (d: number, from: number): number =>
            d === k
              ? xs[from]!
              : taps[d]!.reduce((total, [i, w]) => (i < 0 ? total : total + w * sum(d + 1, from + i * strides[d]!)), 0);
          out[(n * channels + c) * points + p] = sum(0, at);
        }
      }
    }
    const shape = [batch, channels, ...grid.shape.slice(1, -1)];
    return arrayOf(element, shape, out);
  },
});

/** Places and weights along one dimension; -1 is a place outside, which counts as 0. */
function tapsAt(
  coordinate: number,
  size: number,
  mode: Mode,
  padding: Padding,
  align: boolean,
): readonly (readonly [number, number])[] {
  const [low, high] = align ? [0, size - 1] : [-0.5, size - 0.5];
  const place = (i: number): number => {
    if (i >= 0 && i < size) return i;
    if (padding === "zeros") return -1;
    const inside = padding === "border" ? i : Math.round(reflected(i, low, high));
    return Math.min(Math.max(inside, 0), size - 1);
  };
  let at = align ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
  if (mode === "nearest") at = roundEven(at);
  if (at < low || at > high) {
    if (padding === "border") at = Math.min(Math.max(at, 0), size - 1);
    else if (padding === "reflection") at = reflected(at, low, high);
  }
  const floor = Math.floor(at);
  const t = at - floor;
  if (mode === "nearest") return [[place(roundEven(at)), 1]];
  if (mode === "linear") {
    return [
      [place(floor), 1 - t],
      [place(floor + 1), t],
    ];
  }
  return [-1, 0, 1, 2].map((i) => [place(floor + i), keys(Math.abs(t - i))] as const);
}

/** A coordinate mirrored at both ends until it lies between them. */
function reflected(v: number, low: number, high: number): number {
  const length = high - low;
  if (length <= 0) return low;
  const away = Math.abs(v - low) % (2 * length);
  return low + (away > length ? 2 * length - away : away);
}

/** Keys' cubic convolution kernel with a = -0.75. */
function keys(d: number): number {
  if (d <= 1) return (1.25 * d - 2.25) * d * d + 1;
  return d < 2 ? ((-0.75 * d + 3.75) * d - 6) * d + 3 : 0;
}
