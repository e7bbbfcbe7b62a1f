/** What a run of real models asks of a device, whatever device it is: on a backend that validates and computes nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { arrayNames } from "../../codegen/files.ts";
import { compile, type Port } from "../../index.ts";
import { nullBackend, onGpu } from "../support/gpu.ts";
import { sharedPath } from "../support/shared.ts";

const real = sharedPath("data/onnx/real");

const zeros = ({ type, shape }: Port) => ({
  array: arrayNames[type],
  values: new Array<number>(shape.reduce((n, d) => n * d, 1)).fill(0),
});

describe.skipIf(!real)("a run of a real model (needs the models)", () => {
  // UltraFace, a keyword spotter of integers, SqueezeNet, a transformer.
  it.each(["ultraface-rfb-320", "kws-micro-qdq", "squeezenet", "speech-transformer-mini"])(
    "%s is one submission, one pass, one write for each input, one read-back, and nothing new",
    async (name) => {
      const model = await compile(readFileSync(join(real!, name, "model.onnx")), {
        target: "wgsl",
        file: "model.onnx",
      });
      const { inputs, gpu } = model.manifest;
      const given = Object.fromEntries(inputs.map((p) => [p.name, zeros(p)]));
      const device = { requiredLimits: gpu!.limits };
      const { counts, error } = await onGpu({ options: nullBackend, device, inputs: given }, model);
      expect(error).toBeUndefined();
      expect(counts).toEqual({
        createCommandEncoder: 1,
        submit: 1,
        beginComputePass: 1,
        writeBuffer: inputs.length,
        mapAsync: 1,
        dispatchWorkgroups: gpu!.steps.length,
      });
    },
  );
});
