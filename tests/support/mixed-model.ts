/** A model that a GPU cannot run whole. */
import * as make from "../../onnx/make.ts";
import { writeModel } from "../../onnx/write.ts";

/** x → MatMul, Relu on the device; Cast, CumSum in 64 bits, Cast on the host; MatMul on the device. */
export function mixedModel(): Uint8Array {
  const weights = Float32Array.from({ length: 64 }, (_, i) => ((i * 37) % 17) / 17 - 0.5);
  const to = (n: number) => ({ to: make.int(n) });
  const graph = make.makeGraph("mixed", {
    nodes: [
      make.makeNode("MatMul", ["x", "w"], ["h"], {}, { name: "first" }),
      make.makeNode("Relu", ["h"], ["r"], {}, { name: "relu" }),
      make.makeNode("Cast", ["r"], ["wide"], to(11), { name: "widen" }),
      make.makeNode("CumSum", ["wide", "axis"], ["sums"], {}, { name: "sums" }),
      make.makeNode("Cast", ["sums"], ["narrow"], to(1), { name: "narrow" }),
      make.makeNode("MatMul", ["narrow", "w"], ["y"], {}, { name: "last" }),
    ],
    inputs: [make.makeValue("idle", "float32", [3]), make.makeValue("x", "float32", [4, 8])],
    outputs: [make.makeValue("y", "float32", [4, 8]), make.makeValue("r", "float32", [4, 8])],
    valueInfo: [],
    initializers: [
      make.makeTensor("w", "float32", [8, 8], weights),
      make.makeTensor("axis", "int64", [], BigInt64Array.of(1n)),
    ],
  });
  return writeModel(make.makeModel(graph, 17));
}
