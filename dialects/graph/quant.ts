/** @file Numbers as small integers (or small floats) times a scale; and sums of products of small integers. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import {
  type FloatType,
  f32,
  f64,
  hasStaticShape,
  type IntegerType,
  i16,
  i32,
  type TensorType,
  type Type,
  tensor,
} from "../../ir/types.ts";
import { encodeFloats } from "../../support/float.ts";
import { allocate, isNarrowFloat, NDArray } from "../../support/ndarray.ts";
import { roundEven } from "../../support/special.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";
import { saturated } from "./cast.ts";
import { broadcastBias, type ContractionBody, contraction, convShape, verifyConv } from "./conv.ts";
import { convolve } from "./convolve.ts";
import { arrayOf, doublesOf, mapBroadcast } from "./data.ts";
import { elementwise, filled, padded, reshaped } from "./expand.ts";
import { matmulFault, matmulShape, matrixProduct, products } from "./matmul.ts";
import {
  AnyTensor,
  Broadcasts,
  broadcastFault,
  channelAxis,
  dtype,
  FloatTensor,
  IntegerTensor,
  isFloat,
  isUnsigned,
  layout,
  product,
  range,
  type Shape,
  shapeText,
  type TensorValue,
  Widens,
  withElementType,
} from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";
import { gatherByTables } from "./shape.ts";
import { activationShape, windowAttrs } from "./window.ts";

const scaleAttrs = {
  /** Which dimension a vector of scales runs along. */
  axis: attr.int.default(0),
  /** How many elements along the axis share a scale; 0: all, or each its own. */
  block: attr.int.default(0),
} as const;

/** Which scale belongs to an element, by its number. */
function scaleIndex(shape: Shape, scale: Shape, axis: number, block: number): (n: number) => number {
  if (product(scale) === 1) return () => 0;
  const inner = product(shape.slice(axis + 1));
  const size = shape[axis]!;
  if (block === 0) return (n) => Math.floor(n / inner) % size;
  const blocks = scale[axis]!;
  return (n) => {
    const outer = Math.floor(n / (inner * size));
    const at = Math.floor((Math.floor(n / inner) % size) / block);
    return (outer * blocks + at) * inner + (n % inner);
  };
}

function verifyScale(x: TensorValue, scale: TensorValue, axis: number, block: number, fail: Fail): void {
  const [shape, s] = [x.type.shape, scale.type.shape];
  if (product(s) === 1) return;
  const fits =
    block === 0
      ? s.length === 1 && s[0] === shape[axis]
      : s.length === shape.length && s.every((d, i) => d === (i === axis ? Math.ceil(shape[i]! / block) : shape[i]));
  if (!fits) fail(`scales of ${shapeText(s)} do not fit ${shapeText(shape)} along axis ${axis}`);
}

/** The least and the largest integer of a type. */
export function integerRange(t: Type): readonly [number, number] {
  const { width } = t as IntegerType;
  return isUnsigned(t) ? [0, 2 ** width - 1] : [-(2 ** (width - 1)), 2 ** (width - 1) - 1];
}

/** Single precision must hold all numbers of the type. */
function verifyStored(to: Type, fail: Fail): void {
  const fits = (to.kind === "integer" && to.width <= 16) || (to.kind === "float" && to.width < 16);
  if (!fits) fail(`quantized numbers have at most 16 bits, not ${typeText(to)}`);
}

/** Numbers rounded to even, plus their zero points, kept in the range of a type; floats are rounded to the type. */
function placed(
  values: Float64Array,
  shape: Shape,
  to: Type,
  saturate: boolean,
  zero: ((i: number) => number) | undefined,
): NDArray {
  const kind = dtype(to);
  if (isNarrowFloat(kind)) {
    const codes = allocate(kind, values.length) as Uint16Array;
    return new NDArray(kind, shape, encodeFloats(kind, values, codes, saturate));
  }
  const [low, high] = integerRange(to);
  for (let i = 0; i < values.length; i++) {
    const v = roundEven(values[i]!) + (zero ? zero(i) : 0);
    values[i] = Math.min(Math.max(v, low), high);
  }
  return arrayOf(to, shape, values);
}

/**
 * The same on a scalar. Numbers of single precision are rounded into integers of 32 bits, which saturate, and kept in
 * range there: what is beyond 32 bits is beyond the range of the type too.
 */
