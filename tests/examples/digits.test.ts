/** The shipped digits model: a sound file that says what its pictures show. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readNpy } from "../../cli/npy.ts";
import { drawDigit } from "../../examples/digits/glyphs.ts";
import { initialParameters, Network, parameterNames, shapes, zeroParameters } from "../../examples/digits/network.ts";
import { random } from "../../examples/digits/random.ts";
import { accuracy, guess } from "../../examples/digits/train.ts";
import { toNDArray } from "../../onnx/ndarray.ts";
import { readModel } from "../../onnx/proto.ts";
import { ExternalFiles, tensorData } from "../../onnx/weights.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { unknownLocation } from "../../support/location.ts";

const file = (name: string): Uint8Array => readFileSync(new URL(`../../examples/digits/${name}`, import.meta.url));

function trainedParameters() {
  const diagnostics = new Diagnostics();
  const model = readModel(file("digits.onnx"), { diagnostics })!;
  const parameters = zeroParameters();
  for (const tensor of model.graph.initializers) {
    const name = parameterNames.find((n) => n === tensor.name)!;
    expect(tensor.dims).toEqual(shapes[name]);
    const data = tensorData(tensor, new ExternalFiles(), unknownLocation, diagnostics)!;
    parameters[name].set(toNDArray(data)!.data as Float32Array);
  }
  expect(diagnostics.list).toEqual([]);
  return { model, parameters };
}

describe("the digits model", () => {
  it("takes one picture and gives ten probabilities", () => {
    const { model } = trainedParameters();
    expect(model.graph.inputs.map((v) => [v.name, v.type])).toEqual([
      ["image", { kind: "tensor", element: "float32", shape: [1, 1, 28, 28] }],
    ]);
    expect(model.graph.outputs.map((v) => v.name)).toEqual(["probabilities"]);
    expect(model.graph.nodes.map((n) => n.opType).join(" ")).toBe(
      "Conv Relu MaxPool Conv Relu MaxPool Flatten Gemm Softmax",
    );
  });

  it("says what the shipped pictures show, as recorded", () => {
    const network = new Network(trainedParameters().parameters);
    const expected = JSON.parse(new TextDecoder().decode(file("pictures/expected.json"))) as Record<string, number[]>;
    for (let digit = 0; digit < 10; digit++) {
      const image = readNpy(file(`pictures/${digit}.npy`));
      expect(image.shape).toEqual([1, 1, 28, 28]);
      const grey = file(`pictures/${digit}.pgm`).subarray(-28 * 28);
      expect(image.data).toEqual(Float32Array.from(grey, (g) => g / 255));
      const probabilities = network.forward(image.data as Float32Array);
      expect(guess(probabilities)).toBe(digit);
      for (let k = 0; k < 10; k++) expect(probabilities[k]).toBeCloseTo(expected[digit]![k]!, 5);
    }
  });

  it("tells new drawings apart", () => {
    expect(accuracy(trainedParameters().parameters, 12345, 500)).toBeGreaterThan(0.98);
  });
});

describe("the training", () => {
  it("follows the gradient that finite differences give", () => {
    const rng = random(9);
    const network = new Network(initialParameters(rng));
    // Away from zero: on the empty ground, a relu of a bias of zero has a kink.
    for (const bias of [network.parameters.bias1, network.parameters.bias2]) {
      for (let i = 0; i < bias.length; i++) bias[i] = 0.1 * rng.normal();
    }
    const picture = drawDigit(4, rng);
    const loss = (): number => -Math.log(network.forward(picture)[4]!);
    loss();
    const gradients = zeroParameters();
    network.backward(4, gradients);
    for (const name of parameterNames) {
      const values = network.parameters[name];
      let checked = 0;
      for (let i = 0; i < values.length; i += Math.ceil(values.length / 24)) {
        const before = values[i]!;
        const h = 1e-6;
        values[i] = before + h;
        const above = loss();
        values[i] = before - h;
        const below = loss();
        values[i] = before;
        expect(gradients[name][i], `${name}[${i}]`).toBeCloseTo((above - below) / (2 * h), 6);
        if (gradients[name][i] !== 0) checked++;
      }
      expect(checked, name).toBeGreaterThan(3);
    }
  });
});
