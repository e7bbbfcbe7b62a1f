/** @file The trained network as an ONNX model. */
import * as make from "../../onnx/make.ts";
import type { Model, Tensor } from "../../onnx/model.ts";
import { FEATURES, type Parameters, parameterNames, shapes } from "./network.ts";

/** One picture in, [1, 1, 28, 28] from 0 (ground) to 1 (ink); the probabilities of the ten digits out, [1, 10]. */
export function exportModel(parameters: Parameters): Model {
  const initializers = parameterNames.map(
    (name): Tensor => make.makeTensor(name, "float32", shapes[name], Float32Array.from(parameters[name])),
  );
  const conv = { kernel_shape: make.ints([3, 3]), pads: make.ints([1, 1, 1, 1]), strides: make.ints([1, 1]) };
  const pool = { kernel_shape: make.ints([2, 2]), strides: make.ints([2, 2]) };
  const graph = make.makeGraph("digits", {
    nodes: [
      make.makeNode("Conv", ["image", "conv1", "bias1"], ["c1"], conv, { name: "conv1" }),
      make.makeNode("Relu", ["c1"], ["r1"], {}, { name: "relu1" }),
      make.makeNode("MaxPool", ["r1"], ["p1"], pool, { name: "pool1" }),
      make.makeNode("Conv", ["p1", "conv2", "bias2"], ["c2"], conv, { name: "conv2" }),
      make.makeNode("Relu", ["c2"], ["r2"], {}, { name: "relu2" }),
      make.makeNode("MaxPool", ["r2"], ["p2"], pool, { name: "pool2" }),
      make.makeNode("Flatten", ["p2"], ["features"], { axis: make.int(1) }, { name: "flatten" }),
      make.makeNode("Gemm", ["features", "dense", "bias3"], ["logits"], { transB: make.int(1) }, { name: "dense" }),
      make.makeNode("Softmax", ["logits"], ["probabilities"], { axis: make.int(1) }, { name: "softmax" }),
    ],
    inputs: [make.makeValue("image", "float32", [1, 1, 28, 28])],
    outputs: [make.makeValue("probabilities", "float32", [1, 10])],
    valueInfo: [make.makeValue("features", "float32", [1, FEATURES])],
    initializers,
  });
  return make.makeModel(graph, 17, {
    producerName: "sluice examples/digits",
    docString: "Tells handwritten digits apart; trained on drawn ones.",
  });
}
