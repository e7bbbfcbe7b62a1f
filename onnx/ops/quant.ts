/** @file Quantized numbers: conversions, sums of products of small integers, and operators on quantized tensors. */
import { add, div, equal, maximum, minimum, mul, neg, select, sub } from "../../dialects/graph/elementwise.ts";
import { normalAxis, range } from "../../dialects/graph/op.ts";
import { average_pool } from "../../dialects/graph/pool.ts";
import { conv_integer, dequantize, matmul_integer, quantize, requantize } from "../../dialects/graph/quant.ts";
import { reduce_max, reduce_min } from "../../dialects/graph/reduce.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { elementOf, integer, type Type } from "../../ir/types.ts";
import { elementTypeOf } from "../dtypes.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, one, optional, type TensorValue } from "../op.ts";
import { typeOfElement } from "../types.ts";
import { kernelOf, windowAttrs, windowOf } from "./window.ts";

/** One scale for all elements. */
const whole = { axis: 0, block: 0 } as const;
const u8 = integer(8, "unsigned");

/** The type that a number in the file names; 0 names none. */
function typeOfCode(code: number, b: NodeBuilder): Type | undefined {
  const name = elementTypeOf(code);
  const type = name && typeOfElement(name);
  return type ?? b.unsupported(`there are no elements of type ${code}`);
}

/** Where scales stand; blocks of none. */
const scaleAttrs = { axis: attr.int.default(1), block_size: attr.int.default(0) };

const placesOf = (x: TensorValue, { axis, block_size }: { readonly axis: number; readonly block_size: number }) => ({
  axis: normalAxis(axis, x.type.shape.length),
  block: block_size,
});

/** Opset 10 has one scale for all, 13 an axis, 21 blocks: what older ones lack has its default. */
export const QuantizeLinear = defineImport("QuantizeLinear", {
  since: 10,
  inputs: [one("x"), one("y_scale"), optional("y_zero_point")],
  attrs: {
    ...scaleAttrs,
    saturate: attr.bool.default(true),
    output_dtype: attr.int.default(0),
    precision: attr.int.default(0),
  },
  import({ x, y_scale, y_zero_point, saturate, output_dtype, precision, ...places }, b) {
    // 1 is single precision, in which all divisions but those of doubles are made.
    if (precision > 1) return b.unsupported(`divisions in type ${precision} are not supported`);
    const to = y_zero_point?.type.element ?? (output_dtype === 0 ? u8 : typeOfCode(output_dtype, b));
    return to && quantize(b, x, y_scale, y_zero_point, { to, saturate, ...placesOf(x, places) });
  },
});

export const DequantizeLinear = defineImport("DequantizeLinear", {
  since: 10,
  inputs: [one("x"), one("x_scale"), optional("x_zero_point")],
  attrs: { ...scaleAttrs, output_dtype: attr.int.default(0) },
  import({ x, x_scale, x_zero_point, output_dtype, ...places }, b) {
    const to = output_dtype === 0 ? x_scale.type.element : typeOfCode(output_dtype, b);
    return to && dequantize(b, x, x_scale, x_zero_point, { to, ...placesOf(x, places) });
  },
});

export const DynamicQuantizeLinear = defineImport("DynamicQuantizeLinear", {
  since: 11,
  inputs: [one("x")],
  import({ x }, b) {
    const zero = b.scalar(0, x);
    const all = { axes: range(x.type.shape.length), keepdims: false };
    const [low, high] = [minimum(b, reduce_min(b, x, all), zero), maximum(b, reduce_max(b, x, all), zero)];
    const spread = div(b, sub(b, high, low), b.scalar(255, x));
    // Where all is 0, any scale will do.
    const scale = select(b, equal(b, spread, zero), b.scalar(1, x), spread);
    const shift = quantize(b, neg(b, low), scale, undefined, { to: u8, ...whole });
    return [quantize(b, x, scale, shift, { to: u8, ...whole }), scale, shift];
  },
});

export const ConvInteger = defineImport("ConvInteger", {
  since: 10,
  inputs: [one("x"), one("w"), optional("x_zero_point"), optional("w_zero_point")],
  attrs: { ...windowAttrs, group: attr.int.default(1) },
  import({ x, w, x_zero_point, w_zero_point, group, ...window }, b) {
    const kernel = kernelOf(w, window.kernel_shape, b);
    const geometry = kernel && { ...windowOf(x, kernel, window), group };
    return geometry && conv_integer(b, x, w, x_zero_point, w_zero_point, undefined, geometry);
  },
});

export const MatMulInteger = defineImport("MatMulInteger", {
  since: 10,
  inputs: [one("A"), one("B"), optional("a_zero_point"), optional("b_zero_point")],
  import: ({ A, B, a_zero_point, b_zero_point }, b) => matmul_integer(b, A, B, a_zero_point, b_zero_point),
});

