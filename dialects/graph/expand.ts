/** @file How tensor ops say themselves in lower words: linalg.generic over tensors, destinations, padding, reshaping. */
import { type AffineExpr, type AffineMap, add, affineMap, constant, dim, identityMap, mul } from "../../ir/affine.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { arrayOfBytes, denseOfArray } from "../../ir/datum.ts";
import { type AttributeOf, index, isDynamic, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { unrealized_conversion_cast } from "../builtin.ts";
import { type Access, type GenericParts, genericOf } from "../linalg/builders.ts";
import { fill } from "../linalg/ops.ts";
import * as tensors from "../tensor/ops.ts";
import { product, type Shape, signless, type TensorValue } from "./op.ts";
import { convertScalar, number, plain, Scalars, signed, sumType } from "./scalars.ts";

export { affineMap, dim, identityMap };

// --- places and constants -----------------------------------------------------------------------------------------

/** A place to write to. Sizes that are unknown are those of `like` in the same dimension. */
export function empty(b: Builder, type: TensorType, like?: (d: number) => Value): TensorValue {
  const sizes = type.shape.flatMap((d, i) => (isDynamic(d) ? [like!(i)] : []));
  return tensors.empty(b, sizes, { types: [type] }) as TensorValue;
}

export function filled(b: Builder, type: TensorType, value: number | bigint, like?: (d: number) => Value): TensorValue {
  return fill(b, [number(b, value, type.element)], [empty(b, type, like)])[0] as TensorValue;
}

/** The size of a dimension at run time. */
export const sizeOfDim = (b: Builder, x: Value, d: number): Value => tensors.dim(b, x, arith.constantIndex(b, d));

/** A constant table of indices. */
export function indexTable(b: Builder, shape: Shape, values: readonly number[]): Value {
  return arith.constant(b, { value: denseOfArray(NDArray.from("index", shape, values), tensor(shape, index)) });
}

/** A constant tensor of signless elements. */
export function constantTensor(b: Builder, array: NDArray, element: Type): TensorValue {
  const made = arith.constant(b, { value: denseOfArray(array, tensor(array.shape, signless(element))) });
  return withSign(b, made as TensorValue, element);
}

/** The same tensor with the sign of its elements in its type. */
export function withSign(b: Builder, x: TensorValue, element: Type): TensorValue {
  if (x.type.element === element) return x;
  return unrealized_conversion_cast(b, [x], { types: [tensor(x.type.shape, element)] })[0] as TensorValue;
}

// --- loops --------------------------------------------------------------------------------------------------------

/** genericOf on tensors whose element types may have signs: the body sees none. */
export function loops(b: Builder, parts: GenericParts): readonly TensorValue[] {
  const elements = parts.outputs.map(([v]) => (v as TensorValue).type.element);
  return genericOf(b, {
    ...parts,
    body(inner, ...args) {
      const answer = parts.body(inner, ...args.map((a) => plain(inner, a)));
      const values = Array.isArray(answer) ? (answer as readonly Value[]) : [answer as Value];
      return values.map((v, i) => signed(inner, v, elements[i]!));
    },
  }) as readonly TensorValue[];
}

/** How an operand that is broadcast to a shape is addressed by its loops. */
export function broadcastMap(shape: Shape, into: Shape): AffineMap {
  const shift = into.length - shape.length;
  return affineMap(
    into.length,
    0,
    shape.map((d, i) => (d === 1 && into[i + shift] !== 1 ? constant(0) : dim(i + shift))),
  );
}

/** The one number that all elements of a constant are, if it is one. */
function splatOf(v: Value): number | bigint | undefined {
  const op = v.definingOp;
  if (op && unrealized_conversion_cast.is(op)) return splatOf(op.operand(0));
  if (!op?.def.isConstant) return undefined;
  const a = op.props[0] as AttributeOf<"dense">;
  if (a.kind !== "dense" || a.strings || a.type.kind !== "tensor" || product(a.type.shape) === 0) return undefined;
  if (!a.splat && product(a.type.shape) !== 1) return undefined;
  return arrayOfBytes([1], a.type.element, a.bytes).getData(0);
}

/**
 * One parallel loop nest over the result: the operands are broadcast to it. Constants of one value stand in the body.
 */
export function elementwise(
  b: Builder,
  type: TensorType,
  operands: readonly TensorValue[],
  body: (inner: Builder, ...xs: Value[]) => Value,
): TensorValue {
  const constants = operands.map((v) => splatOf(v));
  const inputs = operands.filter((_, i) => constants[i] === undefined);
  const like = (d: number): Value => {
    const from = inputs.find((v) => {
      const at = d - type.shape.length + v.type.shape.length;
      return at >= 0 && isDynamic(v.type.shape[at]!);
    })!;
    return sizeOfDim(b, from, d - type.shape.length + from.type.shape.length);
  };
  const [result] = loops(b, {
    iterators: type.shape.map(() => "parallel" as const),
    inputs: inputs.map((v): Access => [v, broadcastMap(v.type.shape, type.shape)]),
    outputs: [[empty(b, type, like), identityMap(type.shape.length)]],
    body(inner, ...args) {
      let next = 0;
      const xs = constants.map((c, i) => {
        return c === undefined ? args[next++]! : new Scalars(inner, operands[i]!.type.element).num(c);
      });
      return body(inner, ...xs);
    },
  });
  return result!;
}

/** The elements of a tensor in another type. */
export function converted(b: Builder, x: TensorValue, to: Type): TensorValue {
  const { element, shape } = x.type;
  if (element === to) return x;
  return elementwise(b, tensor(shape, to), [x], (inner, v) => convertScalar(inner, v, element, to));
}

// --- padding, reshaping -------------------------------------------------------------------------------------------

/** Widens a tensor with one number; amounts are not negative. */
export function padded(
  b: Builder,
  x: TensorValue,
  low: readonly number[],
  high: readonly number[],
  value: number | bigint | Value,
): TensorValue {
  if ([...low, ...high].every((n) => n === 0)) return x;
  const { element } = x.type;
  const filler = typeof value === "object" ? value : number(b, value, element);
  return tensors.pad(b, x, [], [], {
    static_low: low,
    static_high: high,
    region: () => [filler],
  }) as TensorValue;
}

/** Dimensions of two static shapes with the same elements, grouped so that each group holds as many in both. */
function commonGroups(from: Shape, to: Shape): { readonly from: number[][]; readonly to: number[][] } {
  const groups: { from: number[][]; to: number[][] } = { from: [], to: [] };
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const a: number[] = [];
    const c: number[] = [];
    let p = 1;
    let q = 1;
    if (i < from.length) {
      p = from[i]!;
      a.push(i++);
    }
    if (j < to.length) {
      q = to[j]!;
      c.push(j++);
    }
    while (p !== q) {
      if (p < q) {
        p *= from[i]!;
        a.push(i++);
      } else {
        q *= to[j]!;
        c.push(j++);
      }
    }
    if (a.length > 0 && c.length > 0) {
      groups.from.push(a);
      groups.to.push(c);
    } else if (groups.from.length > 0) {
      // Sizes of one that are left over join the last group.
      groups.from[groups.from.length - 1]!.push(...a);
      groups.to[groups.to.length - 1]!.push(...c);
    } else {
      // One of the shapes is that of a scalar.
      return { from: [], to: [] };
    }
  }
  return groups;
}

