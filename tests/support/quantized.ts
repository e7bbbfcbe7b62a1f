/** A small quantized network, in the ops that importers give: what tests of targets compile. */
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { add, relu } from "../../dialects/graph/elementwise.ts";
import { matmul } from "../../dialects/graph/matmul.ts";
import { average_pool, max_pool } from "../../dialects/graph/pool.ts";
import { dequantize, quantize } from "../../dialects/graph/quant.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import { f32, i8, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { randomArray } from "./compile.ts";

const one = { axis: 0, block: 0 };

const constant = (b: Builder, element: Type, shape: number[], values: readonly number[]): Value =>
  constantOfArray(b, NDArray.from(dtypeOf(element)!, shape, [...values]), element);
const numbers = (b: Builder, x: Value, by: number, zero: number, element: Type): Value =>
  dequantize(b, x, constant(b, f32, [], [by]), constant(b, element, [], [zero]), { to: f32, ...one });
const codes = (b: Builder, x: Value, by: number, zero: number, to: Type): Value =>
  quantize(b, x, constant(b, f32, [], [by]), constant(b, to, [], [zero]), { to, saturate: true, ...one });
const weights = (b: Builder, shape: number[], axis: number, seed: number): Value => {
  const each = Array.from({ length: shape[axis]! }, (_, i) => Math.fround(0.003 + 0.0007 * i));
  const values = constantOfArray(b, randomArray(tensor(shape, i8), seed), i8);
  return dequantize(b, values, constant(b, f32, [each.length], each), undefined, { to: f32, axis, block: 0 });
};

/** Convolutions of all kinds, a residual sum, pools and a matrix product; numbers of floats go in and come out. */
export const network =
  (element: Type, zero: number) =>
  (b: Builder, x: Value): Value => {
    const again = (v: Value, by: number, z = zero): Value => numbers(b, codes(b, v, by, z, element), by, z, element);
    const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] };
    const first = again(relu(b, conv(b, again(x, 0.02), weights(b, [8, 3, 3, 3], 0, 2), undefined, window)), 0.03);
    const depthwise = again(conv(b, first, weights(b, [8, 1, 3, 3], 0, 3), undefined, { ...window, group: 8 }), 0.05);
    const point = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };
    const pointwise = again(conv(b, depthwise, weights(b, [8, 8, 1, 1], 0, 4), undefined, point), 0.06);
    const sum = again(add(b, first, pointwise), 0.08);
    const pool = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], ceil_mode: false };
    const most = again(max_pool(b, sum, pool), 0.08);
    const mean = again(average_pool(b, most, pool), 0.05, zero + 3);
    const rows = reshape(b, mean, undefined, { shape: [1, 32] });
    return matmul(b, rows, weights(b, [32, 5], 1, 6));
  };