/** A vector along a dimension counted from the end, so that it is broadcast; a scalar as it is. */
function along(b: NodeBuilder, v: TensorValue, fromEnd: number): TensorValue {
  const { shape } = v.type;
  if (shape.length !== 1) return v;
  const sizes = shape[0] === 1 ? [] : [shape[0]!, ...new Array<number>(fromEnd).fill(1)];
  return reshape(b, v, undefined, { shape: sizes }) as TensorValue;
}

const times = (b: NodeBuilder, x: Value, y: Value): TensorValue => mul(b, x, y) as TensorValue;
const over = (b: NodeBuilder, x: Value, y: Value): TensorValue => div(b, x, y) as TensorValue;

export const QLinearConv = defineImport("QLinearConv", {
  since: 10,
  inputs: [
    one("x"),
    one("x_scale"),
    one("x_zero_point"),
    one("w"),
    one("w_scale"),
    one("w_zero_point"),
    one("y_scale"),
    one("y_zero_point"),
    optional("B"),
  ],
  attrs: { ...windowAttrs, group: attr.int.default(1) },
  import({ x, w, B, group, ...rest }, b) {
    const kernel = kernelOf(w, rest.kernel_shape, b);
    if (!kernel) return undefined;
    const geometry = { ...windowOf(x, kernel, rest), group };
    const sum = conv_integer(b, x, w, rest.x_zero_point, rest.w_zero_point, B, geometry);
    const [xScale, yScale] = [along(b, rest.x_scale, 0), along(b, rest.y_scale, 0)];
    const multiplier = over(b, times(b, xScale, along(b, rest.w_scale, kernel.length)), yScale);
    const zero = along(b, rest.y_zero_point, 0);
    return requantize(b, sum, multiplier, zero, { to: rest.y_zero_point.type.element });
  },
});

export const QLinearMatMul = defineImport("QLinearMatMul", {
  since: 10,
  inputs: [
    one("a"),
    one("a_scale"),
    one("a_zero_point"),
    one("b"),
    one("b_scale"),
    one("b_zero_point"),
    one("y_scale"),
    one("y_zero_point"),
  ],
  import(q, b) {
    const sums = matmul_integer(b, q.a, q.b, q.a_zero_point, q.b_zero_point);
    // Scales of a run along its rows, those of b along its columns.
    const products = times(b, along(b, q.a_scale, 1), along(b, q.b_scale, 0));
    const multiplier = over(b, products, along(b, q.y_scale, 1));
    return requantize(b, sums, multiplier, along(b, q.y_zero_point, 1), { to: q.y_zero_point.type.element });
  },
});

// --- ONNX Runtime's operators: what they do to numbers, on quantized ones --------------------------------------------

const numbers = (b: NodeBuilder, x: TensorValue, scale: TensorValue, zero: TensorValue | undefined): Value =>
  dequantize(b, x, scale, zero, { to: elementOf(scale.type), ...whole });

const qlinearBinary = (name: string, compute: (b: NodeBuilder, x: Value, y: Value) => Value) =>
  defineImport(name, {
    since: 1,
    domain: "com.microsoft",
    inputs: [
      one("A"),
      one("A_scale"),
      optional("A_zero_point"),
      one("B"),
      one("B_scale"),
      optional("B_zero_point"),
      one("C_scale"),
      optional("C_zero_point"),
    ],
    import(q, b) {
      const x = numbers(b, q.A, q.A_scale, q.A_zero_point);
      const y = numbers(b, q.B, q.B_scale, q.B_zero_point);
      return quantize(b, compute(b, x, y), q.C_scale, q.C_zero_point, { to: q.A.type.element, ...whole });
    },
  });

export const QLinearAdd = qlinearBinary("QLinearAdd", add);
export const QLinearMul = qlinearBinary("QLinearMul", mul);

export const QLinearAveragePool = defineImport("QLinearAveragePool", {
  since: 1,
  domain: "com.microsoft",
  inputs: [one("X"), one("x_scale"), optional("x_zero_point"), one("y_scale"), optional("y_zero_point")],
  attrs: {
    ...windowAttrs,
    kernel_shape: attr.ints,
    ceil_mode: attr.bool.default(false),
    count_include_pad: attr.bool.default(false),
    channels_last: attr.bool.default(false),
  },
  import(
    { X, x_scale, x_zero_point, y_scale, y_zero_point, channels_last, ceil_mode, count_include_pad, ...window },
    b,
  ) {
    if (channels_last && window.auto_pad !== "NOTSET" && window.auto_pad !== "VALID") {
      return b.unsupported("automatic padding of channels-last images is not supported");
    }
    const y = average_pool(b, numbers(b, X, x_scale, x_zero_point), {
      kernel: window.kernel_shape,
      ...windowOf(X, window.kernel_shape, window),
      ceil_mode,
      count_include_pad,
      layout: channels_last ? "channels-last" : "channels-first",
    });
    return quantize(b, y, y_scale, y_zero_point, { to: X.type.element, ...whole });
  },
});
