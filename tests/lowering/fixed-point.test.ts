/**
 * Requantization in TFLite's fixed point, against that arithmetic written down a second time, from the descriptions of
 * gemmlowp and of TFLite's 8-bit operators: on 64-bit integers, with divisions instead of shifts.
 */
import { describe, expect, it } from "vitest";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { add, mul, sub } from "../../dialects/graph/elementwise.ts";
import { gemm } from "../../dialects/graph/matmul.ts";
import { dequantize, quantize } from "../../dialects/graph/quant.ts";
import { rescale } from "../../dialects/graph/rescale.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import { interpret } from "../../ir/interpret.ts";
import { elementOf, f32, i8, i32, integer, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { fixedPoint } from "../../lowering/graph/integer/fixed-point.ts";
import { NDArray } from "../../support/ndarray.ts";
import { program, randomArray, runPasses } from "../support/compile.ts";
import { network } from "../support/quantized.ts";

const u8 = integer(8, "unsigned");

/** The nearest integer to p / q, of two that are as near the one that is further from 0. */
function awayFromZero(p: bigint, q: bigint): bigint {
  const size = ((p < 0n ? -p : p) * 2n + q) / (2n * q);
  return p < 0n ? -size : size;
}

/** Twice the product, its upper 32 bits: the nudge keeps halves below 0 from being rounded down. */
function doublingHighProduct(a: bigint, b: bigint): bigint {
  const product = a * b;
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  return (product + nudge) / (1n << 31n);
}

const scaledBy = (x: number, multiplier: number, shift: number): number => {
  const shifted = BigInt.asIntN(32, BigInt(x) * 2n ** BigInt(Math.max(0, shift)));
  return Number(awayFromZero(doublingHighProduct(shifted, BigInt(multiplier)), 2n ** BigInt(Math.max(0, -shift))));
};

/** A factor by its bits: 53 of them, rounded to 31. */
function multiplierOf(factor: number): readonly [number, number] {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, factor);
  const whole = bits.getBigUint64(0);
  const fraction = (whole & ((1n << 52n) - 1n)) | (1n << 52n);
  const rounded = (fraction + (1n << 21n)) >> 22n;
  const shift = Number((whole >> 52n) & 2047n) - 1022;
  return rounded === 1n << 31n ? [2 ** 30, shift + 1] : [Number(rounded), shift];
}

const kept = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);

const constant = (b: Builder, element: Type, shape: readonly number[], values: readonly number[]): Value =>
  constantOfArray(b, NDArray.from(dtypeOf(element)!, shape, [...values]), element);
const one = { axis: 0, block: 0 };
const numbers = (b: Builder, x: Value, by: number, zero: number): Value =>
  dequantize(b, x, constant(b, f32, [], [by]), constant(b, elementOf(x.type), [], [zero]), { to: f32, ...one });
const codes = (b: Builder, x: Value, by: number, zero: number, to: Type = i8): Value =>
  quantize(b, x, constant(b, f32, [], [by]), constant(b, to, [], [zero]), { to, saturate: true, ...one });

const opsOf = (module: Operation): string[] =>
  [...func.func.of(module.region().entry.first!).body.entry]
    .filter((op) => !op.def.isConstant && !op.def.isTerminator)
    .map((op) => op.name.replace("graph.", ""));

/** What a function computes after the pass, and its ops. */
function run(inputs: readonly TensorType[], output: TensorType, fill: (b: Builder, ...xs: Value[]) => Value) {
  const module = program(inputs, [output], (b, ...xs) => [fill(b, ...xs)]);
  runPasses(module, "builtin.module(func.func(graph-integer{requant=tflite}))");
  const given = inputs.map((t, i) => randomArray(t, i + 3));
  const [y] = interpret(module, "main", given) as NDArray[];
  return { given: given.map((a) => a.values().map(Number)), values: y!.values().map(Number), ops: opsOf(module) };
}