function placedScalar(b: Builder, v: Value, zero: Value | undefined, zeroType: Type, type: Type, to: Type): Value {
  const [low, high] = integerRange(to);
  const rounded = math.roundeven(b, v);
  if (type !== f32) {
    const e = new Scalars(b, type);
    const shifted = zero ? e.add(rounded, convertScalar(b, zero, zeroType, type)) : rounded;
    return convertScalar(b, e.min(e.max(shifted, e.num(low)), e.num(high)), type, to);
  }
  const e = new Scalars(b, i32);
  const whole = arith.fptosi(b, rounded, { types: [i32] });
  if (!zero) return convertScalar(b, e.min(e.max(whole, e.num(low)), e.num(high)), i32, to);
  const shift = convertScalar(b, zero, zeroType, i32);
  const kept = e.min(e.max(whole, e.sub(e.num(low), shift)), e.sub(e.num(high), shift));
  return convertScalar(b, e.add(kept, shift), i32, to);
}

export const quantize = defineOp("graph.quantize", {
  doc:
    "x / scale, rounded to even, plus the zero point, kept in the range of the type (ONNX QuantizeLinear). One scale for " +
    "all, one per slice along an axis, or one per block.",
  operands: [one("x", AnyTensor), one("scale", FloatTensor), optional("zero", AnyTensor)],
  attrs: { to: attr.type, saturate: attr.bool.default(true), ...scaleAttrs },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x, to }) => [withElementType(x.type, to)],
  verify({ x, scale, to, axis, block }, fail) {
    verifyScale(x, scale, axis, block, fail);
    verifyStored(to, fail);
  },
  evaluate: ({ x, scale, zero, to, saturate, axis, block }, run) => {
    const division = divisionType(run.operandType(0), run.operandType(1));
    const xs = doublesOf(x);
    const scales = doublesOf(scale);
    const zeros = zero && doublesOf(zero);
    const at = scaleIndex(x.shape, scale.shape, axis, block);
    const out = new Float64Array(xs.length);
    for (let i = 0; i < out.length; i++) {
      const v = xs[i]! / scales[at(i)]!;
      out[i] = division === f32 ? Math.fround(v) : v;
    }
    return placed(out, x.shape, to, saturate, zeros && ((i) => zeros[at(i)]!));
  },
  expand({ x, scale, zero, to, saturate, axis, block, y }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    const from = x.type.element;
    const division = divisionType(x.type, scale.type);
    const operands = [x, perElement(b, x, scale, axis, block), ...(zero ? [perElement(b, x, zero, axis, block)] : [])];
    return [
      elementwise(b, y.type, operands, (inner, v, s, z) => {
        const wide = convertScalar(inner, v!, from, division);
        const scaled = new Scalars(inner, division).div(wide, convertScalar(inner, s!, scale.type.element, division));
        if (!isFloat(to)) return placedScalar(inner, scaled, z, zero?.type.element ?? to, division, to);
        const single = convertScalar(inner, scaled, division, f32);
        const kept = saturate && (to as FloatType).width === 8 ? saturated(inner, single, to as FloatType) : single;
        return convertScalar(inner, kept, f32, to);
      }),
    ];
  },
});

/** Divisions are rounded as in the type of the scale, half precision as single. */
function divisionType(x: Type, scale: Type): Type {
  const wide = [x, scale].map((t) => (t as TensorType).element).find((t) => t.kind === "float" && t.width === 64);
  return wide ?? f32;
}

export const requantize = defineOp("graph.requantize", {
  doc:
    "x * multiplier in single precision, rounded to even, plus the zero point, kept in the range of the type: sums of " +
    "products of quantized numbers as quantized numbers. Multiplier and zero point are broadcast to x.",
  operands: [one("x", IntegerTensor), one("multiplier", FloatTensor), optional("zero", IntegerTensor)],
  attrs: { to: attr.type },
  results: [one("y", IntegerTensor)],
  traits: [Pure, Broadcasts],
  infer: ({ x, to }) => [withElementType(x.type, to)],
  verify({ x, multiplier, zero, to }, fail) {
    verifyStored(to, fail);
    const shapes = [x, multiplier, ...(zero ? [zero] : [])].map((v) => v.type.shape);
    const fault = broadcastFault(shapes);
    if (fault) fail(fault);
    else if (shapes.some((s) => s.length > x.type.shape.length))
      fail("multiplier and zero point have more dimensions than x");
  },
  evaluate: ({ x, multiplier, zero, to }) => {
    const scaled = mapBroadcast(
      (v: number, m: number) => Math.fround(Math.fround(v) * m),
      [x, multiplier],
      x.shape,
      f64,
    );
    const zeros = zero && doublesOf(mapBroadcast((v: number) => v, [zero], x.shape, f64));
    return placed(doublesOf(scaled), x.shape, to, true, zeros && ((i) => zeros[i]!));
  },
  expand({ x, multiplier, zero, to, y }, b) {
    if (!hasStaticShape(x.type)) return undefined;
    return [
      elementwise(b, y.type, [x, multiplier, ...(zero ? [zero] : [])], (inner, v, m, z) => {
        const wide = convertScalar(inner, v!, x.type.element, f32);
        const scaled = new Scalars(inner, f32).mul(wide, convertScalar(inner, m!, multiplier.type.element, f32));
        return placedScalar(inner, scaled, z, zero?.type.element ?? to, f32, to);
      }),
    ];
  },
});

