/** @file Attention in several shapes: keys, heads, masks and sizes that are no multiples of anything. */
import { attention } from "../../dialects/graph/attention.ts";
import { add } from "../../dialects/graph/elementwise.ts";
import { matmul } from "../../dialects/graph/matmul.ts";
import { softmax } from "../../dialects/graph/normalize.ts";
import { transpose } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { TensorType } from "../../ir/types.ts";
import { program } from "./compile.ts";
import { f } from "./products.ts";

export type Body = (b: Builder, q: Value, k: Value, v: Value, mask: Value) => readonly Value[];

export const last = (v: Value): number => (v.type as TensorType).shape.length - 1;

/** q kᵀ, with k as it is: [.., E, S] or [.., S, E]. */
export const plain: Body = (b, q, k, v) => [matmul(b, softmax(b, matmul(b, q, k), { axis: last(q) }), v)];
const masked: Body = (b, q, k, v, mask) => [matmul(b, softmax(b, add(b, matmul(b, q, k), mask), { axis: last(q) }), v)];
const turned: Body = (b, q, k, v) => plain(b, q, transpose(b, k, { perm: [0, 1, 3, 2] }), v, v);
/** Heads that lie side by side, and results that are put so. */
const heads: Body = (b, q, k, v) => {
  const split = (x: Value): Value => transpose(b, x, { perm: [0, 2, 1, 3] });
  const keys = transpose(b, k, { perm: [0, 2, 3, 1] });
  return [transpose(b, plain(b, split(q), keys, split(v), v)[0]!, { perm: [0, 2, 1, 3] })];
};
const causal: Body = (b, q, k, v) => [attention(b, q, k, v, undefined, { scale: 0.25, causal: true })];

/**
 * A name, what is computed, its inputs, its result, and launches of it on WebGPU: queries that are scaled before, and results in
 * another order that nobody reads, are launches of their own.
 */
export const attentions: readonly (readonly [string, Body, readonly TensorType[], TensorType, number])[] = [
  ["keys that lie along the columns", plain, [f(1, 2, 32, 16), f(1, 2, 16, 64), f(1, 2, 64, 16)], f(1, 2, 32, 16), 1],
  ["keys that lie along the sums", turned, [f(1, 2, 32, 16), f(1, 2, 64, 16), f(1, 2, 64, 16)], f(1, 2, 32, 16), 1],
  ["heads side by side", heads, [f(1, 32, 2, 16), f(1, 48, 2, 16), f(1, 48, 2, 16)], f(1, 32, 2, 16), 2],
  ["a mask", masked, [f(2, 1, 16, 8), f(2, 1, 8, 36), f(2, 1, 36, 8), f(2, 1, 1, 36)], f(2, 1, 16, 8), 1],
  ["rows that blocks do not divide", turned, [f(1, 1, 37, 8), f(1, 1, 20, 8), f(1, 1, 20, 12)], f(1, 1, 37, 12), 1],
  ["numbers of columns that are odd", turned, [f(1, 2, 17, 8), f(1, 2, 17, 8), f(1, 2, 17, 8)], f(1, 2, 17, 8), 1],
  ["heads of odd sizes", plain, [f(1, 1, 16, 5), f(1, 1, 5, 24), f(1, 1, 24, 7)], f(1, 1, 16, 7), 1],
  ["rows that see what is before", causal, [f(1, 2, 24, 8), f(1, 2, 24, 8), f(1, 2, 24, 8)], f(1, 2, 24, 8), 2],
  ["a single matrix", plain, [f(64, 16), f(16, 64), f(64, 16)], f(64, 16), 1],
];

/** The module of some of them. */
export const attentionModule = (body: Body, inputs: readonly TensorType[], results: readonly TensorType[]): Operation =>
  program(inputs, results, (b, q, k, v, mask) => body(b, q!, k!, v!, mask!));
