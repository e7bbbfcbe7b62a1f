/** @file Five small models of different kinds, to be damaged: a network, control flow, recurrence, quantization, functions. */
import { readFileSync } from "node:fs";
import type { ElementType } from "../../onnx/dtypes.ts";
import {
  graphAttribute,
  int,
  ints,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValue,
  string,
} from "../../onnx/make.ts";
import type { Graph, Model, Tensor } from "../../onnx/model.ts";
import { noMetadata } from "../../onnx/model.ts";
import { readModel } from "../../onnx/proto.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
/** Small numbers that are not all the same. */
const floats = (name: string, dims: readonly number[]): Tensor =>
  makeTensor(
    name,
    "float32",
    dims,
    Float32Array.from({ length: count(dims) }, (_, i) => ((i * 7) % 11) / 10 - 0.5),
  );
const longs = (name: string, values: readonly number[]): Tensor =>
  makeTensor(name, "int64", [values.length], BigInt64Array.from(values, BigInt));
const scalar = (name: string, type: ElementType, data: ArrayBufferView): Tensor => makeTensor(name, type, [], data);

function digits(): Model {
  const bytes = readFileSync(new URL("../../examples/digits/digits.onnx", import.meta.url));
  return readModel(Uint8Array.from(bytes), { diagnostics: new Diagnostics() })!;
}

/** A branch, and a loop that sums, with values from outside. */
function control(): Model {
  const branch = (op: string): Graph =>
    makeGraph(op, { nodes: [makeNode(op, ["x", "w"], ["r"])], outputs: [makeValue("r", "float32", [2, 4])] });
  const body = makeGraph("body", {
    nodes: [
      makeNode("Identity", ["go"], ["go_on"]),
      makeNode("MatMul", ["s", "m"], ["p"]),
      makeNode("Add", ["p", "x"], ["s_next"]),
    ],
    inputs: [makeValue("i", "int64", []), makeValue("go", "bool", []), makeValue("s", "float32", [2, 4])],
    outputs: [makeValue("go_on", "bool", []), makeValue("s_next", "float32", [2, 4])],
  });
  return makeModel(
    makeGraph("control", {
      nodes: [
        makeNode("If", ["c"], ["b"], {
          then_branch: graphAttribute(branch("Add")),
          else_branch: graphAttribute(branch("Mul")),
        }),
        makeNode("Loop", ["trips", "yes", "b"], ["y"], { body: graphAttribute(body) }),
      ],
      inputs: [makeValue("x", "float32", [2, 4]), makeValue("c", "bool", [])],
      outputs: [makeValue("y", "float32", [2, 4])],
      initializers: [
        floats("w", [4]),
        floats("m", [4, 4]),
        scalar("trips", "int64", BigInt64Array.of(300n)),
        scalar("yes", "bool", Uint8Array.of(1)),
      ],
    }),
    17,
  );
}

/** Shape arithmetic, an LSTM and attention's softmax. */
function sequence(): Model {
  return makeModel(
    makeGraph("sequence", {
      nodes: [
        makeNode("LSTM", ["x", "w", "r"], ["h", "", ""], { hidden_size: int(4) }),
        makeNode("Shape", ["h"], ["s"]),
        makeNode("Gather", ["s", "first"], ["n"]),
        makeNode("Concat", ["n", "rest"], ["to"], { axis: int(0) }),
        makeNode("Reshape", ["h", "to"], ["flat"]),
        makeNode("Transpose", ["flat"], ["t"], { perm: ints([1, 0]) }),
        makeNode("MatMul", ["flat", "t"], ["scores"]),
        makeNode("Softmax", ["scores"], ["p"], { axis: int(-1) }),
        makeNode("MatMul", ["p", "flat"], ["y"]),
      ],
      inputs: [makeValue("x", "float32", [5, "batch", 3])],
      outputs: [makeValue("y", "float32", [5, 4])],
      initializers: [floats("w", [1, 16, 3]), floats("r", [1, 16, 4]), longs("first", [0]), longs("rest", [-1])],
    }),
    17,
  );
}

/** Quantized in the manner of exporters: quantize, dequantize around a convolution; resize, pad, slice, top-k. */
function quantized(): Model {
  return makeModel(
    makeGraph("quantized", {
      nodes: [
        makeNode("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        makeNode("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        makeNode("DequantizeLinear", ["wq", "scales", "zeros"], ["w"], { axis: int(0) }),
        makeNode("Conv", ["d", "w", "bias"], ["c"], { pads: ints([1, 1, 1, 1]), strides: ints([2, 2]) }),
        makeNode("Clip", ["c", "low", "high"], ["k"]),
        makeNode("Resize", ["k", "", "sizes"], ["u"], { mode: string("linear") }),
        makeNode("Slice", ["u", "from", "until"], ["v"]),
        makeNode("GlobalAveragePool", ["v"], ["g"]),
        makeNode("Flatten", ["g"], ["f"]),
        makeNode("TopK", ["f", "two"], ["y", "n"]),
      ],
      inputs: [makeValue("x", "float32", [1, 3, 8, 8])],
      outputs: [makeValue("y", "float32", [1, 2]), makeValue("n", "int64", [1, 2])],
      initializers: [
        scalar("scale", "float32", Float32Array.of(0.02)),
        scalar("zero", "uint8", Uint8Array.of(128)),
        makeTensor(
          "wq",
          "int8",
          [4, 3, 3, 3],
          Int8Array.from({ length: 108 }, (_, i) => (i * 37) % 101),
        ),
        floats("scales", [4]),
        makeTensor("zeros", "int8", [4], new Int8Array(4)),
        floats("bias", [4]),
        scalar("low", "float32", Float32Array.of(0)),
        scalar("high", "float32", Float32Array.of(6)),
        makeTensor("sizes", "float32", [4], Float32Array.of(1, 1, 2, 2)),
        longs("from", [0, 0, 1, 1]),
        longs("until", [1, 4, 7, 7]),
        longs("two", [2]),
      ],
    }),
    17,
  );
}

/** A function of the model's own, called twice, and a normalization. */
function functions(): Model {
  return makeModel(
    makeGraph("functions", {
      nodes: [
        makeNode("Dense", ["x", "w1"], ["a"], { axis: int(-1) }, { domain: "my" }),
        makeNode("LayerNormalization", ["a", "gain"], ["b"]),
        makeNode("Dense", ["b", "w2"], ["y"], {}, { domain: "my" }),
      ],
      inputs: [makeValue("x", "float32", [2, 6])],
      outputs: [makeValue("y", "float32", [2, 3])],
      initializers: [floats("w1", [6, 5]), floats("gain", [5]), floats("w2", [5, 3])],
    }),
    17,
    {
      opsetImport: [
        { domain: "", version: 17 },
        { domain: "my", version: 1 },
      ],
      functions: [
        {
          name: "Dense",
          domain: "my",
          overload: "",
          inputs: ["v", "m"],
          outputs: ["o"],
          attributes: [],
          attributeDefaults: new Map([["axis", int(1)]]),
          nodes: [
            makeNode("MatMul", ["v", "m"], ["p"]),
            makeNode("Softmax", ["p"], ["o"], { axis: { type: "ref", value: "axis", of: "int" } }),
          ],
          opsetImport: [{ domain: "", version: 17 }],
          valueInfo: [],
          docString: "",
          metadata: noMetadata,
        },
      ],
    },
  );
}

export const faultModels: Readonly<Record<string, () => Model>> = { digits, control, sequence, quantized, functions };