/** A vector or blocks of scales so that it is broadcast to x. */
function perElement(b: Builder, x: TensorValue, scale: TensorValue, axis: number, block: number): TensorValue {
  const { shape } = x.type;
  if (product(scale.type.shape) === 1) return reshaped(b, scale, []);
  if (block === 0)
    return reshaped(
      b,
      scale,
      shape.slice(axis).map((d, i) => (i === 0 ? d : 1)),
    );
  const table = range(shape[axis]!).map((n) => Math.floor(n / block));
  const tables = shape.map((_, i) => (i === axis ? table : undefined));
  return gatherByTables(b, scale, tensor(shape, scale.type.element), tables);
}

export const dequantize = defineOp("graph.dequantize", {
  doc: "(x - zero point) * scale (ONNX DequantizeLinear); scales as for quantize.",
  operands: [one("x", AnyTensor), one("scale", FloatTensor), optional("zero", AnyTensor)],
  attrs: { to: attr.type, ...scaleAttrs },
  results: [one("y", FloatTensor)],
  traits: [Pure, Widens],
  infer: ({ x, to }) => [withElementType(x.type, to)],
  verify({ x, scale, axis, block }, fail) {
    verifyScale(x, scale, axis, block, fail);
  },
  evaluate: ({ x, scale, zero, to, axis, block }) => dequantized(x, scale, zero, { to, axis, block }),
  expand({ x, scale, zero, to, axis, block, y }, b) {
    const from = x.type.element;
    if (!hasStaticShape(x.type)) return undefined;
    const type = to === f64 ? f64 : f32;
    const operands = [x, perElement(b, x, scale, axis, block), ...(zero ? [perElement(b, x, zero, axis, block)] : [])];
    return [
      elementwise(b, y.type, operands, (inner, v, s, z) => {
        // Differences of small integers are whole numbers that floats hold.
        const common = isFloat(from) ? f32 : i32;
        const wide = (u: Value, t: Type): Value => convertScalar(inner, u, t, common);
        const whole = wide(v!, from);
        const difference = z ? new Scalars(inner, common).sub(whole, wide(z, zero!.type.element)) : whole;
        const e = new Scalars(inner, type);
        const number = convertScalar(inner, difference, common, type);
        return convertScalar(inner, e.mul(number, convertScalar(inner, s!, scale.type.element, type)), type, to);
      }),
    ];
  },
});

