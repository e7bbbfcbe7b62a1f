/**
 * @file Models that are well-formed files but make no sense: damage is done to the decoded model, so that it reaches what
 * lies behind the reader. tests/onnx/mutate.ts damages the bytes.
 */
import type { Attribute, Dim, Graph, Model, Node, Tensor, ValueInfo } from "../../onnx/model.ts";

/** Whole numbers below a bound. */
export type Random = (below: number) => number;

/** A linear congruential generator: the same damage for the same seed. */
export function randomFrom(seed: number): Random {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const pick = <T>(list: readonly T[], random: Random): T | undefined => list[random(list.length)];

/** Sizes and numbers that are often wrong. */
const oddNumbers = [-1, 0, 1, 2, 3, 7, 255, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 40, -(2 ** 31)];
const oddDims: readonly Dim[] = [0, 1, 2, 3, 5, 1000, 65536, 2 ** 31, 2 ** 52, "N", ""];

type Damage = (graph: Graph, random: Random) => Graph;

const changeNode = (graph: Graph, random: Random, change: (node: Node) => Node): Graph => {
  if (graph.nodes.length === 0) return graph;
  const at = random(graph.nodes.length);
  return { ...graph, nodes: graph.nodes.map((n, i) => (i === at ? change(n) : n)) };
};

function names(graph: Graph): string[] {
  const of = [...graph.inputs, ...graph.initializers].map((v) => v.name);
  return [...of, ...graph.nodes.flatMap((n) => n.outputs), "nobody", ""];
}

const replaceAt = <T>(list: readonly T[], at: number, item: T): T[] => list.map((x, i) => (i === at ? item : x));

function oddAttribute(a: Attribute, random: Random): Attribute {
  const number = pick(oddNumbers, random)!;
  switch (a.type) {
    case "int":
      return { type: "int", value: BigInt(number) };
    case "ints": {
      const list = Array.from(a.value, Number);
      const changed = random(3) === 0 ? list.slice(1) : replaceAt(list, random(list.length || 1), number);
      return { type: "ints", value: BigInt64Array.from(random(4) === 0 ? [...changed, number] : changed, BigInt) };
    }
    case "float":
      return { type: "float", value: pick([Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 1e30], random)! };
    case "string":
      return { type: "string", value: pick(["", "SAME_UPPER", "VALID", "no such word", "\u0000"], random)! };
    case "graph":
      return { type: "graph", value: damageGraph(a.value, random) };
    default:
      return { type: "int", value: BigInt(number) };
  }
}

function oddValue(value: ValueInfo, random: Random): ValueInfo {
  const { type } = value;
  if (type?.kind !== "tensor") return value;
  const shape = type.shape ?? [];
  switch (random(4)) {
    case 0:
      return {
        ...value,
        type: { ...type, element: pick(["int64", "float16", "string", "bool", "int4"] as const, random)! },
      };
    case 1:
      return { ...value, type: { ...type, shape: shape.slice(1) } };
    case 2:
      return { ...value, type: { ...type, shape: [...shape, pick(oddDims, random)!] } };
    default:
      return {
        ...value,
        type: { ...type, shape: replaceAt(shape, random(shape.length || 1), pick(oddDims, random)!) },
      };
  }
}

/** Other dims of the same number of elements, so that the file stays well formed. */
function oddTensor(t: Tensor, random: Random): Tensor {
  const count = t.dims.reduce((a, b) => a * b, 1);
  const shapes = [[count], [1, ...t.dims], [...t.dims].reverse(), [...t.dims, 1, 1], [count, 1, 1, 1]];
  return { ...t, dims: pick(shapes, random)! };
}

const damages: readonly Damage[] = [
  // A node reads something else, or nothing: wrong ranks and types, circles.
  (g, random) =>
    changeNode(g, random, (n) => ({
      ...n,
      inputs: replaceAt(n.inputs, random(n.inputs.length || 1), pick(names(g), random)!),
    })),
  (g, random) => changeNode(g, random, (n) => ({ ...n, inputs: n.inputs.slice(1) })),
  (g, random) => changeNode(g, random, (n) => ({ ...n, inputs: [...n.inputs, pick(names(g), random)!] })),
  // Defined twice, or not at all.
  (g, random) => changeNode(g, random, (n) => ({ ...n, outputs: [pick(names(g), random)!, ...n.outputs.slice(1)] })),
  (g, random) => changeNode(g, random, (n) => ({ ...n, outputs: [...n.outputs, "extra"] })),
  (g, random) => ({ ...g, nodes: g.nodes.filter((_, i, all) => i !== random(all.length)) }),
  (g, random) => ({ ...g, initializers: g.initializers.filter((_, i, all) => i !== random(all.length)) }),
  (g, random) => (g.nodes.length === 0 ? g : { ...g, nodes: [...g.nodes, pick(g.nodes, random)!] }),
  // Another operator, other attributes.
  (g, random) => changeNode(g, random, (n) => ({ ...n, opType: pick(g.nodes, random)!.opType })),
  (g, random) => changeNode(g, random, (n) => ({ ...n, opType: pick(otherOperators, random)! })),
  (g, random) => changeNode(g, random, (n) => ({ ...n, domain: pick(["com.example", "ai.onnx.ml", ""], random)! })),
  (g, random) =>
    changeNode(g, random, (n) => {
      const key = pick([...n.attributes.keys()], random);
      if (key === undefined) return { ...n, attributes: new Map([["axis", { type: "int", value: 9n }]]) };
      return { ...n, attributes: new Map([...n.attributes, [key, oddAttribute(n.attributes.get(key)!, random)]]) };
    }),
  (g, random) =>
    changeNode(g, random, (n) => ({ ...n, attributes: new Map([...n.attributes].slice(random(2) === 0 ? 1 : 2)) })),
  // Other types.
  (g, random) => {
    const at = random(g.inputs.length || 1);
    return { ...g, inputs: g.inputs.map((v, i) => (i === at ? oddValue(v, random) : v)) };
  },
  (g, random) => {
    const at = random(g.initializers.length || 1);
    return { ...g, initializers: g.initializers.map((t, i) => (i === at ? oddTensor(t, random) : t)) };
  },
  (g, random) => ({
    ...g,
    outputs: [...g.outputs, { ...(g.outputs[0] ?? g.inputs[0])!, name: pick(names(g), random)! }],
  }),
];

const otherOperators = [
  "Add",
  "MatMul",
  "Transpose",
  "Reshape",
  "Concat",
  "Split",
  "Slice",
  "Gather",
  "Softmax",
  "Resize",
  "LSTM",
  "Loop",
  "If",
  "Scan",
  "TopK",
  "NonZero",
  "Conv",
  "ConvTranspose",
  "MaxPool",
  "Gemm",
  "ReduceMean",
  "Expand",
  "Tile",
  "Pad",
  "Where",
  "Einsum",
  "ConstantOfShape",
  "Range",
  "QuantizeLinear",
  "DequantizeLinear",
  "QLinearConv",
  "GridSample",
  "ScatterND",
  "CumSum",
  "LayerNormalization",
  "Unsqueeze",
  "Squeeze",
  "NoSuchOperator",
];

export function damageGraph(graph: Graph, random: Random): Graph {
  return pick(damages, random)!(graph, random);
}

/** One to three faults. */
export function damageModel(model: Model, random: Random): Model {
  let { graph } = model;
  for (let n = 1 + random(3); n > 0; n--) graph = damageGraph(graph, random);
  return { ...model, graph };
}
