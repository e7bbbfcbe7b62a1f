/** @file The sums of a convolution, as its meaning computes them: in double precision. */
import { NDArray } from "../../support/ndarray.ts";
import { doublesOf } from "./data.ts";
import { addProducts, type Matrix } from "./gemm.ts";
import { type Layout, product } from "./op.ts";
import {
  insideRange,
  toChannelsFirst,
  toWeightsFirst,
  type Window,
  type Window3,
  window3,
  windowCounts,
} from "./window.ts";

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
  const geometry = window3(spatial, kernel, count, window);
  const pointwise = [...kernel, ...window.strides].every((k) => k === 1) && window.pads.every((p) => p === 0);
  const xs = doublesOf(x);
  const ws = doublesOf(w);
  if (zero.x !== 0) for (let i = 0; i < xs.length; i++) xs[i]! -= zero.x;
  if (zero.w.length > 1 || zero.w[0] !== 0) {
    const per = ws.length / zero.w.length;
    for (let i = 0; i < ws.length; i++) ws[i]! -= zero.w[Math.floor(i / per)]!;
  }
  const inputPlane = product(spatial);
  const taps = product(kernel);
  if (biases) for (let i = 0; i < batch * out; i++) values.fill(biases[i % out]!, i * plane, (i + 1) * plane);
  const each = out / group;
  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < group; g++) {
      const image: Image = {
        data: xs,
        at: (n * channels + g * inner) * inputPlane,
        channels: inner,
        plane: inputPlane,
      };
      const weights: Matrix = { data: ws, at: g * each * inner * taps, step: inner * taps };
      const sums: Matrix = { data: values, at: (n * out + g * each) * plane, step: plane };
      if (pointwise) addProducts(sums, weights, { data: xs, at: image.at, step: plane }, [each, inner, plane]);
      else if (each < 4) planeByPlane(sums, weights, image, each, geometry);
      else byColumns(sums, weights, image, each, geometry);
    }
  }
  return { shape: [batch, out, ...count], values };
}

/** Channels of an image, one plane after the other. */
interface Image {
  readonly data: Float64Array;
  readonly at: number;
  readonly channels: number;
  readonly plane: number;
}

const tapsOf = (g: Window3): number => g.kernel[0] * g.kernel[1] * g.kernel[2];

/** Few results of a channel: its contributions are added directly. */
function planeByPlane(sums: Matrix, weights: Matrix, x: Image, rows: number, g: Window3): void {
  const taps = tapsOf(g);
  for (let o = 0; o < rows; o++) {
    const to = sums.data.subarray(sums.at + o * sums.step, sums.at + (o + 1) * sums.step);
    for (let c = 0; c < x.channels; c++) {
      const at = x.at + c * x.plane;
      addPlane(to, x.data.subarray(at, at + x.plane), weights.data, weights.at + o * weights.step + c * taps, g);
    }
  }
}

/** Elements of the array of columns. */
const COLUMNS = 2 ** 21;

/** The windows of some rows of the result become columns of a matrix, which the weights are multiplied with. */
function byColumns(sums: Matrix, weights: Matrix, x: Image, rows: number, g: Window3): void {
  const depth = x.channels * tapsOf(g);
  const [outDepth, outHeight, outWidth] = g.count;
  const lines = outDepth * outHeight;
  const some = Math.max(1, Math.min(lines, Math.floor(COLUMNS / (depth * outWidth))));
  const columns = new Float64Array(depth * some * outWidth);
  for (let line = 0; line < lines; line += some) {
    const count = Math.min(some, lines - line);
    const width = count * outWidth;
    columns.fill(0);
    fillColumns(columns, width, x, line, count, g);
    const to = { data: sums.data, at: sums.at + line * outWidth, step: sums.step };
    addProducts(to, weights, { data: columns, at: 0, step: width }, [rows, depth, width]);
  }
}

function fillColumns(columns: Float64Array, width: number, x: Image, line: number, count: number, g: Window3): void {
  const [, outHeight, outWidth] = g.count;
  const [depth, height, length] = g.size;
  const step = g.stride[2];
  let row = 0;
  for (let c = 0; c < x.channels; c++) {
    for (let kd = 0; kd < g.kernel[0]; kd++) {
      for (let kh = 0; kh < g.kernel[1]; kh++) {
        for (let kw = 0; kw < g.kernel[2]; kw++, row++) {
          const offset = kw * g.dilation[2] - g.before[2];
          const [from, to] = insideRange(outWidth, length, offset, step);
          for (let l = 0; l < count; l++) {
            const d = Math.floor((line + l) / outHeight) * g.stride[0] + kd * g.dilation[0] - g.before[0];
            const h = ((line + l) % outHeight) * g.stride[1] + kh * g.dilation[1] - g.before[1];
            if (d < 0 || d >= depth || h < 0 || h >= height) continue;
            const source = x.at + c * x.plane + (d * height + h) * length + offset;
            const target = row * width + l * outWidth;
            for (let i = from; i < to; i++) columns[target + i] = x.data[source + i * step]!;
          }
        }
      }
    }
  }
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