/** The same elements in another static shape: dimensions merged, then split. */
export function reshaped(b: Builder, x: TensorValue, shape: Shape): TensorValue {
  const from = x.type.shape;
  if (from.length === shape.length && from.every((d, i) => d === shape[i])) return x;
  if (product(shape) === 0) return empty(b, tensor(shape, x.type.element));
  const groups = commonGroups(from, shape);
  const middle = groups.from.map((g) => product(g.map((d) => from[d]!)));
  const merged =
    middle.length === from.length ? x : (tensors.collapse_shape(b, x, { reassociation: groups.from }) as TensorValue);
  if (middle.length === shape.length) return merged;
  return tensors.expand_shape(b, merged, [], {
    reassociation: groups.to,
    static_output_shape: shape,
  }) as TensorValue;
}

/** Linear expressions of loops. */
export const scaled = (d: AffineExpr, by: number): AffineExpr => mul(d, constant(by));
export const plus = add;

/** Sums are computed in a wider type for half precision, and rounded at the end. */
export function rounded(b: Builder, sums: TensorValue, element: Type): TensorValue {
  return sums.type.element === element ? sums : converted(b, sums, element);
}

/** The type of the sums of a tensor of results. */
export const sumsType = (t: TensorType): TensorType => tensor(t.shape, sumType(t.element));
