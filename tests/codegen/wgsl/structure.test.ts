/**
 * @file What whole models become on WebGPU, in numbers that depend on no device: dispatches, size of shaders, and what a run
 * asks of the device.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { compile, type GpuCompiled } from "../../../index.ts";
import { writeModel } from "../../../onnx/write.ts";
import { nullBackend, onGpu, shadersOf } from "../../support/gpu.ts";
import { sharedPath } from "../../support/shared.ts";
import { transformerModel } from "../../support/transformer-model.ts";

/** Bytes of a shader, compressed, at most. */
const mostBytes = 1024;

async function expectLean(bytes: Uint8Array, mostDispatches: number): Promise<void> {
  const model: GpuCompiled = await compile(bytes, { target: "wgsl", file: "model.onnx" });
  const { steps } = model.manifest.gpu!;
  const shaders = shadersOf(model);
  expect(steps.length).toBeLessThanOrEqual(mostDispatches);
  expect(shaders.map((code) => gzipSync(code).byteLength).filter((n) => n > mostBytes)).toEqual([]);
  expect(Math.max(...model.manifest.gpu!.shaders.map((kinds) => kinds.replaceAll("u", "").length))).toBeLessThanOrEqual(
    8,
  );
  const inputs = Object.fromEntries(
    model.manifest.inputs.map(({ name, shape }) => {
      const count = shape.reduce((n, d) => n * d, 1);
      return [name, { array: "Float32Array", values: new Array<number>(count).fill(0.5) }];
    }),
  );
  const { counts, error, faults } = await onGpu({ options: nullBackend, inputs, validate: shaders }, model);
  expect(error).toBeUndefined();
  expect(faults).toEqual(shaders.map(() => []));
  // Nothing is made for a run: no buffer, no bind group, no write but the input's.
  expect(counts).toEqual({
    createCommandEncoder: 1,
    submit: 1,
    beginComputePass: 1,
    writeBuffer: 1,
    mapAsync: 1,
    dispatchWorkgroups: steps.length,
  });
}

describe("whole models on WebGPU", () => {
  it("a compact transformer of images", () =>
    expectLean(writeModel(transformerModel({ image: 32, width: 128, heads: 2, layers: 2, classes: 10 })), 25));
});

const real = sharedPath("data/onnx/real");

describe.skipIf(!real)("trained models on WebGPU (needs them)", () => {
  it.each([
    ["kws-micro-qdq", 12],
    ["squeezenet", 28],
    ["ultraface-rfb-320", 50],
  ])("%s in no more than %i dispatches", (name, most) =>
    expectLean(readFileSync(join(real!, name, "model.onnx")), most),
  );
});
