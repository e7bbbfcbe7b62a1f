/** @file What the rules of recognition have in common: numbers, factors and summands in any order. */
import * as elementwise from "../../../dialects/graph/elementwise.ts";
import type { Value } from "../../../ir/core.ts";
import type { TensorType } from "../../../ir/types.ts";
import { knownOf } from "../constants.ts";

/** The shape of a tensor. */
export const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;

export const sameShape = (a: Value, b: Value): boolean => {
  const [p, q] = [shapeOf(a), shapeOf(b)];
  return p.length === q.length && p.every((d, i) => d === q[i]);
};

/** The number that a constant of one element is. */
export function numberOf(v: Value): number | undefined {
  const known = knownOf(v);
  if (!known || shapeOf(v).some((d) => d !== 1)) return undefined;
  const value = known.array().values()[0];
  return value === undefined ? undefined : Number(value);
}

/** A constant as close to a number as its type allows: exporters write √2 in f32 and 0.044715 in half precision. */
export const isNear = (v: number | undefined, wanted: number, tolerance = 1e-6): boolean =>
  v !== undefined && Math.abs(v - wanted) <= tolerance * Math.abs(wanted);

/** The operands of an op of two, both ways round. */
export const bothWays = ({ a, b }: { readonly a: Value; readonly b: Value }): readonly (readonly [Value, Value])[] => [
  [a, b],
  [b, a],
];

/** A product as a number and its other factors, through multiplications, divisions by numbers and negations. */
export interface Factors {
  readonly scale: number;
  readonly others: readonly Value[];
}

/** All ways to read a value as a product; its factors may be products that are meant as a whole. */
export function factorizations(v: Value, depth = 4): readonly Factors[] {
  const number = numberOf(v);
  if (number !== undefined) return [{ scale: number, others: [] }];
  const whole: Factors = { scale: 1, others: [v] };
  if (depth === 0) return [whole];
  const product = elementwise.mul.match(v);
  if (product) {
    const [left, right] = [factorizations(product.a, depth - 1), factorizations(product.b, depth - 1)];
    const both = left.flatMap((x) =>
      right.map((y) => ({ scale: x.scale * y.scale, others: [...x.others, ...y.others] })),
    );
    // Patterns have no more than three factors.
    return [...both.filter((f) => f.others.length <= 3), whole];
  }
  const quotient = elementwise.div.match(v);
  const by = quotient && numberOf(quotient.b);
  if (!quotient || by === undefined || by === 0) return [whole];
  const numerators = factorizations(quotient.a, depth - 1);
  return [...numerators.map((x) => ({ scale: x.scale / by, others: x.others })), whole];
}

/** A value as a number times another value, which is not taken apart further. */
export function scaledOf(v: Value): { readonly scale: number; readonly x: Value } {
  const product = elementwise.mul.match(v);
  for (const [x, y] of product ? bothWays(product) : []) {
    const number = numberOf(y);
    if (number !== undefined) return { scale: number, x };
  }
  const quotient = elementwise.div.match(v);
  const by = quotient && numberOf(quotient.b);
  if (quotient && by !== undefined && by !== 0) return { scale: 1 / by, x: quotient.a };
  return { scale: 1, x: v };
}

/** A sum of a value and a number. */
export function plusNumber(v: Value): { readonly x: Value; readonly number: number } | undefined {
  const sum = elementwise.add.match(v);
  for (const [x, y] of sum ? bothWays(sum) : []) {
    const number = numberOf(y);
    if (number !== undefined && numberOf(x) === undefined) return { x, number };
  }
  const difference = elementwise.sub.match(v);
  const number = difference && numberOf(difference.b);
  return difference && number !== undefined ? { x: difference.a, number: -number } : undefined;
}

/** What a value is the square of: x · x, or x to the power of 2. */
export function squareOf(v: Value): Value | undefined {
  const product = elementwise.mul.match(v);
  if (product) return product.a === product.b ? product.a : undefined;
  const power = elementwise.pow.match(v);
  return power && numberOf(power.b) === 2 ? power.a : undefined;
}

/** What a value is the third power of. */
export function cubeOf(v: Value): Value | undefined {
  const power = elementwise.pow.match(v);
  if (power) return numberOf(power.b) === 3 ? power.a : undefined;
  const product = elementwise.mul.match(v);
  for (const [x, y] of product ? bothWays(product) : []) if (squareOf(y) === x) return x;
  return undefined;
}
