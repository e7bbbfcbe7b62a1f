/** @file The bytes of an ONNX file → a Model. Every fault of the file is a collected diagnostic with its place. */
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { decode } from "./decode.ts";
import { type ElementType, elementTypeOf } from "./dtypes.ts";
import { FileFaults } from "./faults.ts";
import type {
  Attribute,
  AttributeType,
  Dim,
  Graph,
  Model,
  ModelFunction,
  Node,
  OperatorSetId,
  Shape,
  SparseTensor,
  Tensor,
  ValueInfo,
  ValueType,
} from "./model.ts";
import { attributeTypes } from "./model.ts";
import { functionText, graphText, shortDomain } from "./places.ts";
import type { Raw } from "./schema.ts";
import { float32s, int64s, readMetadata, readSparseTensor, readTensor } from "./tensor.ts";

export interface ReadOptions {
  /** Where faults go. The model is only to be trusted while there is no error among them. */
  readonly diagnostics: Diagnostics;
  /** The file's name, for the places of diagnostics. */
  readonly file?: string;
}

/**
 * Reads a model. Tensors are views of `bytes`, which must therefore stay as they are. Never throws for any input, and
 * needs memory in proportion to the file's size.
 *
 * What cannot be read is left out and reported; undefined if there is no graph at all, or too many faults to read on.
 * @see https://github.com/onnx/onnx/blob/main/docs/IR.md
 */
export function readModel(bytes: Uint8Array, options: ReadOptions): Model | undefined {
  const { diagnostics, file = "model" } = options;
  const faults = new FileFaults(diagnostics);
  const raw = decode("ModelProto", bytes, { file, faults });
  return faults.exhausted ? undefined : new ModelReader(file, faults).model(raw);
}

class ModelReader {
  readonly #file: string;
  readonly #diagnostics: Diagnostics;
  /** The operator sets that apply to the nodes being read, for their places. */
  #opsets: ReadonlyMap<string, number> = new Map();
  /** The node being read. */
  #node: Location | undefined;
  /** The graph inside of others, or the function, that is being read. */
  #within: string | undefined;

  constructor(file: string, diagnostics: Diagnostics) {
    this.#file = file;
    this.#diagnostics = diagnostics;
  }

  model(raw: Raw<"ModelProto">): Model | undefined {
    if (raw.graph === undefined) {
      const help = "a file of test data, or of weights only, is not a model";
      this.#diagnostics.error("onnx/model", this.#place(), "the file holds no graph", { help });
      return undefined;
    }
    if (raw.trainingInfo) this.#ignored("training information is ignored");
    if (raw.configuration) this.#ignored("the configuration for several devices is ignored");
    const irVersion = Number(raw.irVersion ?? 0n);
    if (irVersion < 1) this.#modelError("the IR version is not given");
    const opsetImport = this.#operatorSets(raw.opsetImport);
    // Before IR version 3 there was one set of operators, version 1.
    if (opsetImport.length === 0 && irVersion >= 3) this.#modelError("no operator set is imported");
    this.#opsets = new Map(opsetImport.map((o) => [shortDomain(o.domain), o.version]));
    return {
      irVersion,
      producerName: raw.producerName ?? "",
      producerVersion: raw.producerVersion ?? "",
      domain: raw.domain ?? "",
      modelVersion: raw.modelVersion ?? 0n,
      docString: raw.docString ?? "",
      opsetImport,
      graph: this.#graph(raw.graph),
      functions: (raw.functions ?? []).map((f) => this.#function(f)),
      metadata: readMetadata(raw.metadataProps),
    };
  }

  #operatorSets(raw: readonly Raw<"OperatorSetIdProto">[] = []): readonly OperatorSetId[] {
    return raw.map(({ domain = "", version = 0n }) => {
      if (version < 0n || version > 1_000_000n) this.#modelError(`version ${version} of the operator set "${domain}"`);
      return { domain, version: Number(version) };
    });
  }