describe("fixed point", () => {
  it("says factors as multipliers of 31 bits and shifts", () => {
    for (const factor of [1, 0.5, 0.25, 3, 0.0123, 1e-6, 1 - 2 ** -40, 0.1, 2 ** -20 * 1.999999, 12345.678]) {
      const [multiplier, shift] = multiplierOf(factor);
      expect(fixedPoint(factor), String(factor)).toEqual({ multiplier, shift });
    }
    expect(fixedPoint(1e-12)).toEqual({ multiplier: 0, shift: 0 });
  });

  it("rescales as the formula has it, halves and the ends of 32 bits included", () => {
    const sums = [0, 1, -1, 2, -2, 3, -3, 5, -5, 6, -6, 127, -128, 65535, -65536, 2 ** 31 - 1, -(2 ** 31), 1 << 30];
    for (let i = 0; i < 200; i++) sums.push(Math.trunc((((i * 2654435761) % 2 ** 32) - 2 ** 31) / 2 ** (i % 20)));
    const x = NDArray.from("i32", [sums.length], sums);
    for (const factor of [0.5, 0.25, 0.75, 0.999, 0.0625, 0.0371, 1.0, 1.5, 3.7, 1e-4, 2 ** -31]) {
      const [multiplier, shift] = multiplierOf(factor);
      const module = program([tensor([sums.length], i32)], [tensor([sums.length], i32)], (b, v) => {
        const word = (n: number): Value => constant(b, i32, [], [n]);
        const left = shift > 0 ? word(shift) : undefined;
        return [rescale(b, v!, word(multiplier), word(Math.max(0, -shift)), left, undefined, { to: i32 })];
      });
      const found = (interpret(module, "main", [x])[0] as NDArray).values().map(Number);
      expect(found, String(factor)).toEqual(sums.map((v) => scaledBy(v, multiplier, shift)));
    }
  });

  it("requantizes sums of products by double precision quotients of the scales, one per column", () => {
    const scales = Array.from({ length: 8 }, (_, i) => Math.fround(0.004 + 0.003 * i));
    const w = randomArray(tensor([16, 8], i8), 5);
    const { given, values, ops } = run([tensor([6, 16], i8)], tensor([6, 8], i8), (b, x) => {
      const weights = dequantize(b, constantOfArray(b, w, i8), constant(b, f32, [8], scales), undefined, {
        to: f32,
        axis: 1,
        block: 0,
      });
      return codes(b, gemm(b, numbers(b, x!, 0.05, 3), weights, undefined, {}), 0.11, 5);
    });
    expect(ops).toEqual(["matmul_integer", "add", "rescale"]);
    const x = given[0]!;
    const expected = values.map((_, n) => {
      const [row, column] = [Math.floor(n / 8), n % 8];
      let sum = 0;
      for (let k = 0; k < 16; k++) sum += (x[16 * row + k]! - 3) * Number(w.getData(8 * k + column));
      const factor = (Math.fround(0.05) * scales[column]!) / Math.fround(0.11);
      return kept(scaledBy(sum, ...multiplierOf(factor)) + 5, -128, 127);
    });
    expect(new Set(values).size).toBeGreaterThan(10);
    expect(values).toEqual(expected);
  });

  it.each([
    ["add", add],
    ["sub", sub],
  ] as const)("%s: terms are scaled to twice the larger scale, in 20 more bits", (_name, op) => {
    const [sp, sq, so] = [0.05, 0.013, 0.06].map(Math.fround) as [number, number, number];
    const { given, values, ops } = run([tensor([300], i8), tensor([300], i8)], tensor([300], i8), (b, x, y) =>
      codes(b, op(b, numbers(b, x!, sp, 7), numbers(b, y!, sq, -4)), so, 9),
    );
    expect(ops.filter((o) => /quantize/.test(o))).toEqual([]);
    const term = (x: number, zero: number, by: number): number =>
      scaledBy((x - zero) * 2 ** 20, ...multiplierOf(by / (2 * Math.max(sp, sq))));
    const sign = op === add ? 1 : -1;
    const expected = values.map((_, i) => {
      const [p, q] = [term(given[0]![i]!, 7, sp), term(given[1]![i]!, -4, sq)];
      const factor = (2 * Math.max(sp, sq)) / (2 ** 20 * so);
      return kept(scaledBy(p + sign * q, ...multiplierOf(factor)) + 9, -128, 127);
    });
    expect(new Set(values).size).toBeGreaterThan(50);
    expect(values).toEqual(expected);
  });

  it("mul: products of differences, rescaled; another scale: differences, rescaled", () => {
    const [sp, sq, so] = [0.05, 0.013, 0.031].map(Math.fround) as [number, number, number];
    const product = run([tensor([300], i8), tensor([300], i8)], tensor([300], u8), (b, x, y) =>
      codes(b, mul(b, numbers(b, x!, sp, 7), numbers(b, y!, sq, -4)), so, 100, u8),
    );
    const by = multiplierOf((sp * sq) / so);
    expect(product.values).toEqual(
      product.values.map((_, i) => {
        const [x, y] = product.given.map((a) => a[i]);
        return kept(scaledBy((x! - 7) * (y! + 4), ...by) + 100, 0, 255);
      }),
    );
    const other = run([tensor([300], i8)], tensor([300], u8), (b, x) => codes(b, numbers(b, x!, sp, 7), so, 100, u8));
    expect(other.ops.filter((o) => /quantize/.test(o))).toEqual([]);
    expect(other.values).toEqual(
      other.values.map((_, i) => kept(scaledBy(other.given[0]![i]! - 7, ...multiplierOf(sp / so)) + 100, 0, 255)),
    );
  });

  it.each([
    [i8, -5],
    [u8, 120],
  ] as const)("leaves no floats in a network but what goes in and comes out: %o", (element, zero) => {
    const fill = network(element, zero);
    const input = tensor([1, 3, 8, 8], f32);
    const results = (["onnx", "tflite"] as const).map((requant) => {
      const module = program([input], [tensor([1, 5], f32)], (b, x) => [fill(b, x!)]);
      runPasses(module, `builtin.module(func.func(graph-integer{requant=${requant}}))`);
      return {
        ops: opsOf(module),
        values: (interpret(module, "main", [randomArray(input, 1)])[0] as NDArray).values(),
      };
    });
    const floats = results[1]!.ops.filter((o) => /quantize/.test(o));
    expect(floats).toEqual(["quantize"]);
    expect(results[0]!.ops.filter((o) => /quantize/.test(o)).length).toBeGreaterThan(3);
    // A step of the last tensor of bytes is 0.05 * 127 * 0.0058 at most.
    const off = results[0]!.values.map((v, i) => Math.abs(Number(v) - Number(results[1]!.values[i])));
    expect(Math.max(...off)).toBeLessThan(0.05 * 127 * 0.0058 * 32);
  });
});
