/**
 * @file Single operators against other runtimes: writes a model for each, with our own writer, and times them side by side.
 *
 * `npx tsx bench/operators.ts FOLDER [flags of sluice bench]` writes FOLDER/*.onnx and FOLDER/manifest.json, which names inputs
 * and outputs for harnesses that want them, and runs `sluice bench` on the models: `--vs ort-web --pin 1`, `--variant relaxed` …
 * Runtimes with formats of their own join by an adapter that translates, a module: `--vs ./litert.mjs,./tfjs.mjs,ort-web`.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { float, int, ints, makeGraph, makeModel, makeNode, makeTensor, makeValue, string } from "../onnx/make.ts";
import type { Attribute, Node, Tensor } from "../onnx/model.ts";
import { writeModel } from "../onnx/write.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

export interface OperatorModel {
  readonly name: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly output: readonly number[];
  readonly nodes: readonly Node[];
  readonly constants?: readonly Tensor[];
}

const opset = 20;

/** Small numbers, the same at each run. */
const numbers = (name: string, dims: readonly number[]): Tensor =>
  makeTensor(
    name,
    "float32",
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i * 0.7)),
  );

const one = (
  name: string,
  op: string,
  x: readonly number[],
  output: readonly number[],
  attributes: Readonly<Record<string, Attribute>> = {},
  constants: readonly Tensor[] = [],
): OperatorModel => ({
  name,
  inputs: { x },
  output,
  constants,
  nodes: [makeNode(op, ["x", ...constants.map((c) => c.name)], ["y"], attributes)],
});

/** x y, of two inputs. */
const product = (
  name: string,
  a: readonly number[],
  b: readonly number[],
  output: readonly number[],
): OperatorModel => ({ name, inputs: { a, b }, output, nodes: [makeNode("MatMul", ["a", "b"], ["y"])] });

const million = [1024, 1024];
const maps = [1, 64, 112, 112];

/** Eight operators in a row that are one loop. */
const chain: OperatorModel = {
  name: "elementwise_chain_1m",
  inputs: { x: million },
  output: million,
  constants: [makeTensor("c", "float32", [], Float32Array.of(0.5))],
  nodes: ["Mul", "Add", "Relu", "Sub", "Mul", "Abs", "Add", "Neg"].map((op, i) =>
    makeNode(op, [i === 0 ? "x" : `t${i}`, ...(/Relu|Abs|Neg/.test(op) ? [] : ["c"])], [i === 7 ? "y" : `t${i + 1}`]),
  ),
};

/** Queries by keys, a softmax, by values: 12 heads of 32 over 128 places. */
const attention: OperatorModel = {
  name: "attention_12x128x32",
  inputs: { q: [1, 12, 128, 32], k: [1, 12, 128, 32], v: [1, 12, 128, 32] },
  output: [1, 12, 128, 32],
  nodes: [
    makeNode("Transpose", ["k"], ["t"], { perm: ints([0, 1, 3, 2]) }),
    makeNode("MatMul", ["q", "t"], ["s"]),
    makeNode("Softmax", ["s"], ["p"], { axis: int(-1) }),
    makeNode("MatMul", ["p", "v"], ["y"]),
  ],
};

const pool = { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };

export const operatorModels: readonly OperatorModel[] = [
  one("softmax_1024x1024", "Softmax", million, million, { axis: int(-1) }),
  one("softmax_1536x128", "Softmax", [1536, 128], [1536, 128], { axis: int(-1) }),
  one("layernorm_1024x768", "LayerNormalization", [1024, 768], [1024, 768], { axis: int(-1), epsilon: float(1e-5) }, [
    numbers("scale", [768]),
    numbers("bias", [768]),
  ]),
  one("gelu_1m", "Gelu", million, million),
  one("relu_1m", "Relu", million, million),
  one("sigmoid_1m", "Sigmoid", million, million),
  chain,
  one("transpose_1024x1024", "Transpose", million, million, { perm: ints([1, 0]) }),
  one("transpose_channels_64x112x112", "Transpose", maps, [1, 112, 112, 64], { perm: ints([0, 2, 3, 1]) }),
  one("maxpool3x3s2_64x112x112", "MaxPool", maps, [1, 64, 56, 56], pool),
  one("averagepool3x3s2_64x112x112", "AveragePool", maps, [1, 64, 56, 56], pool),
  one("globalaveragepool_1280x7x7", "GlobalAveragePool", [1, 1280, 7, 7], [1, 1280, 1, 1]),
  one("reducemean_1024x1024", "ReduceMean", million, [1024, 1], {}, [
    makeTensor("axes", "int64", [1], BigInt64Array.of(1n)),
  ]),
  {
    name: "concat_64x112x112",
    inputs: { a: maps, b: maps },
    output: [1, 128, 112, 112],
    nodes: [makeNode("Concat", ["a", "b"], ["y"], { axis: int(1) })],
  },
  {
    name: "resize_nearest_64x56x56",
    inputs: { x: [1, 64, 56, 56] },
    output: maps,
    constants: [makeTensor("scales", "float32", [4], Float32Array.of(1, 1, 2, 2))],
    nodes: [
      makeNode("Resize", ["x", "", "scales"], ["y"], {
        mode: string("nearest"),
        coordinate_transformation_mode: string("asymmetric"),
        nearest_mode: string("floor"),
      }),
    ],
  },
  one("gemv_1024x1024", "MatMul", [1, 1024], [1, 1024], {}, [numbers("w", million)]),
  product("matmul_256_of_inputs", [256, 256], [256, 256], [256, 256]),
  attention,
];

/** The bytes of an operator's model. */
export const bytesOf = (m: OperatorModel): Uint8Array =>
  writeModel(
    makeModel(
      makeGraph(m.name, {
        nodes: m.nodes,
        inputs: Object.entries(m.inputs).map(([name, dims]) => makeValue(name, "float32", dims)),
        outputs: [makeValue("y", "float32", m.output)],
        initializers: m.constants ?? [],
      }),
      opset,
    ),
  );

/** Writes all models and their manifest; answers the paths of the models. */
function writeAll(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const manifest: Record<string, object> = {};
  const paths = operatorModels.map((m) => {
    const file = `${m.name}.onnx`;
    const bytes = bytesOf(m);
    writeFileSync(join(folder, file), bytes);
    const value = (name: string, dims: readonly number[]): object => ({ name, dims, type: "float32", fill: "normal" });
    manifest[m.name] = {
      group: "op",
      name: m.name,
      opset,
      nodes: m.nodes.length,
      macs: 0,
      params: 0,
      inputs: Object.entries(m.inputs).map(([name, dims]) => value(name, dims)),
      outputs: [value("y", m.output)],
      file,
      bytes: bytes.length,
    };
    return join(folder, file);
  });
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, 1));
  return paths;
}

if (import.meta.main ?? process.argv[1]?.endsWith("operators.ts")) {
  const [folder, ...flags] = process.argv.slice(2);
  if (folder === undefined) {
    console.error("usage: npx tsx bench/operators.ts FOLDER [flags of sluice bench]");
    process.exit(2);
  }
  const paths = writeAll(folder);
  const cli = join(import.meta.dirname, "../dist/cli/main.js");
  const { status } = spawnSync(process.execPath, [cli, "bench", ...paths, ...flags], { stdio: "inherit" });
  process.exit(status ?? 1);
}
