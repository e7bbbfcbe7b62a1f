/**
 * @file What tensor ops share: what their operands may be, numpy's broadcasting, and layouts. `infer` of a graph op
 * always answers its best guess; where operands do not fit, `verify` says so.
 */

import type { Attr } from "../../ir/attributes.ts";
import { attr } from "../../ir/attributes.ts";
import { type Constraint, elements, RankedTensor, where } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import type { Attrs } from "../../ir/define.ts";
import type { Fail, Trait } from "../../ir/traits.ts";
import { dynamic, integer, isDynamic, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import type { DType } from "../../support/ndarray.ts";

/** Each element of the result comes from the elements of the operands at the same place, after numpy's broadcasting. */
export const Broadcasts: Trait = { name: "Broadcasts" };
/** Combines the elements of its one operand along `axes`, which ascend; `keepdims` leaves dimensions of size 1 there. */
export const ReducesAxes: Trait = { name: "ReducesAxes" };

/**
 * Every element of the result is one of the first operand's. Which one the other operands and the attributes say, or the
 * order of the elements, but nothing else about them.
 */
export const Selects: Trait = { name: "Selects" };
/** Says what its operands say in more bytes: constants stay as they are, until a pass wants them otherwise. */
export const Widens: Trait = { name: "Widens" };

export type TensorValue = Value<TensorType>;
export type Shape = readonly number[];
/** The values of an op's attributes, by name. */
export type AttrValues<A extends Attrs> = { readonly [K in keyof A]: A[K] extends Attr<infer T> ? T : never };

export const isFloat = (t: Type): boolean => t.kind === "float";
export const isUnsigned = (t: Type): boolean =>
  t.kind === "integer" && (t.signedness === "unsigned" || (t.width === 1 && t.signedness === "signless"));
export const isBool = (t: Type): boolean => t.kind === "integer" && t.width === 1 && t.signedness === "signless";

export const AnyTensor: Constraint<TensorType> = RankedTensor;
export const FloatTensor = elements(
  RankedTensor,
  where("float", (t) => t.kind === "float"),
  "tensor of floats",
);
export const BoolTensor = elements(RankedTensor, where("bool", isBool), "tensor of i1");
export const IntegerTensor = elements(
  RankedTensor,
  where("integer", (t) => t.kind === "integer"),
  "tensor of integers",
);
export const NumberTensor = elements(
  RankedTensor,
  where("number", (t) => (t.kind === "integer" && !isBool(t)) || t.kind === "float"),
  "tensor of numbers",
);

/** Where channels stand: NCHW, or NHWC with weights spatial…, in, out. */
export const layout = attr.oneOf("channels-first", "channels-last").default("channels-first");
export type Layout = "channels-first" | "channels-last";

/** The dimension of the channels of an activation. */
export const channelAxis = (how: Layout, rank: number): number => (how === "channels-first" ? 1 : rank - 1);
/** The spatial dimensions of an activation. */
export const spatialAxes = (how: Layout, rank: number): number[] =>
  Array.from({ length: rank - 2 }, (_, i) => i + (how === "channels-first" ? 2 : 1));

/** The NDArray element type of a type that has one. */
export function dtype(t: Type): DType {
  const d = dtypeOf(t);
  invariant(d !== undefined, "tensors have elements with a run-time form");
  return d;
}

/** The same bits without a sign in the type: what lower storeys compute on. */
export const signless = (t: Type): Type => (t.kind === "integer" && t.signedness !== "signless" ? integer(t.width) : t);

/** The common shape of two by numpy's rules; where two sizes contradict, the larger. */
export function broadcastShape(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === 1) return y;
    if (y === 1 || isDynamic(y)) return x;
    return isDynamic(x) ? y : Math.max(x, y);
  });
}

export const broadcastAll = (shapes: readonly Shape[]): number[] => shapes.reduce<number[]>(broadcastShape, []);

/** Two sizes may meet in one dimension of an elementwise op. */
const meets = (x: number, y: number): boolean => x === y || x === 1 || y === 1 || isDynamic(x) || isDynamic(y);

/** Why shapes cannot be broadcast together; undefined if they can. */
export function broadcastFault(shapes: readonly Shape[]): string | undefined {
  let common: Shape = [];
  for (const s of shapes) {
    const rank = Math.max(common.length, s.length);
    for (let i = 1; i <= rank; i++) {
      if (!meets(common[common.length - i] ?? 1, s[s.length - i] ?? 1)) {
        return `shapes ${shapes.map(shapeText).join(" and ")} cannot be broadcast together`;
      }
    }
    common = broadcastShape(common, s);
  }
  return undefined;
}

export function verifyBroadcast(values: readonly TensorValue[], fail: Fail): void {
  const fault = broadcastFault(values.map((v) => v.type.shape));
  if (fault) fail(fault);
}

export const shapeText = (shape: Shape): string => `[${shape.map((d) => (isDynamic(d) ? "?" : d)).join(", ")}]`;

export const sameDim = (a: number, b: number): boolean => a === b || isDynamic(a) || isDynamic(b);

/** A size computed from others; unknown where one of them is. */
export function sizeFrom(sizes: Shape, f: (...known: number[]) => number): number {
  return sizes.some(isDynamic) ? dynamic : f(...sizes);
}

/** An axis counted from 0, where negative ones count from the end. */
export const normalAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The same shape with other elements. */
export const withElementType = (t: TensorType, element: Type): TensorType => tensor(t.shape, element);

export const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);
export const product = (sizes: Shape): number => sizes.reduce((n, d) => n * d, 1);
