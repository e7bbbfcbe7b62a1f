/** @file Weights that are kept in 16 bits: under which policy, how far results are off, and how shaders read them. */
import { describe, expect, it } from "vitest";
import * as arith from "../../../dialects/arith/ops.ts";
import * as linalg from "../../../dialects/linalg/index.ts";
import * as tensor from "../../../dialects/tensor/index.ts";
import { compile, type GpuCompiled } from "../../../index.ts";
import type { Operation } from "../../../ir/core.ts";
import { denseOfArray } from "../../../ir/datum.ts";
import { interpret } from "../../../ir/interpret.ts";
import { writeModel } from "../../../onnx/write.ts";
import { type Numerics, setNumerics } from "../../../rewrite/numerics.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { program, randomArray, runPasses } from "../../support/compile.ts";
import { nullBackend, onGpu, plainShadersOf, shadersOf } from "../../support/gpu.ts";
import { nagaFault } from "../../support/judges.ts";
import { f } from "../../support/products.ts";
import { transformerModel } from "../../support/transformer-model.ts";

const [rows, depth, columns] = [3, 40, 12];

/** A product of an argument with weights in [-scale, scale]. */
function product(scale: number, policy: Numerics): Operation {
  const type = f(depth, columns);
  const weights = randomArray(type, 7);
  for (let i = 0; i < weights.size; i++) weights.setData(i, Math.fround(Number(weights.getData(i)) * scale));
  const module = program([f(rows, depth)], [f(rows, columns)], (b, x) => {
    const w = arith.constant(b, { value: denseOfArray(weights, type), types: [type] });
    const empty = tensor.empty(b, [], { types: [f(rows, columns)] });
    const zero = arith.constantFloat(b, 0, type.element as never);
    const start = linalg.genericOf(b, {
      loops: "m n",
      inputs: [[zero, ""]],
      outputs: [[empty, "m, n"]],
      body: (_b, v) => v!,
    })[0]!;
    return linalg.genericOf(b, {
      loops: "m n : k",
      inputs: [
        [x!, "m, k"],
        [w, "k, n"],
      ],
      outputs: [[start, "m, n"]],
      body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
    });
  });
  setNumerics(module, policy);
  return module;
}

const lower =
  "builtin.module(linalg-pack{panel=0},linalg-half-weights,linalg-outline{again=true},linalg-bufferize," +
  "linalg-schedule{machine=webgpu},linalg-to-loops)";

/** The largest difference of a result, for inputs in [-1, 1]. */
function difference(scale: number, policy: Numerics): number {
  const module = product(scale, policy);
  const x = randomArray(f(rows, depth), 3);
  const [wanted] = interpret(module, "main", [x]) as [NDArray];
  runPasses(module, lower);
  const got = NDArray.zeros("f32", [rows, columns]);
  interpret(module, "main", [x, got]);
  let worst = 0;
  for (let i = 0; i < got.size; i++) {
    worst = Math.max(worst, Math.abs(Number(got.getData(i)) - Number(wanted.getData(i))));
  }
  return worst;
}

describe("weights in 16 bits", () => {
  // Sums of 40 products with errors of 2^-11 of weights up to the scale.
  it.each([1e-6, 0.03, 1, 3e4, 1e9])("are off by the last bits of the weights, whose scale is %d", (scale) => {
    const worst = difference(scale, "fast");
    expect(worst).toBeLessThan(depth * scale * 2 ** -11);
    expect(worst).toBeGreaterThan(0);
  });

  it.each(["strict", "default"] as const)("are not made under the policy %s", (policy) => {
    const module = product(1, policy);
    runPasses(module, lower);
    let halves = 0;
    module.walk((op) => {
      if (arith.extf.is(op)) halves++;
    });
    expect(halves).toBe(0);
  });

  it("are not made of zeros, or of numbers far beyond", () => {
    expect(difference(0, "fast")).toBe(0);
    expect(difference(1e35, "fast")).toBeLessThan(depth * 1e35 * 2 ** -20);
  });

  it("take half of the bytes of a transformer, and its shaders pass Tint and Naga", async () => {
    const bytes = writeModel(transformerModel({ image: 16, width: 64, heads: 2, layers: 1, classes: 10 }));
    const made = (numerics: Numerics): Promise<GpuCompiled> =>
      compile(bytes, { target: "wgsl", file: "model.onnx", numerics });
    const [plain, fast] = [await made("default"), await made("fast")];
    expect(fast.weights.byteLength).toBeLessThan(0.6 * plain.weights.byteLength);
    expect(fast.manifest.gpu!.steps.length).toBe(plain.manifest.gpu!.steps.length);
    const shaders = plainShadersOf(fast);
    expect(shadersOf(plain).filter((s) => s.includes("unpack2x16float"))).toEqual([]);
    expect(shaders.filter((s) => s.includes("unpack2x16float")).length).toBeGreaterThan(3);
    expect(shaders.map((s) => nagaFault(s)).filter((e) => e !== undefined)).toEqual([]);
    // Where devices have floats of 16 bits, those are read as they are, out of the same bytes.
    const native = fast.manifest.gpu!.variants.find((v) => v.needs === "shader-f16")!;
    const all = shadersOf(fast);
    for (const [own, other] of Object.entries(native.shaders)) {
      expect(all[Number(own)]).toContain("unpack2x16float");
      expect(all[other]).toMatch(/^enable f16;[\s\S]*array<(vec4h|f16)>/);
      expect(all[other]).not.toContain("unpack2x16float");
    }
    expect(Object.keys(native.shaders).length).toBe(shaders.filter((s) => s.includes("unpack2x16float")).length);
    expect(plain.manifest.gpu!.variants.map((v) => v.needs)).toEqual(["subgroups"]);
    const { faults } = await onGpu({ options: nullBackend, validate: all });
    expect(faults).toEqual(all.map(() => []));
  });
});
