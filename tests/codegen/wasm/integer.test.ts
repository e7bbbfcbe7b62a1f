/** Quantized models in WebAssembly: integers from quantize to quantize, bit by bit what the graph of integers means. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../../codegen/wasm/index.ts";
import { watText } from "../../../codegen/wasm/listing.ts";
import { dialects } from "../../../dialects/index.ts";
import { Context } from "../../../ir/context.ts";
import type { Operation } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, i8, integer, type TensorType, tensor } from "../../../ir/types.ts";
import { passes } from "../../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../../rewrite/pipeline.ts";
import { Session } from "../../../runtime/wasm.ts";
import { Diagnostics } from "../../../support/diagnostic.ts";
import type { NDArray } from "../../../support/ndarray.ts";
import { hasRelaxedSimd, program, randomArray, runPasses } from "../../support/compile.ts";
import { network } from "../../support/quantized.ts";

const u8 = integer(8, "unsigned");
const type = tensor([1, 3, 8, 8], f32);

/** The answer of a variant's code, and the code. */
async function inWasm(
  module: Operation,
  variant?: string,
): Promise<{ readonly values: Float32Array; readonly wat: string }> {
  const pipeline = variant ? wasmSimd.variants!.find((v) => v.name === variant)!.pipeline : wasmSimd.pipeline;
  const diagnostics = new Diagnostics();
  const parsed = parsePipeline(pipeline, [...passes, ...wasmSimd.passes], diagnostics);
  runPipeline(parsed!, module, { context: new Context(dialects), diagnostics }, {});
  diagnostics.throwIfErrors();
  const artifact = wasmSimd.emit(module, { model: "q", names: false });
  const session = await Session.load(artifact);
  const [input, output] = [session.inputs[0]!.name, session.outputs[0]!.name];
  const values = session.run({ [input]: randomArray(type, 1).data as Float32Array })[output] as Float32Array;
  return { values: values.slice(), wat: await watText(artifact.code) };
}

describe("quantized models in WebAssembly", () => {
  it.each([
    [i8, -5, undefined],
    [u8, 120, undefined],
    [i8, 3, "v8-12"],
    [u8, 0, "relaxed"],
  ] as const)("%s around %d, %s: what integers say", async (element, zero, variant) => {
    if (variant === "relaxed" && !hasRelaxedSimd()) return;
    const fill = network(element, zero);
    const build = (): Operation => program([type], [tensor([1, 5], f32) as TensorType], (b, x) => [fill(b, x!)]);
    const integers = build();
    runPasses(integers, "builtin.module(func.func(graph-integer))");
    const expected = (interpret(integers, "main", [randomArray(type, 1)])[0] as NDArray).values();
    const { values, wat } = await inWasm(build(), variant);
    expect(new Set(values).size).toBeGreaterThan(3);
    expect([...values]).toEqual([...expected]);
    // Sums of products are made in pairs, and nothing is rounded in the hard way but what comes in.
    expect(wat).toContain("i32x4.dot_i16x8_s");
  });
});
