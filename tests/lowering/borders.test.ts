/**
 * Machines without vectors: kernels compute the borders of windows, rows of images run as one, and buffers overlap. What comes
 * out at the end, loops over one arena, is run and compared with what the graph means; the interpreter allows no access outside.
 */
import { describe, expect, it } from "vitest";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { add, relu } from "../../dialects/graph/elementwise.ts";
import { average_pool, max_pool } from "../../dialects/graph/pool.ts";
import * as tensorOps from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, type TensorType, tensor } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { programOf, randomArray } from "../support/compile.ts";
import { answerOf, arenaOf, lowerForC } from "../support/lowered-c.ts";

const t = (...shape: number[]): TensorType => tensor(shape, f32);
const weights = (b: Builder, shape: number[], seed: number): Value =>
  constantOfArray(b, randomArray(t(...shape), seed), f32);

interface Window {
  readonly strides?: readonly number[];
  readonly pads: readonly number[];
  readonly dilations?: readonly number[];
}
const filled = ({ strides = [1, 1], pads, dilations = [1, 1] }: Window) => ({
  strides: [...strides],
  pads: [...pads],
  dilations: [...dilations],
});
const padded = (n: number, w: Window = { pads: [] }): Window => ({ ...w, pads: [n, n, n, n] });

const convolve = (b: Builder, x: Value, shape: number[], seed: number, w: Window, group = 1): Value =>
  conv(b, x, weights(b, shape, seed), weights(b, [shape[0]!], seed + 50), { ...filled(w), group });

/** What the loops that machines run compute, and the bytes of the arena. */
function lowered(
  build: () => Operation,
  x: NDArray,
): { readonly found: NDArray; readonly arena: number; readonly module: Operation } {
  const module = build();
  lowerForC(module, { cpu: "m4" });
  return { found: answerOf(module, x), arena: arenaOf(module), module };
}

function check(type: TensorType, fill: (b: Builder, x: Value) => Value): ReturnType<typeof lowered> {
  const build = programOf(type, fill);
  const x = randomArray(type, 1);
  const expected = [...(interpret(build(), "main", [x])[0] as NDArray).values()];
  const answer = lowered(build, x);
  const found = [...answer.found.values()];
  expect(found.length).toBe(expected.length);
  expect(Math.max(...found.map((v, i) => Math.abs(Number(v) - Number(expected[i]))))).toBeLessThan(1e-4);
  return answer;
}

describe("borders of windows", () => {
  it.each([
    ["one row and column all around", [1, 4, 6, 7], [8, 4, 3, 3], padded(1)],
    ["every second", [1, 4, 9, 8], [8, 4, 3, 3], { ...padded(1), strides: [2, 2] }],
    ["more on one side", [1, 3, 5, 9], [4, 3, 2, 4], { pads: [0, 2, 1, 0] }],
    ["dilated", [1, 2, 8, 9], [4, 2, 3, 3], { ...padded(2), dilations: [2, 2] }],
    [
      "dilated and every second",
      [1, 2, 9, 9],
      [4, 2, 3, 3],
      { pads: [3, 3, 2, 2], dilations: [3, 3], strides: [2, 2] },
    ],
    ["windows larger than the image", [1, 2, 2, 3], [4, 2, 5, 5], padded(2)],
    ["along one dimension", [1, 4, 5, 12], [4, 4, 1, 5], { pads: [0, 2, 0, 2] }],
    ["columns that fill no tile", [1, 5, 7, 6], [7, 5, 3, 3], padded(1)],
  ] as const)("convolution: %s", (_name, shape, filter, window) => {
    check(t(...shape), (b, x) => relu(b, convolve(b, x, [...filter], 2, window)));
  });

  it.each([
    ["3×3", [1, 6, 7, 5], [6, 1, 3, 3], padded(1)],
    ["every second", [1, 4, 8, 9], [4, 1, 3, 3], { ...padded(1), strides: [2, 2] }],
    ["5×5", [1, 3, 9, 8], [3, 1, 5, 5], padded(2)],
  ] as const)("channel by channel: %s", (_name, shape, filter, window) => {
    check(t(...shape), (b, x) => convolve(b, x, [...filter], 3, window, filter[0]));
  });

  it("pools: maxima and means", () => {
    const pool = { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], ceil_mode: false };
    check(t(1, 4, 7, 8), (b, x) => max_pool(b, x, pool));
    check(t(1, 4, 7, 8), (b, x) => average_pool(b, x, pool));
    check(t(1, 4, 7, 8), (b, x) => average_pool(b, x, { ...pool, count_include_pad: true }));
  });

  it("no padded tensor is left, and no copy", () => {
    const { module } = check(t(1, 4, 6, 6), (b, x) =>
      convolve(b, convolve(b, x, [4, 4, 3, 3], 2, padded(1)), [4, 4, 3, 3], 3, padded(1)),
    );
    module.walk((op) => expect(tensorOps.pad.is(op)).toBe(false));
  });
});

describe("buffers that overlap", () => {
  const image = 4 * 8 * 10 * 10;
  const depthwise = (b: Builder, x: Value, seed: number): Value =>
    relu(b, convolve(b, x, [8, 1, 3, 3], seed, padded(1), 8));
  const pointwise = (b: Builder, x: Value, seed: number): Value =>
    relu(b, convolve(b, x, [8, 8, 1, 1], seed, padded(0)));

  it("a chain takes little more than its largest tensor", () => {
    const { arena } = check(t(1, 8, 10, 10), (b, x) => {
      let v = pointwise(b, x, 1);
      for (let i = 0; i < 3; i++) v = pointwise(b, depthwise(b, v, 2 + i), 6 + i);
      return relu(b, convolve(b, v, [8, 8, 10, 10], 9, padded(0)));
    });
    expect(arena).toBeLessThan(1.75 * image);
  });

  it("a sum takes the place of one of its terms", () => {
    const { arena } = check(t(1, 8, 10, 10), (b, x) => {
      const first = pointwise(b, x, 1);
      const second = convolve(b, depthwise(b, first, 2), [8, 8, 1, 1], 3, padded(0));
      return relu(b, convolve(b, add(b, first, second), [8, 8, 10, 10], 9, padded(0)));
    });
    expect(arena).toBeLessThan(2.4 * image);
  });
});
