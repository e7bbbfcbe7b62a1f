/** @file Short ways to make the records of a model in code: generators, exporters and tests write these by hand. */
import { invariant } from "../support/diagnostic.ts";
import { byteLength, type ElementType, elementCount } from "./dtypes.ts";
import {
  type Attribute,
  type Dim,
  type Graph,
  type Model,
  type Node,
  noMetadata,
  type Tensor,
  type ValueInfo,
} from "./model.ts";
import { bytesOf } from "./tensor.ts";

export const float = (value: number): Attribute => ({ type: "float", value: Math.fround(value) });
export const floats = (value: Iterable<number>): Attribute => ({ type: "floats", value: Float32Array.from(value) });
export const int = (value: number | bigint): Attribute => ({ type: "int", value: BigInt(value) });
export const ints = (value: readonly (number | bigint)[]): Attribute => ({
  type: "ints",
  value: BigInt64Array.from(value, BigInt),
});
export const string = (value: string): Attribute => ({ type: "string", value });
export const strings = (value: readonly string[]): Attribute => ({ type: "strings", value });
export const tensorAttribute = (value: Tensor): Attribute => ({ type: "tensor", value });
export const graphAttribute = (value: Graph): Attribute => ({ type: "graph", value });

/** @param data packed little-endian elements as their typed array, used in place; or texts for type "string" */
export function makeTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  data: ArrayBufferView | readonly string[],
): Tensor {
  const base = { name, type, dims, docString: "", metadata: noMetadata };
  const count = elementCount(dims);
  if (!ArrayBuffer.isView(data)) {
    invariant(type === "string" && data.length === count, `${name}: texts do not fit ${type} ${dims}`);
    return { ...base, payload: { kind: "strings", strings: data } };
  }
  invariant(count !== undefined && data.byteLength === byteLength(type, count), `${name}: data does not fit ${dims}`);
  return { ...base, payload: { kind: "bytes", bytes: bytesOf(data) } };
}

export function makeNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  more: Partial<Node> = {},
): Node {
  return {
    name: "",
    opType,
    domain: "",
    overload: "",
    inputs,
    outputs,
    attributes: new Map(Object.entries(attributes)),
    docString: "",
    metadata: noMetadata,
    ...more,
  };
}

/** A value of tensor type. */
export const makeValue = (name: string, element: ElementType, shape?: readonly Dim[]): ValueInfo => ({
  name,
  type: { kind: "tensor", element, shape },
  docString: "",
  metadata: noMetadata,
});

export const makeGraph = (name: string, parts: Partial<Graph>): Graph => ({
  name,
  docString: "",
  nodes: [],
  inputs: [],
  outputs: [],
  valueInfo: [],
  initializers: [],
  sparseInitializers: [],
  quantization: [],
  metadata: noMetadata,
  ...parts,
});

/** A model over one version of the standard operators, of IR version 8 unless `more` says otherwise. */
export const makeModel = (graph: Graph, opset: number, more: Partial<Model> = {}): Model => ({
  irVersion: 8,
  producerName: "sluice",
  producerVersion: "",
  domain: "",
  modelVersion: 0n,
  docString: "",
  opsetImport: [{ domain: "", version: opset }],
  graph,
  functions: [],
  metadata: noMetadata,
  ...more,
});
