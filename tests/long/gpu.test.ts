/**
 * Models on WebGPU, computed by lavapipe (Vulkan by software) with subgroups of 4 and of 8, against WebAssembly. `.ci/run`
 * installs the driver; without it the tests say that they are skipped.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { compile, type GpuCompiled, type Profile } from "../../index.ts";
import { writeModel } from "../../onnx/write.ts";
import { onGpu } from "../support/gpu.ts";
import { mixedModel } from "../support/mixed-model.ts";
import { transformerModel } from "../support/transformer-model.ts";

const driver = "/usr/share/vulkan/icd.d/lvp_icd.json";
const digits = fileURLToPath(new URL("../../examples/digits/digits.onnx", import.meta.url));
const image = Array.from({ length: 784 }, (_, i) => ((i * 37) % 101) / 101);

describe.skipIf(!existsSync(driver))("digits.onnx on lavapipe", () => {
  let model: GpuCompiled;
  let wanted: readonly number[];
  beforeAll(async () => {
    const bytes = readFileSync(digits);
    model = await compile(bytes, { target: "wgsl", file: "digits.onnx" });
    const other = await compile(bytes, { target: "wasm-simd", file: "digits.onnx" });
    const session = await other.load();
    const answer = session.run({ image: Float32Array.from(image) });
    wanted = Object.values(answer).flatMap((a) => Array.from(a as Float32Array, Number));
  });

  it.each([
    ["4", "128"],
    ["8", "256"],
  ])("with subgroups of %s threads answers what WebAssembly does, twice the same", async (_size, bits) => {
    const inputs = { image: { array: "Float32Array", values: image } };
    const answer = await onGpu({ inputs }, model, { VK_DRIVER_FILES: driver, LP_NATIVE_VECTOR_WIDTH: bits });
    expect(answer.adapter).not.toBeNull();
    expect(answer.error).toBeUndefined();
    expect(answer.same).toBe(true);
    const got = Object.values(answer.outputs!).flat();
    expect(got.length).toBe(wanted.length);
    got.forEach((v, i) => {
      expect(Math.abs(v - wanted[i]!)).toBeLessThan(1e-4 * (1 + Math.abs(wanted[i]!)));
    });
  });

  it("with weights in 16 bits answers nearly the same", async () => {
    const fast = await compile(readFileSync(digits), { target: "wgsl", file: "digits.onnx", numerics: "fast" });
    expect(fast.weights.byteLength).toBeLessThan(model.weights.byteLength);
    const inputs = { image: { array: "Float32Array", values: image } };
    const answer = await onGpu({ inputs }, fast, { VK_DRIVER_FILES: driver });
    expect(answer.error).toBeUndefined();
    const got = Object.values(answer.outputs!).flat();
    const largest = Math.max(...wanted.map(Math.abs));
    const worst = Math.max(...got.map((v, i) => Math.abs(v - wanted[i]!)));
    expect(worst).toBeLessThan(2 ** -8 * largest);
    expect(worst).toBeGreaterThan(0);
    // The same bits whether the device reads floats of 16 bits or words that hold two.
    const on = (requiredFeatures: readonly string[]) =>
      onGpu({ inputs, device: { requiredFeatures } }, fast, { VK_DRIVER_FILES: driver });
    const [words, native] = [await on([]), await on(["shader-f16"])];
    expect(fast.manifest.gpu!.variants.map((v) => v.needs)).toContain("shader-f16");
    expect([words.error, native.error]).toEqual([undefined, undefined]);
    expect(native.outputs).toEqual(words.outputs);
  });
});

describe.skipIf(!existsSync(driver))("a transformer on lavapipe", () => {
  it.each([
    ["4", "128"],
    ["8", "256"],
  ])("answers what WebAssembly does, and with subgroups of %s threads what it does without", async (_size, bits) => {
    const bytes = writeModel(transformerModel({ image: 16, width: 64, heads: 2, layers: 1, classes: 10 }));
    const model = await compile(bytes, { target: "wgsl", file: "model.onnx" });
    expect(Object.keys(model.manifest.gpu!.variants[0]!.shaders).length).toBeGreaterThan(1);
    const [port] = model.manifest.inputs;
    const values = Array.from({ length: port!.shape.reduce((n, d) => n * d, 1) }, (_, i) => ((i * 37) % 101) / 101);
    const inputs = { [port!.name]: { array: "Float32Array", values } };
    const env = { VK_DRIVER_FILES: driver, LP_NATIVE_VECTOR_WIDTH: bits };
    const plain = await onGpu({ inputs, device: { requiredFeatures: [] } }, model, env);
    const varied = await onGpu({ inputs }, model, env);
    expect([plain.error, varied.error, plain.same, varied.same]).toEqual([undefined, undefined, true, true]);
    const wanted = Object.values(plain.outputs!).flat();
    const got = Object.values(varied.outputs!).flat();
    const largest = Math.max(...wanted.map(Math.abs));
    expect(Math.max(...got.map((v, i) => Math.abs(v - wanted[i]!)))).toBeLessThan(1e-5 * largest);
    const host = await compile(bytes, { target: "wasm-simd", file: "model.onnx" });
    const reference = Object.values((await host.load()).run({ [port!.name]: Float32Array.from(values) }));
    reference
      .flatMap((a) => Array.from(a as Float32Array))
      .forEach((v, i) => {
        expect(Math.abs(v - wanted[i]!)).toBeLessThan(1e-4 * largest);
      });
    // Sums in another order: had nothing been exchanged, they would be the same.
    expect(got).not.toEqual(wanted);
  });
});

describe.skipIf(!existsSync(driver))("buffers of the device on lavapipe", () => {
  it("are taken as inputs and given as outputs, and hold what arrays do", async () => {
    const model = await compile(readFileSync(digits), { target: "wgsl", file: "digits.onnx" });
    const inputs = { image: { array: "Float32Array", values: image } };
    const answer = await onGpu({ inputs, buffers: true }, model, { VK_DRIVER_FILES: driver });
    expect(answer.error).toBeUndefined();
    expect(answer.fromBuffers).toEqual(answer.outputs);
    for (const [name, values] of Object.entries(answer.outputs!)) {
      expect(answer.inBuffers![name]!.slice(0, values.length)).toEqual(values);
    }
  });
});

describe.skipIf(!existsSync(driver))("a model in parts on lavapipe and on the host", () => {
  it("answers what it does as a whole in WebAssembly", async () => {
    const bytes = mixedModel();
    const model = await compile(bytes, { target: "wgsl", file: "mixed.onnx", allowHost: true });
    const x = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
    const idle = new Float32Array(3);
    const whole = await (await compile(bytes, { target: "wasm-simd", file: "mixed.onnx" })).load();
    const wanted = whole.run({ x, idle });
    const array = (a: Float32Array) => ({ array: "Float32Array", values: [...a] });
    const job = { inputs: { x: array(x), idle: array(idle) } };
    const answer = await onGpu(job, model, { VK_DRIVER_FILES: driver });
    expect(answer.error).toBeUndefined();
    expect(answer.same).toBe(true);
    expect(Object.keys(answer.outputs!)).toEqual(["y", "r"]);
    for (const [name, values] of Object.entries(answer.outputs!)) {
      values.forEach((v, i) => {
        expect(Math.abs(v - Number(wanted[name]![i]))).toBeLessThan(1e-5);
      });
    }
    // Two parts on the device: a submission, a pass and a read-back each.
    expect(answer.counts).toMatchObject({ submit: 2, beginComputePass: 2, mapAsync: 2 });
  });
});

describe.skipIf(!existsSync(driver))("a profile on lavapipe", () => {
  it("has the time of each kernel, by the device's clock", () => {
    const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
    const flags = ["--target", "wgsl", "--runs", "5", "--warm", "100", "--json"];
    const out = execFileSync(process.execPath, ["--import", "tsx", main, "profile", digits, ...flags], {
      encoding: "utf8",
      env: { ...process.env, VK_DRIVER_FILES: driver },
    });
    const profile = JSON.parse(out) as Profile;
    expect(profile.machine).toMatch(/llvmpipe/);
    expect(profile.steps.length).toBeGreaterThan(5);
    for (const s of profile.steps) expect(s.ns).toBeGreaterThan(0);
    expect(profile.inSteps).toBeLessThan(profile.wall);
    expect(profile.roof.flops).toBeGreaterThan(0.1);
    for (const b of profile.roof.bandwidths) expect(b.rate).toBeGreaterThan(0.01);
  });
});
