/** @file What is known of quantized tensors: scales and zero points that are constants. */
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import type { TensorValue } from "../../../dialects/graph/op.ts";
import { dequantize, type quantize } from "../../../dialects/graph/quant.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { dtypeOf } from "../../../ir/datum.ts";
import { f32, type IntegerType, type TensorType, type Type } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { type Known, knownOf } from "../constants.ts";

/** Integers, and how they are numbers: (x - zero) * scale. */
export interface Quantized {
  readonly x: TensorValue;
  readonly element: IntegerType;
  /** One for all, or one per slice along the axis. */
  readonly scales: ArrayLike<number>;
  readonly zeros: ArrayLike<number>;
  readonly axis: number;
  readonly scale: Known;
}

export const isWhole = (q: Quantized): boolean => q.scales.length === 1 && q.zeros.length === 1;

export const isByte = (t: Type): t is IntegerType => t.kind === "integer" && t.width === 8;

/** The tensor that a value is the numbers of; undefined if it is none, or scales are not known. */
export function quantizedOf(v: Value): Quantized | undefined {
  const d = dequantize.match(v);
  return d && d.to === f32 ? partsOf(d.x, d) : undefined;
}

/** What a value is quantized to. */
export function targetOf(op: NonNullable<ReturnType<typeof quantize.match>>): Quantized | undefined {
  return op.x.type.element === f32 ? partsOf(op.y, op) : undefined;
}

function partsOf(
  x: TensorValue,
  op: { readonly scale: TensorValue; readonly zero: TensorValue | undefined; axis: number; block: number },
): Quantized | undefined {
  const scale = knownOf(op.scale);
  const zero = op.zero && knownOf(op.zero);
  const { element } = x.type;
  if (op.block !== 0 || !scale || (op.zero && !zero) || op.scale.type.element !== f32 || element.kind !== "integer")
    return undefined;
  const scales = numbersOf(scale);
  if (scales.some((s) => !(s > 0 && Number.isFinite(s)))) return undefined;
  return { x, element, scales, zeros: zero ? numbersOf(zero) : [0], axis: op.axis, scale };
}

export const numbersOf = (k: Known): number[] => Array.from(k.array().values(), Number);

/** The same numbers stand for the same integers: one scale and zero point for all, and one type. */
export const sameScale = (a: Quantized, b: Quantized): boolean =>
  isWhole(a) && isWhole(b) && a.element === b.element && a.scales[0] === b.scales[0] && a.zeros[0] === b.zeros[0];

/** A constant of numbers. */
export function numbers(b: Builder, values: ArrayLike<number>, element: Type, shape: readonly number[]): TensorValue {
  return constantOfArray(b, NDArray.from(dtypeOf(element)!, shape, Array.from(values)), element);
}

export const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;

/** Values along one dimension of a tensor of some rank; one value for all as a scalar. */
export const alongAxis = (count: number, axis: number, rank: number): number[] =>
  count === 1 ? [] : [count, ...new Array<number>(rank - 1 - axis).fill(1)];
