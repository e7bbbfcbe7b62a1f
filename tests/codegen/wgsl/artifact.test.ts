/** Models compiled to WGSL: what the validator says, what a run does, how large it all is, and what it refuses. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { indented } from "../../../codegen/wgsl/compact.ts";
import { driverText } from "../../../codegen/wgsl/driver-text.ts";
import { compile, type GpuCompiled } from "../../../index.ts";
import { driverFile, drivers } from "../../../tools/driver.ts";
import { nullBackend, onGpu, shadersOf } from "../../support/gpu.ts";

const digits = fileURLToPath(new URL("../../../examples/digits/digits.onnx", import.meta.url));
const image = { image: { array: "Float32Array", values: Array.from({ length: 784 }, (_, i) => (i % 7) / 7) } };

describe("digits.onnx on WebGPU", () => {
  let model: GpuCompiled;
  beforeAll(async () => {
    model = await compile(readFileSync(digits), { target: "wgsl", file: "digits.onnx" });
  });

  it("passes the validator, shader by shader", async () => {
    const shaders = shadersOf(model);
    const { faults } = await onGpu({ options: nullBackend, validate: shaders });
    expect(faults).toEqual(shaders.map(() => []));
  });

  it("runs with one submission, one pass, one write for the input, one read-back, and makes nothing new", async () => {
    const { counts, error } = await onGpu({ options: nullBackend, inputs: image }, model);
    expect(error).toBeUndefined();
    expect(counts).toEqual({
      createCommandEncoder: 1,
      submit: 1,
      beginComputePass: 1,
      writeBuffer: 1,
      mapAsync: 1,
      dispatchWorkgroups: model.manifest.gpu!.steps.length,
    });
  });

  it("has few dispatches and small shaders", () => {
    expect(model.manifest.gpu!.steps.length).toBeLessThanOrEqual(10);
    for (const code of shadersOf(model)) expect(gzipSync(code).byteLength).toBeLessThanOrEqual(1024);
  });

  it("has no division inside of loops", () => {
    for (const code of shadersOf(model)) {
      const loops = indented(code).match(/^ +for .*\{[\s\S]*?^ +\}/gm) ?? [];
      for (const loop of loops) expect(loop).not.toMatch(/[/%]/);
    }
  });

  it("says one clear thing about a wrong input, a lost device and a disposed session", async () => {
    const run = (more: object) => onGpu({ options: nullBackend, inputs: image, ...more }, model);
    expect((await run({ inputs: {} })).error).toMatch(
      /^TypeError: input "image" must be a Float32Array of 784 elements/,
    );
    expect((await run({ lose: "before" })).error).toMatch(/^Error: the device is lost/);
    expect((await run({ lose: "after" })).error).toMatch(/^Error: the device is lost/);
    expect((await run({ disposed: true })).error).toBe("Error: the session is disposed");
  });
});

describe("the driver", () => {
  it.each(drivers)("of $from is as it is there, bundled (npm run driver)", async (driver) => {
    const file = fileURLToPath(new URL(`../../../${driver.to}`, import.meta.url));
    expect(readFileSync(file, "utf8")).toBe(await driverFile(driver));
  });

  it("has no more than 3 KB, compressed", () => {
    expect(gzipSync(driverText).byteLength).toBeLessThanOrEqual(3072);
  });
});
