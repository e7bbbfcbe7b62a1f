/** @file A Model → the bytes of an ONNX file. What proto.ts reads is written back with the same meaning. */
import { unreachable } from "../support/diagnostic.ts";
import { elementInfo } from "./dtypes.ts";
import { encode } from "./encode.ts";
import {
  type Attribute,
  attributeTypes,
  type Graph,
  type Model,
  type ModelFunction,
  type Node,
  type OperatorSetId,
  type ValueInfo,
  type ValueType,
} from "./model.ts";
import type { Raw } from "./schema.ts";
import { bytesOf, rawMetadata, rawSparseTensor, rawTensor } from "./tensor.ts";

/**
 * Writes a model. Equal models give equal bytes: fields go in the order of their numbers, as the official library
 * writes them; elements of tensors always go to `raw_data`; empty texts are not written.
 *
 * @throws CompileError (`onnx/wire`) beyond 2 GiB, which protocol buffers cannot hold: keep weights in external files.
 */
export function writeModel(model: Model): Uint8Array {
  return encode("ModelProto", {
    irVersion: BigInt(model.irVersion),
    producerName: text(model.producerName),
    producerVersion: text(model.producerVersion),
    domain: text(model.domain),
    modelVersion: model.modelVersion === 0n ? undefined : model.modelVersion,
    docString: text(model.docString),
    graph: rawGraph(model.graph),
    opsetImport: rawOperatorSets(model.opsetImport),
    metadataProps: rawMetadata(model.metadata),
    functions: model.functions.map(rawFunction),
  });
}

const text = (value: string): string | undefined => (value === "" ? undefined : value);

/** The domain of a standard operator set is written though it is empty, as the official library does. */
const rawOperatorSets = (sets: readonly OperatorSetId[]): readonly Raw<"OperatorSetIdProto">[] =>
  sets.map(({ domain, version }) => ({ domain, version: BigInt(version) }));

const rawGraph = (graph: Graph): Raw<"GraphProto"> => ({
  node: graph.nodes.map(rawNode),
  name: text(graph.name),
  initializer: graph.initializers.map(rawTensor),
  docString: text(graph.docString),
  input: graph.inputs.map(rawValueInfo),
  output: graph.outputs.map(rawValueInfo),
  valueInfo: graph.valueInfo.map(rawValueInfo),
  quantizationAnnotation: graph.quantization.map(({ tensor, parameters }) => ({
    tensorName: text(tensor),
    quantParameterTensorNames: rawMetadata(parameters),
  })),
  sparseInitializer: graph.sparseInitializers.map(rawSparseTensor),
  metadataProps: rawMetadata(graph.metadata),
});

const rawNode = (node: Node): Raw<"NodeProto"> => ({
  input: node.inputs,
  output: node.outputs,
  name: text(node.name),
  opType: text(node.opType),
  attribute: rawAttributes(node.attributes),
  docString: text(node.docString),
  domain: text(node.domain),
  overload: text(node.overload),
  metadataProps: rawMetadata(node.metadata),
});

const rawFunction = (f: ModelFunction): Raw<"FunctionProto"> => ({
  name: text(f.name),
  input: f.inputs,
  output: f.outputs,
  attribute: f.attributes,
  node: f.nodes.map(rawNode),
  docString: text(f.docString),
  opsetImport: rawOperatorSets(f.opsetImport),
  domain: text(f.domain),
  attributeProto: rawAttributes(f.attributeDefaults),
  valueInfo: f.valueInfo.map(rawValueInfo),
  overload: text(f.overload),
  metadataProps: rawMetadata(f.metadata),
});

const rawAttributes = (attributes: ReadonlyMap<string, Attribute>): readonly Raw<"AttributeProto">[] =>
  Array.from(attributes, ([name, attribute]) => ({
    name,
    type: attributeTypes.indexOf(attribute.type === "ref" ? attribute.of : attribute.type),
    ...rawAttributeValue(attribute),
  }));

const utf8 = new TextEncoder();

function rawAttributeValue(attribute: Attribute): Raw<"AttributeProto"> {
  const { type, value } = attribute;
  switch (type) {
    case "float":
      return { f: value };
    case "int":
      return { i: value };
    case "string":
      return { s: typeof value === "string" ? utf8.encode(value) : value };
    case "tensor":
      return { t: rawTensor(value) };
    case "graph":
      return { g: rawGraph(value) };
    case "sparse_tensor":
      return { sparseTensor: rawSparseTensor(value) };
    case "type_proto":
      return { tp: rawType(value) };
    case "floats":
      return { floats: bytesOf(value) };
    case "ints":
      return { ints: bytesOf(value) };
    case "strings":
      return { strings: value };
    case "tensors":
      return { tensors: value.map(rawTensor) };
    case "graphs":
      return { graphs: value.map(rawGraph) };
    case "sparse_tensors":
      return { sparseTensors: value.map(rawSparseTensor) };
    case "type_protos":
      return { typeProtos: value.map(rawType) };
    case "ref":
      return { refAttrName: value };
    default:
      return unreachable(type);
  }
}

const rawValueInfo = (info: ValueInfo): Raw<"ValueInfoProto"> => ({
  name: text(info.name),
  type: info.type && rawType(info.type),
  docString: text(info.docString),
  metadataProps: rawMetadata(info.metadata),
});

function rawType(type: ValueType): Raw<"TypeProto"> {
  const denotation = type.denotation;
  switch (type.kind) {
    case "tensor":
    case "sparse_tensor": {
      const dim = type.shape?.map((d) => (typeof d === "number" ? { dimValue: BigInt(d) } : { dimParam: text(d) }));
      const inner = { elemType: elementInfo(type.element).code, shape: dim && { dim } };
      return type.kind === "tensor" ? { denotation, tensorType: inner } : { denotation, sparseTensorType: inner };
    }
    case "sequence":
      return { denotation, sequenceType: { elemType: rawType(type.element) } };
    case "optional":
      return { denotation, optionalType: { elemType: rawType(type.element) } };
    case "map":
      return { denotation, mapType: { keyType: elementInfo(type.key).code, valueType: rawType(type.value) } };
    case "opaque":
      return { denotation, opaqueType: { domain: text(type.domain), name: text(type.name) } };
  }
}
