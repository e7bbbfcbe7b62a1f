/**
 * Quantized models in C for machines without vectors: integers from quantize to quantize, bit by bit what the graph of
 * integers means. Built and run on this machine; needs a compiler.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findCases } from "../../../bench/conformance/case.ts";
import { compiledTarget } from "../../../bench/conformance/compiled.ts";
import { runCase } from "../../../bench/conformance/run-case.ts";
import { c } from "../../../codegen/c/index.ts";
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import { conv } from "../../../dialects/graph/conv.ts";
import { add, relu } from "../../../dialects/graph/elementwise.ts";
import { matmul } from "../../../dialects/graph/matmul.ts";
import { average_pool, max_pool } from "../../../dialects/graph/pool.ts";
import { dequantize, quantize } from "../../../dialects/graph/quant.ts";
import { reshape } from "../../../dialects/graph/shape.ts";
import { dialects } from "../../../dialects/index.ts";
import type { Builder } from "../../../ir/builder.ts";
import { Context } from "../../../ir/context.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { dtypeOf } from "../../../ir/datum.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, i8, integer, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import { passes } from "../../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../../rewrite/pipeline.ts";
import { loadNative } from "../../../runtime/native.ts";
import { Diagnostics } from "../../../support/diagnostic.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { program, randomArray, runPasses } from "../../support/compile.ts";
import { sharedPath } from "../../support/shared.ts";

const hasCompiler = ["cc", "gcc", "clang"].some((cc) => spawnSync(cc, ["--version"]).status === 0);
const cache = mkdtempSync(join(tmpdir(), "sluice-integer-"));
const u8 = integer(8, "unsigned");
const one = { axis: 0, block: 0 };

const constant = (b: Builder, element: Type, shape: number[], values: readonly number[]): Value =>
  constantOfArray(b, NDArray.from(dtypeOf(element)!, shape, [...values]), element);
const numbers = (b: Builder, x: Value, by: number, zero: number, element: Type): Value =>
  dequantize(b, x, constant(b, f32, [], [by]), constant(b, element, [], [zero]), { to: f32, ...one });
const codes = (b: Builder, x: Value, by: number, zero: number, to: Type): Value =>
  quantize(b, x, constant(b, f32, [], [by]), constant(b, to, [], [zero]), { to, saturate: true, ...one });
const weights = (b: Builder, shape: number[], axis: number, seed: number): Value => {
  const each = Array.from({ length: shape[axis]! }, (_, i) => Math.fround(0.003 + 0.0007 * i));
  const values = constantOfArray(b, randomArray(tensor(shape, i8), seed), i8);
  return dequantize(b, values, constant(b, f32, [each.length], each), undefined, { to: f32, axis, block: 0 });
};

/** Convolutions of all kinds, a residual sum, pools and a matrix product; numbers of floats go in and come out. */
const network =
  (element: Type, zero: number) =>
  (b: Builder, x: Value): Value => {
    const again = (v: Value, by: number, z = zero): Value => numbers(b, codes(b, v, by, z, element), by, z, element);
    const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] };
    const first = again(relu(b, conv(b, again(x, 0.02), weights(b, [8, 3, 3, 3], 0, 2), undefined, window)), 0.03);
    const depthwise = again(conv(b, first, weights(b, [8, 1, 3, 3], 0, 3), undefined, { ...window, group: 8 }), 0.05);
    const point = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };
    const pointwise = again(conv(b, depthwise, weights(b, [8, 8, 1, 1], 0, 4), undefined, point), 0.06);
    const sum = again(add(b, first, pointwise), 0.08);
    const pool = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], ceil_mode: false };
    const most = again(max_pool(b, sum, pool), 0.08);
    const mean = again(average_pool(b, most, pool), 0.05, zero + 3);
    const rows = reshape(b, mean, undefined, { shape: [1, 32] });
    return matmul(b, rows, weights(b, [32, 5], 1, 6));
  };

const type = tensor([1, 3, 8, 8], f32);

async function inC(module: Operation, cpu: string): Promise<Float32Array> {
  const target = c.configured!({ cpu });
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(target.pipeline, [...passes, ...target.passes], diagnostics);
  runPipeline(pipeline!, module, { context: new Context(dialects), diagnostics }, {});
  diagnostics.throwIfErrors();
  const artifact = target.emit(module, { model: "q", names: false });
  const session = await loadNative(artifact, { exact: true });
  const [input, output] = [session.inputs[0]!.name, session.outputs[0]!.name];
  return session.run({ [input]: randomArray(type, 1).data as Float32Array })[output] as Float32Array;
}

const real = sharedPath("data/onnx/real/kws-micro-qdq");

describe.skipIf(!hasCompiler)("quantized models in C", () => {
  beforeAll(() => {
    process.env.SLUICE_CACHE = cache;
  });
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  it.each([
    ["m4", i8, -5],
    ["m4", u8, 120],
    ["m0", i8, 3],
  ] as const)("%s computes what integers say", async (cpu, element, zero) => {
    const fill = network(element, zero);
    const build = (): Operation => program([type], [tensor([1, 5], f32) as TensorType], (b, x) => [fill(b, x!)]);
    const integers = build();
    runPasses(integers, "builtin.module(func.func(graph-integer))");
    const expected = (interpret(integers, "main", [randomArray(type, 1)])[0] as NDArray).values();
    const found = await inC(build(), cpu);
    expect(new Set(found).size).toBeGreaterThan(3);
    expect([...found]).toEqual([...expected]);
  });

  it.skipIf(real === undefined)("a trained network answers as it did elsewhere", async () => {
    const [found] = findCases(real!);
    const target = compiledTarget(c.configured!({ cpu: "m4" }), (artifact) => loadNative(artifact, { exact: true }));
    const outcome = await runCase(found!, target);
    expect(outcome.reason).toBe("");
    expect(outcome.status).toBe("pass");
  });
});