/** The numbers that quantized ones stand for. */
export function dequantized(
  x: NDArray,
  scale: NDArray,
  zero: NDArray | undefined,
  { to, axis, block }: { readonly to: Type; readonly axis: number; readonly block: number },
): NDArray {
  const xs = doublesOf(x);
  const scales = doublesOf(scale);
  const zeros = zero && doublesOf(zero);
  const at = scaleIndex(x.shape, scale.shape, axis, block);
  const out = new Float64Array(xs.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.fround(xs[i]! - (zeros ? zeros[at(i)]! : 0)) * scales[at(i)]!;
  return arrayOf(to, x.shape, out);
}

// --- products of small integers -----------------------------------------------------------------------------------

export const conv_integer = defineOp("graph.conv_integer", {
  doc:
    "Convolution of small integers with their zero points taken away, summed in 32 bits from the bias on (ONNX ConvInteger, " +
    "QLinearConv). The zero point of x is one element, that of w one or one per output channel. Padding is zero points of x.",
  operands: [
    one("x", IntegerTensor),
    one("w", IntegerTensor),
    optional("x_zero", IntegerTensor),
    optional("w_zero", IntegerTensor),
    optional("bias", IntegerTensor),
  ],
  attrs: { ...windowAttrs, group: attr.int.default(1), layout },
  results: [one("y", IntegerTensor)],
  traits: [Pure],
  infer: ({ x, w, layout: how, ...window }) => [tensor(convShape(x.type, w.type, how, window), i32)],
  verify({ x, w, bias, layout: how, group, strides, pads, dilations }, fail) {
    verifyConv({ x, w, bias, how, group, window: { strides, pads, dilations } }, fail);
    if (bias && bias.type.element !== i32) fail("the bias has 32 bits");
  },
  evaluate: ({ x, w, x_zero, w_zero, bias, group, layout: how, strides, pads, dilations }) => {
    const zero = { x: x_zero ? doublesOf(x_zero)[0]! : 0, w: w_zero ? doublesOf(w_zero) : [0] };
    const sums = convolve(x, w, bias, group, how, { strides, pads, dilations }, zero);
    return arrayOf(i32, sums.shape, sums.values);
  },
  expand({ x, w, x_zero, w_zero, bias, group, layout: how, strides, pads, dilations, y }, b) {
    if (![x, w].every((v) => hasStaticShape(v.type))) return undefined;
    const n = x.type.shape.length - 2;
    const outer = how === "channels-first" ? 0 : w.type.shape.length - 1;
    const image = padded(
      b,
      withoutZero(b, x, x_zero, 0),
      activationShape(how, 0, 0, pads.slice(0, n)),
      activationShape(how, 0, 0, pads.slice(n)),
      0,
    );
    const weights = withoutZero(b, w, w_zero, outer);
    const init = bias ? broadcastBias(b, bias, y.type, channelAxis(how, y.type.shape.length)) : filled(b, y.type, 0);
    const body = integerProducts(image, weights);
    return [contraction(b, image, weights, init, { how, group, strides, dilations }, body)];
  },
});

/** Products and sums in 32 bits. */
const integerProducts =
  (x: TensorValue, w: TensorValue): ContractionBody =>
  (b, p, q, acc) =>
    new Scalars(b, i32).multiplyAdd(
      acc,
      convertScalar(b, p, x.type.element, i32),
      convertScalar(b, q, w.type.element, i32),
    );

/** x - zero in 16 bits, which every difference of 8-bit numbers fits; without a zero point x as it is. */
function withoutZero(b: Builder, x: TensorValue, zero: TensorValue | undefined, axis: number): TensorValue {
  if (!zero) return x;
  const { element, shape } = x.type;
  const wide = (inner: Builder, v: Value): Value => convertScalar(inner, v, element, i16);
  const spread = zero.type.shape.length > 1 ? zero : perElement(b, x, zero, axis, 0);
  return elementwise(b, tensor(shape, i16), [x, spread], (inner, v, z) =>
    arith.subi(inner, wide(inner, v!), wide(inner, z!)),
  );
}

export const matmul_integer = defineOp("graph.matmul_integer", {
  doc:
    "Matrix product of small integers with their zero points taken away, summed in 32 bits (ONNX MatMulInteger). Zero " +
    "points are one element, or one per row of a, one per column of b.",
  operands: [
    one("a", IntegerTensor),
    one("b", IntegerTensor),
    optional("a_zero", IntegerTensor),
    optional("b_zero", IntegerTensor),
  ],
  results: [one("y", IntegerTensor)],
  traits: [Pure],
  infer: ({ a, b }) => [tensor(matmulShape(a.type.shape, b.type.shape).result, i32)],
  verify({ a, b }, fail) {
    const fault = matmulFault(a.type.shape, b.type.shape);
    if (fault) fail(fault);
  },
  evaluate: ({ a, b, a_zero, b_zero }) => {
    const shape = matmulShape(a.shape, b.shape);
    const xs = differences(a, a_zero, a.rank - 2);
    const ys = differences(b, b_zero, b.rank - 1);
    return arrayOf(i32, shape.result, products(xs, a.shape, ys, b.shape, shape));
  },
  expand({ a, b: other, a_zero, b_zero, y }, b) {
    if (![a, other].every((v) => hasStaticShape(v.type))) return undefined;
    const x = withoutZero(b, a, a_zero, a.type.shape.length - 2);
    const w = withoutZero(b, other, b_zero, other.type.shape.length - 1);
    return [matrixProduct(b, x, w, filled(b, y.type, 0), integerProducts(x, w))];
  },
});

/** Elements less their zero point: one, one per place along an axis, or as numpy broadcasts them. */
function differences(x: NDArray, zero: NDArray | undefined, axis: number): Float64Array {
  if (!zero) return doublesOf(x);
  const spread = x.shape.map((_, i) => (i === axis ? zero.size : 1));
  const zeros = zero.rank > 1 ? zero : zero.contiguous().reshape(zero.size === 1 ? [] : spread);
  return doublesOf(mapBroadcast((v: number, z: number) => v - z, [x, zeros], x.shape, f64));
}