  #graph(raw: Raw<"GraphProto">): Graph {
    const initializers: Tensor[] = [];
    const unreadable = new Set<string>();
    for (const t of raw.initializer ?? []) {
      const tensor = readTensor(t, this.#place(`initializer "${t.name ?? ""}"`), this.#diagnostics);
      if (tensor) initializers.push(tensor);
      else unreadable.add(t.name ?? "");
    }
    const sparseInitializers: SparseTensor[] = [];
    for (const t of raw.sparseInitializer ?? []) {
      const at = this.#place(`initializer "${t.values?.name ?? ""}"`);
      const tensor = readSparseTensor(t, at, this.#diagnostics);
      if (tensor) sparseInitializers.push(tensor);
      else unreadable.add(t.values?.name ?? "");
    }
    const inputs = this.#valueInfos(raw.input, "input");
    // A type that is there and was not understood has been reported.
    inputs.forEach((v, i) => {
      if (v.type === undefined && raw.input?.[i]?.type) unreadable.add(v.name);
    });
    return {
      name: raw.name ?? "",
      docString: raw.docString ?? "",
      nodes: this.#nodes(raw.node),
      inputs,
      outputs: this.#valueInfos(raw.output, "output"),
      valueInfo: this.#valueInfos(raw.valueInfo, "value"),
      initializers,
      sparseInitializers,
      quantization: (raw.quantizationAnnotation ?? []).map((q) => ({
        tensor: q.tensorName ?? "",
        parameters: readMetadata(q.quantParameterTensorNames),
      })),
      metadata: readMetadata(raw.metadataProps),
      ...(unreadable.size === 0 ? {} : { unreadable }),
    };
  }

  #function(raw: Raw<"FunctionProto">): ModelFunction {
    const [outer, within] = [this.#opsets, this.#within];
    this.#within = functionText(raw.domain ?? "", raw.name ?? "");
    const opsetImport = this.#operatorSets(raw.opsetImport);
    this.#opsets = new Map(opsetImport.map((o) => [shortDomain(o.domain), o.version]));
    const result: ModelFunction = {
      name: raw.name ?? "",
      domain: raw.domain ?? "",
      overload: raw.overload ?? "",
      inputs: raw.input ?? [],
      outputs: raw.output ?? [],
      attributes: raw.attribute ?? [],
      attributeDefaults: this.#attributes(raw.attributeProto),
      nodes: this.#nodes(raw.node),
      opsetImport,
      valueInfo: this.#valueInfos(raw.valueInfo, "value"),
      docString: raw.docString ?? "",
      metadata: readMetadata(raw.metadataProps),
    };
    this.#opsets = outer;
    this.#within = within;
    return result;
  }

  #nodes(raw: readonly Raw<"NodeProto">[] = []): readonly Node[] {
    const outer = this.#node;
    const nodes = raw.map((n, index): Node => {
      const { name = "", opType = "", domain = "" } = n;
      const opset = this.#opsets.get(shortDomain(domain)) ?? 0;
      const within = this.#within === undefined ? {} : { within: this.#within };
      this.#node = { kind: "node", model: this.#file, ...within, index, name, opType, opset };
      if (opType === "") this.#modelError("a node without an operator");
      if (n.deviceConfigurations) this.#ignored("the node's device configuration is ignored");
      const attributes = this.#attributes(n.attribute);
      return {
        name,
        opType,
        domain,
        overload: n.overload ?? "",
        inputs: n.input ?? [],
        outputs: n.output ?? [],
        attributes,
        docString: n.docString ?? "",
        metadata: readMetadata(n.metadataProps),
        ...(attributes.size < (n.attribute?.length ?? 0) ? { unreadable: true as const } : {}),
      };
    });
    this.#node = outer;
    return nodes;
  }

