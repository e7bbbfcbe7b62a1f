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
import { dialects } from "../../../dialects/index.ts";
import { Context } from "../../../ir/context.ts";
import type { Operation } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, i8, integer, type TensorType, tensor } from "../../../ir/types.ts";
import { passes } from "../../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../../rewrite/pipeline.ts";
import { hostCpu, loadNative } from "../../../runtime/native.ts";
import { Diagnostics } from "../../../support/diagnostic.ts";
import type { NDArray } from "../../../support/ndarray.ts";
import { program, randomArray, runPasses } from "../../support/compile.ts";
import { network } from "../../support/quantized.ts";
import { sharedPath } from "../../support/shared.ts";

const hasCompiler = ["cc", "gcc", "clang"].some((cc) => spawnSync(cc, ["--version"]).status === 0);
const cache = mkdtempSync(join(tmpdir(), "sluice-integer-"));
const u8 = integer(8, "unsigned");

const type = tensor([1, 3, 8, 8], f32);

async function inC(module: Operation, cpu: string, requant: string): Promise<Float32Array> {
  const target = c.configured!({ cpu: cpu === "native" ? hostCpu() : cpu, requant });
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
    ["onnx", "m4", i8, -5],
    ["onnx", "m4", u8, 120],
    ["onnx", "m0", i8, 3],
    ["onnx", "m0", u8, 120],
    ["onnx", "m55", u8, 120],
    ["onnx", "m55", i8, 3],
    ["onnx", "native", i8, -5],
    ["onnx", "native", u8, 120],
    ["onnx", "x86-64", i8, 7],
    ["tflite", "m4", u8, 120],
    ["tflite", "m0", i8, 3],
    ["tflite", "native", i8, -5],
    ["tflite", "x86-64", u8, 7],
  ] as const)("%s on %s computes what integers say", async (requant, cpu, element, zero) => {
    const fill = network(element, zero);
    const build = (): Operation => program([type], [tensor([1, 5], f32) as TensorType], (b, x) => [fill(b, x!)]);
    const integers = build();
    runPasses(integers, `builtin.module(func.func(graph-integer{requant=${requant}}))`);
    const expected = (interpret(integers, "main", [randomArray(type, 1)])[0] as NDArray).values();
    const found = await inC(build(), cpu, requant);
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
