/** @file Integers between dequantize and quantize: the numbers stay, the tensors of floats go. */
import { describe, expect, it } from "vitest";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { add, clip, relu } from "../../dialects/graph/elementwise.ts";
import { gemm, matmul } from "../../dialects/graph/matmul.ts";
import { average_pool, max_pool } from "../../dialects/graph/pool.ts";
import { conv_integer, dequantize, quantize } from "../../dialects/graph/quant.ts";
import { reduce_mean } from "../../dialects/graph/reduce.ts";
import { concat, pad, reshape, transpose } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, i8, i32, integer, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { setNumerics } from "../../rewrite/numerics.ts";
import { NDArray } from "../../support/ndarray.ts";
import { program, randomArray, runPasses, verified } from "../support/compile.ts";

const u8 = integer(8, "unsigned");
const one = { axis: 0, block: 0 };
const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] };
const pool = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], ceil_mode: false };

const constant = (b: Builder, element: Type, shape: number[], values: readonly number[]): Value =>
  constantOfArray(b, NDArray.from(dtypeOf(element)!, shape, [...values]), element);
const scale = (b: Builder, ...values: number[]): Value =>
  constant(b, f32, values.length === 1 ? [] : [values.length], values);
const bytes = (b: Builder, shape: number[], seed: number): Value =>
  constantOfArray(b, randomArray(tensor(shape, i8), seed), i8);

/** Quantized numbers, as a model says them. */
const numbers = (b: Builder, x: Value, by: number, zero: number, element: Type = i8): Value =>
  dequantize(b, x, scale(b, by), constant(b, element, [], [zero]), { to: f32, ...one });
const codes = (b: Builder, x: Value, by: number, zero: number, to: Type = i8): Value =>
  quantize(b, x, scale(b, by), constant(b, to, [], [zero]), { to, saturate: true, ...one });
/** Weights with a scale for each output. */
const weights = (b: Builder, shape: number[], axis: number, seed: number): Value => {
  const each = Array.from({ length: shape[axis]! }, (_, i) => Math.fround(0.004 + 0.001 * i));
  return dequantize(b, bytes(b, shape, seed), scale(b, ...each), undefined, { to: f32, axis, block: 0 });
};

const opsOf = (module: Operation): string[] =>
  [...func.func.of(module.region().entry.first!).body.entry]
    .filter((op) => !op.def.isConstant && !op.def.isTerminator)
    .map((op) => op.name.replace("graph.", ""));

interface Outcome {
  readonly ops: readonly string[];
  /** The greatest difference. */
  readonly off: number;
}

/** Runs the pass on a function of bytes and compares what it computes. */
function run(shape: number[], fill: (b: Builder, x: Value) => Value, strict = false, element: Type = i8): Outcome {
  const input = tensor(shape, element);
  let type: TensorType = input;
  program([input], [], (b, x) => {
    type = fill(b, x!).type as TensorType;
    return [];
  });
  const module = program([input], [type], (b, x) => [fill(b, x!)]);
  if (strict) setNumerics(module, "strict");
  verified(module, "building");
  const given = [randomArray(input, 3)];
  if (element === u8)
    for (let i = 0; i < given[0]!.size; i++) given[0]!.setData(i, Math.abs(Number(given[0]!.getData(i))) * 2);
  const before = interpret(module, "main", given)[0] as NDArray;
  runPasses(module, "builtin.module(func.func(graph-integer))");
  const after = interpret(module, "main", given)[0] as NDArray;
  expect(after.shape).toEqual(before.shape);
  const [p, q] = [[...before.values()].map(Number), [...after.values()].map(Number)];
  expect(new Set(p).size, "the results say something").toBeGreaterThan(3);
  return { ops: opsOf(module), off: Math.max(...p.map((v, i) => Math.abs(v - q[i]!))) };
}

