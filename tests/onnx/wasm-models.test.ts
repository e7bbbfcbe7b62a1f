/** @file Trained models compiled to WebAssembly, against their recorded outputs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../compile.ts";
import { verify } from "../../ir/verify.ts";
import { toNDArray } from "../../onnx/ndarray.ts";
import { readModel } from "../../onnx/proto.ts";
import { readTensorFile } from "../../onnx/values.ts";
import { ExternalFiles, tensorData } from "../../onnx/weights.ts";
import type { Instrument } from "../../rewrite/pipeline.ts";
import type { TypedArray } from "../../runtime/session.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { unknownLocation } from "../../support/location.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { sharedPath } from "../support/shared.ts";

const root = sharedPath("data/onnx/real");
/** Small enough for every run of the tests. */
const models = ["cifar-cnn", "hello-sine", "mnist-atmega", "mnist-cnn"];

/** Verifies the program after every pass. */
const verifying: Instrument = {
  after({ root: module, step }) {
    const diagnostics = new Diagnostics();
    verify(module, diagnostics);
    expect(
      diagnostics.list.map((d) => d.message),
      `after ${step.pass.name}`,
    ).toEqual([]);
  },
};

function readArray(path: string): NDArray {
  const options = { diagnostics: new Diagnostics(), file: path };
  const tensor = readTensorFile(readFileSync(path), options);
  const data = tensor && tensorData(tensor, new ExternalFiles(undefined), unknownLocation, options.diagnostics);
  const array = data && toNDArray(data);
  if (!array) throw new Error(`${path} cannot be read`);
  return array;
}

describe.skipIf(!root)("models of ../shared/data/onnx/real on wasm-simd", () => {
  it.each(models)("%s", async (name) => {
    const folder = `${root}/${name}`;
    const bytes = readFileSync(`${folder}/model.onnx`);
    for (const set of readdirSync(folder).filter((f) => f.startsWith("test_data_set"))) {
      // These models have one input, with any batch size; sizes are those of the recorded input.
      const input = readArray(`${folder}/${set}/input_0.pb`);
      const model = readModel(bytes, { diagnostics: new Diagnostics(), file: name });
      const initializers = new Set(model!.graph.initializers.map((t) => t.name));
      const port = model!.graph.inputs.find((i) => !initializers.has(i.name))!;
      const options = { file: `${name}.onnx`, shapes: { [port.name]: input.shape }, instruments: [verifying] };
      const session = await (await compile(bytes, options)).load();
      const inputs: Record<string, TypedArray> = { [port.name]: input.contiguous().data as TypedArray };
      const answer = session.run(inputs);
      session.outputs.forEach((port, i) => {
        const path = `${folder}/${set}/output_${i}.pb`;
        if (!existsSync(path)) return;
        const wanted = readArray(path).values().map(Number);
        const got = Array.from(answer[port.name] as Float32Array, Number);
        expect(got.length).toBe(wanted.length);
        got.forEach((x, k) => {
          const y = wanted[k]!;
          expect(Math.abs(x - y), `${port.name}[${k}]: ${x} for ${y}`).toBeLessThanOrEqual(1e-3 * Math.abs(y) + 1e-6);
        });
      });
    }
  });

  it("gives the same bytes each time", async () => {
    const bytes = readFileSync(`${root}/mnist-cnn/model.onnx`);
    const [a, b] = [await compile(bytes), await compile(bytes)];
    expect(Buffer.compare(a.code, b.code)).toBe(0);
    expect(Buffer.compare(a.weights, b.weights)).toBe(0);
    expect(a.manifest).toEqual(b.manifest);
  });
});