  #attributes(raw: readonly Raw<"AttributeProto">[] | undefined): ReadonlyMap<string, Attribute> {
    if (raw === undefined) return noAttributes;
    const attributes = new Map<string, Attribute>();
    for (const a of raw) {
      const name = a.name ?? "";
      if (name === "") this.#attributeError(name, "has no name");
      else if (attributes.has(name)) this.#attributeError(name, "is given twice");
      else {
        const attribute = this.#attribute(name, a);
        if (attribute !== undefined) attributes.set(name, attribute);
      }
    }
    return attributes;
  }

  #attribute(name: string, raw: Raw<"AttributeProto">): Attribute | undefined {
    // Files of IR version 1 do not say the type: it is that of the field in use.
    const type = raw.type ? attributeTypes[raw.type] : typeInUse(raw);
    if (type === undefined) return this.#attributeError(name, `has the unknown type ${raw.type ?? 0}`);
    if (raw.refAttrName) return { type: "ref", value: raw.refAttrName, of: type };
    return this.#attributeValue(name, type, raw);
  }

  #attributeValue(name: string, type: AttributeType, raw: Raw<"AttributeProto">): Attribute | undefined {
    const at = (): Location => this.#place(`attribute "${name}"`);
    const missing = (): undefined => this.#attributeError(name, `is of type ${type}, but has no value of that type`);
    switch (type) {
      case "float":
        return { type, value: raw.f ?? 0 };
      case "int":
        return { type, value: raw.i ?? 0n };
      case "string":
        return { type, value: raw.s === undefined ? "" : textOrBytes(raw.s) };
      case "floats":
        return { type, value: raw.floats ? float32s(raw.floats) : new Float32Array(0) };
      case "ints":
        return { type, value: raw.ints ? int64s(raw.ints) : new BigInt64Array(0) };
      case "strings":
        return { type, value: raw.strings ?? [] };
      case "graph":
        return raw.g ? { type, value: this.#subgraph(name, raw.g) } : missing();
      case "graphs":
        return { type, value: (raw.graphs ?? []).map((g, i) => this.#subgraph(`${name}[${i}]`, g)) };
      case "tensor": {
        const value = raw.t ? readTensor(raw.t, at(), this.#diagnostics) : missing();
        return value && { type, value };
      }
      case "tensors": {
        const value = allOf(raw.tensors, (t) => readTensor(t, at(), this.#diagnostics));
        return value && { type, value };
      }
      case "sparse_tensor": {
        const value = raw.sparseTensor ? readSparseTensor(raw.sparseTensor, at(), this.#diagnostics) : missing();
        return value && { type, value };
      }
      case "sparse_tensors": {
        const value = allOf(raw.sparseTensors, (t) => readSparseTensor(t, at(), this.#diagnostics));
        return value && { type, value };
      }
      case "type_proto": {
        const value = (raw.tp && this.#type(raw.tp, at())) ?? missing();
        return value && { type, value };
      }
      case "type_protos": {
        const value = allOf(raw.typeProtos, (t) => this.#type(t, at()) ?? missing());
        return value && { type, value };
      }
    }
  }

  #subgraph(attribute: string, raw: Raw<"GraphProto">): Graph {
    const within = this.#within;
    if (this.#node?.kind === "node") this.#within = graphText(this.#node, attribute);
    const graph = this.#graph(raw);
    this.#within = within;
    return graph;
  }

  #valueInfos(raw: readonly Raw<"ValueInfoProto">[] = [], role: string): readonly ValueInfo[] {
    return raw.map(({ name = "", type, docString = "", metadataProps }) => ({
      name,
      type: type && this.#type(type, this.#place(`${role} "${name}"`)),
      docString,
      metadata: readMetadata(metadataProps),
    }));
  }

  /** Undefined if the type is left open, or after reporting `onnx/type`. */
  #type(raw: Raw<"TypeProto">, at: Location): ValueType | undefined {
    const denoted = raw.denotation ? { denotation: raw.denotation } : {};
    const { tensorType, sparseTensorType, sequenceType, optionalType, mapType, opaqueType } = raw;
    if (tensorType || sparseTensorType) {
      const { elemType, shape } = (tensorType ?? sparseTensorType)!;
      const element = this.#element(elemType, at);
      const kind = tensorType ? "tensor" : "sparse_tensor";
      return element && { kind, element, shape: shape && this.#shape(shape, at), ...denoted };
    }
    if (sequenceType || optionalType) {
      const inner = (sequenceType ?? optionalType)!.elemType;
      const element = inner && this.#type(inner, at);
      if (element) return { kind: sequenceType ? "sequence" : "optional", element, ...denoted };
      return this.#typeError(at, "the element type of a sequence or optional is missing");
    }
    if (mapType) {
      const key = this.#element(mapType.keyType, at);
      const value = mapType.valueType && this.#type(mapType.valueType, at);
      if (key && value) return { kind: "map", key, value, ...denoted };
      return this.#typeError(at, "the key or value type of a map is missing");
    }
    if (opaqueType) return { kind: "opaque", domain: opaqueType.domain ?? "", name: opaqueType.name ?? "", ...denoted };
    return undefined;
  }

  #element(code: number | undefined, at: Location): ElementType | undefined {
    const element = elementTypeOf(code ?? 0);
    // 0 leaves the type open, as exporters do for values inside of the graph.
    if (element === undefined && code) this.#typeError(at, `element type number ${code} is not known`);
    return element;
  }

  #shape(raw: Raw<"TensorShapeProto">, at: Location): Shape {
    return (raw.dim ?? []).map(({ dimValue, dimParam = "" }): Dim => {
      if (dimValue === undefined) return dimParam;
      if (dimValue >= 0n && dimValue <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(dimValue);
      // -1 is what some exporters write for a size that is not known.
      if (dimValue !== -1n) this.#typeError(at, `a dimension of ${dimValue}`);
      return "";
    });
  }

  #typeError(at: Location, message: string): undefined {
    this.#diagnostics.error("onnx/type", at, message);
  }

  #attributeError(name: string, message: string): undefined {
    this.#diagnostics.error("onnx/attribute", this.#place(), `attribute "${name}" ${message}`);
  }

  #modelError(message: string): void {
    this.#diagnostics.error("onnx/model", this.#place(), message);
  }

  #ignored(message: string): void {
    this.#diagnostics.remark("onnx/ignored", this.#place(), message);
  }

  /** The node being read or else the file; with `what` in it. */
  #place(what?: string): Location {
    const outer: Location = this.#node ?? { kind: "name", name: this.#file };
    if (what === undefined) return outer;
    return this.#node ? { kind: "name", name: what, child: outer } : { kind: "name", name: `${this.#file} · ${what}` };
  }
}

const noAttributes: ReadonlyMap<string, Attribute> = new Map();

function typeInUse(raw: Raw<"AttributeProto">): AttributeType | undefined {
  if (raw.f !== undefined) return "float";
  if (raw.i !== undefined) return "int";
  if (raw.s !== undefined) return "string";
  if (raw.t !== undefined) return "tensor";
  if (raw.g !== undefined) return "graph";
  if (raw.floats !== undefined) return "floats";
  if (raw.ints !== undefined) return "ints";
  if (raw.strings !== undefined) return "strings";
  if (raw.tensors !== undefined) return "tensors";
  return raw.graphs && "graphs";
}

/** The results, or undefined if one is undefined; all are asked, so that all faults are reported. */
function allOf<T, R>(list: readonly T[] = [], read: (item: T) => R | undefined): readonly R[] | undefined {
  const results = list.map(read);
  return results.every((r): r is R & {} => r !== undefined) ? results : undefined;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes;
  }
}