describe("graph-integer", () => {
  it("convolves integers, with the zero point as padding and in the bias, and activations as bounds", () => {
    const found = run([1, 3, 6, 6], (b, x) => {
      const bias = dequantize(b, constant(b, i32, [4], [900, -700, 20, 0]), scale(b, 2e-4), undefined, {
        to: f32,
        ...one,
      });
      const y = conv(b, numbers(b, x, 0.05, 7), weights(b, [4, 3, 3, 3], 0, 5), bias, window);
      return codes(b, relu(b, y), 0.3, -100);
    });
    expect(found.ops).toEqual(["pad", "conv_integer", "requantize", "max"]);
    expect(found.off).toBeLessThanOrEqual(1);
  });

  it("says nothing of bounds that the type has anyway", () => {
    const found = run(
      [1, 3, 6, 6],
      (b, x) => {
        const y = conv(b, numbers(b, x, 0.05, 0, u8), weights(b, [4, 3, 3, 3], 0, 5), undefined, window);
        return codes(b, clip(b, y, { min: 0, max: 1000 }), 0.3, 0, u8);
      },
      false,
      u8,
    );
    expect(found.ops).toEqual(["conv_integer", "requantize"]);
    expect(found.off).toBeLessThanOrEqual(1);
  });

  it("multiplies matrices of integers, and leaves floats where they are asked for", () => {
    const product = run([5, 16], (b, x) =>
      codes(b, gemm(b, numbers(b, x, 0.05, 3), weights(b, [8, 16], 0, 4), undefined, { transB: true }), 0.2, 5),
    );
    expect(product.ops).toEqual(["matmul_integer", "add", "requantize"]);
    expect(product.off).toBeLessThanOrEqual(1);
    const floats = run([5, 16], (b, x) => {
      const y = matmul(b, numbers(b, x, 0.05, 0), weights(b, [16, 8], 1, 4));
      return add(b, y, constant(b, f32, [8], [1, 2, 3, 4, 5, 6, 7, 8]));
    });
    expect(floats.ops).toEqual(["matmul_integer", "cast", "mul", "add"]);
    expect(floats.off).toBeLessThan(1e-3);
  });

  it("averages integers", () => {
    const pooled = run([1, 4, 6, 6], (b, x) => codes(b, average_pool(b, numbers(b, x, 0.05, 9), pool), 0.05, 9));
    expect(pooled.ops).toEqual(["conv_integer", "requantize"]);
    expect(pooled.off).toBeLessThanOrEqual(1);
    const mean = run([1, 8, 6, 6], (b, x) =>
      codes(b, reduce_mean(b, numbers(b, x, 0.05, 9), { axes: [2, 3], keepdims: true }), 0.005, 9),
    );
    expect(mean.ops).toEqual(["cast", "reduce_sum", "add", "requantize"]);
    expect(mean.off).toBeLessThanOrEqual(1);
  });

  it("moves integers in place of numbers, exactly", () => {
    const found = run(
      [1, 4, 6, 6],
      (b, x) => {
        const y = max_pool(b, numbers(b, x, 0.05, 3), pool);
        const wide = pad(b, y, undefined, { low: [0, 0, 1, 1], high: [0, 0, 1, 1], mode: "constant" });
        const turned = transpose(b, wide, { perm: [0, 2, 3, 1] });
        return codes(b, reshape(b, turned, undefined, { shape: [25, 4] }), 0.05, 3);
      },
      true,
    );
    expect(found).toEqual({ ops: ["max_pool", "pad", "transpose", "reshape"], off: 0 });
  });

  it("quantizes the parts of a concatenation by themselves", () => {
    const found = run([2, 4], (b, x) =>
      codes(b, concat(b, [numbers(b, x, 0.05, 3), numbers(b, x, 0.1, 0)] as never, { axis: 0 }), 0.05, 3),
    );
    expect(found).toEqual({ ops: ["dequantize", "quantize", "concat"], off: 0 });
  });

  it("takes zero points out of the loops of operators on integers, under any policy", () => {
    const found = run(
      [1, 3, 6, 6],
      (b, x) => {
        const zero = constant(b, i8, [], [5]);
        const each = constant(b, i8, [4], [1, -2, 0, 3]);
        return conv_integer(b, x, bytes(b, [4, 3, 3, 3], 5), zero, each, undefined, window);
      },
      true,
    );
    expect(found).toEqual({ ops: ["pad", "conv_integer"], off: 0 });
  });

  it("keeps sums of floats where the policy is strict", () => {
    const found = run(
      [1, 3, 6, 6],
      (b, x) => codes(b, conv(b, numbers(b, x, 0.05, 7), weights(b, [4, 3, 3, 3], 0, 5), undefined, window), 0.3, 0),
      true,
    );
    expect(found).toEqual({ ops: ["dequantize", "conv", "quantize"], off: 0 });
  });
});
