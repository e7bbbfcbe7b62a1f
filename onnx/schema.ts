/**
 * @file The messages of ONNX's protocol buffer files, as one table: decoding, encoding and the types of both read it.
 *
 * The npm package `onnx-proto` is the base. It ships no descriptor, only code that pbjs generated from ONNX 1.10 (IR
 * version 8) and the typings of that code. The typings are used here, at no cost at run time: the compiler refuses this
 * table if a field that onnx-proto knows is missing from it, and tests/onnx/schema.test.ts encodes every field with
 * onnx-proto's code and compares number and wire type. Lines marked with an IR version are what ONNX added since.
 *
 * The generated code itself is not used to decode files of strangers: it drops the fields it does not know (function
 * overloads and attribute defaults among them, which changes what a model means), lets a nested message read past its
 * end, recurses without limit, stops at the first fault without saying where, makes an object per 64-bit integer,
 * weighs 330 KB, and asks for protobufjs 6. (An npm override mends the last point only in our own tree, not where
 * sluice is installed as a dependency; hence onnx-proto is a development dependency.) Neither is protobufjs'
 * reflection used: it builds its decoders with `new Function`, which a page with a strict content security policy
 * forbids. What does the work is the Reader and Writer of protobufjs 8 (`protobufjs/minimal`, no code generation),
 * driven by this table in decode.ts and encode.ts.
 */
import type { onnx } from "onnx-proto";

/**
 * How a field is stored, and what it becomes:
 * - `string`: a protobuf string; must be UTF-8. `text`: a `bytes` field that holds UTF-8 by convention.
 * - `bytes`: a view of the file. `int32`, `float`: number. `int64`: bigint.
 * - `f32s`, `f64s`, `i32s`, `i64s`, `u64s`: a repeated number, packed or not, as one little-endian array of bytes;
 *   where the file holds a packed float array it is a view of the file. Written packed, unless marked `unpacked` as in
 *   ONNX.
 * - `ignored`: true if the field occurs; its content is skipped.
 * - any other word: the message of that name.
 */
export type ScalarKind = keyof ScalarValues;
interface ScalarValues {
  readonly string: string;
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly int32: number;
  readonly int64: bigint;
  readonly float: number;
  readonly f32s: Uint8Array;
  readonly f64s: Uint8Array;
  readonly i32s: Uint8Array;
  readonly i64s: Uint8Array;
  readonly u64s: Uint8Array;
  readonly ignored: true;
}

type FieldSpec = readonly [number: number, kind: string, how?: "many" | "unpacked"];

/** What onnx-proto knows: message by message, field by field. */
interface Base {
  readonly ModelProto: onnx.IModelProto;
  readonly GraphProto: onnx.IGraphProto;
  readonly NodeProto: onnx.INodeProto;
  readonly AttributeProto: onnx.IAttributeProto;
  readonly FunctionProto: onnx.IFunctionProto;
  readonly OperatorSetIdProto: onnx.IOperatorSetIdProto;
  readonly StringStringEntryProto: onnx.IStringStringEntryProto;
  readonly TensorAnnotation: onnx.ITensorAnnotation;
  readonly ValueInfoProto: onnx.IValueInfoProto;
  readonly TensorProto: onnx.ITensorProto;
  readonly SparseTensorProto: onnx.ISparseTensorProto;
  readonly TypeProto: onnx.ITypeProto;
  readonly TensorType: onnx.TypeProto.ITensor;
  readonly SparseTensorType: onnx.TypeProto.ISparseTensor;
  readonly SequenceType: onnx.TypeProto.ISequence;
  readonly OptionalType: onnx.TypeProto.IOptional;
  readonly MapType: onnx.TypeProto.IMap;
  readonly TensorShapeProto: onnx.ITensorShapeProto;
  readonly Dimension: onnx.TensorShapeProto.IDimension;
}

/** At least these entries; more of their kind may stand beside them. */
type AtLeast<Required, Other = Readonly<Record<string, FieldSpec>>> = Required & Readonly<Record<string, Other>>;

export const schema = {
  ModelProto: {
    irVersion: [1, "int64"],
    producerName: [2, "string"],
    producerVersion: [3, "string"],
    domain: [4, "string"],
    modelVersion: [5, "int64"],
    docString: [6, "string"],
    graph: [7, "GraphProto"],
    opsetImport: [8, "OperatorSetIdProto", "many"],
    metadataProps: [14, "StringStringEntryProto", "many"],
    trainingInfo: [20, "ignored"],
    functions: [25, "FunctionProto", "many"],
    configuration: [26, "ignored"], // IR 11: multi-device
  },
  GraphProto: {
    node: [1, "NodeProto", "many"],
    name: [2, "string"],
    initializer: [5, "TensorProto", "many"],
    docString: [10, "string"],
    input: [11, "ValueInfoProto", "many"],
    output: [12, "ValueInfoProto", "many"],
    valueInfo: [13, "ValueInfoProto", "many"],
    quantizationAnnotation: [14, "TensorAnnotation", "many"],
    sparseInitializer: [15, "SparseTensorProto", "many"],
    metadataProps: [16, "StringStringEntryProto", "many"], // IR 10
  },
  NodeProto: {
    input: [1, "string", "many"],
    output: [2, "string", "many"],
    name: [3, "string"],
    opType: [4, "string"],
    attribute: [5, "AttributeProto", "many"],
    docString: [6, "string"],
    domain: [7, "string"],
    overload: [8, "string"], // IR 10
    metadataProps: [9, "StringStringEntryProto", "many"], // IR 10
    deviceConfigurations: [10, "ignored"], // IR 11: multi-device
  },
  AttributeProto: {
    name: [1, "string"],
    f: [2, "float"],
    i: [3, "int64"],
    s: [4, "bytes"],
    t: [5, "TensorProto"],
    g: [6, "GraphProto"],
    floats: [7, "f32s", "unpacked"],
    ints: [8, "i64s", "unpacked"],
    strings: [9, "text", "many"],
    tensors: [10, "TensorProto", "many"],
    graphs: [11, "GraphProto", "many"],
    docString: [13, "string"],
    tp: [14, "TypeProto"],
    typeProtos: [15, "TypeProto", "many"],
    type: [20, "int32"],
    refAttrName: [21, "string"],
    sparseTensor: [22, "SparseTensorProto"],
    sparseTensors: [23, "SparseTensorProto", "many"],
  },
  FunctionProto: {
    name: [1, "string"],
    input: [4, "string", "many"],
    output: [5, "string", "many"],
    attribute: [6, "string", "many"],
    node: [7, "NodeProto", "many"],
    docString: [8, "string"],
    opsetImport: [9, "OperatorSetIdProto", "many"],
    domain: [10, "string"],
    attributeProto: [11, "AttributeProto", "many"], // IR 9
    valueInfo: [12, "ValueInfoProto", "many"], // IR 10
    overload: [13, "string"], // IR 10
    metadataProps: [14, "StringStringEntryProto", "many"], // IR 10
  },
  OperatorSetIdProto: { domain: [1, "string"], version: [2, "int64"] },
  StringStringEntryProto: { key: [1, "string"], value: [2, "string"] },
  TensorAnnotation: {
    tensorName: [1, "string"],
    quantParameterTensorNames: [2, "StringStringEntryProto", "many"],
  },
  ValueInfoProto: {
    name: [1, "string"],
    type: [2, "TypeProto"],
    docString: [3, "string"],
    metadataProps: [4, "StringStringEntryProto", "many"], // IR 10
  },
  TensorProto: {
    dims: [1, "i64s", "unpacked"],
    dataType: [2, "int32"],
    segment: [3, "ignored"],
    floatData: [4, "f32s"],
    int32Data: [5, "i32s"],
    stringData: [6, "text", "many"],
    int64Data: [7, "i64s"],
    name: [8, "string"],
    rawData: [9, "bytes"],
    doubleData: [10, "f64s"],
    uint64Data: [11, "u64s"],
    docString: [12, "string"],
    externalData: [13, "StringStringEntryProto", "many"],
    dataLocation: [14, "int32"],
    metadataProps: [16, "StringStringEntryProto", "many"], // IR 10
  },
  SparseTensorProto: { values: [1, "TensorProto"], indices: [2, "TensorProto"], dims: [3, "i64s", "unpacked"] },
  TypeProto: {
    tensorType: [1, "TensorType"],
    sequenceType: [4, "SequenceType"],
    mapType: [5, "MapType"],
    denotation: [6, "string"],
    opaqueType: [7, "OpaqueType"], // ai.onnx.ml; not in onnx-proto
    sparseTensorType: [8, "SparseTensorType"],
    optionalType: [9, "OptionalType"],
  },
  TensorType: { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  SparseTensorType: { elemType: [1, "int32"], shape: [2, "TensorShapeProto"] },
  SequenceType: { elemType: [1, "TypeProto"] },
  OptionalType: { elemType: [1, "TypeProto"] },
  MapType: { keyType: [1, "int32"], valueType: [2, "TypeProto"] },
  OpaqueType: { domain: [1, "string"], name: [2, "string"] },
  TensorShapeProto: { dim: [1, "Dimension", "many"] },
  Dimension: { dimValue: [1, "int64"], dimParam: [2, "string"], denotation: [3, "string"] },

  // onnx-data.proto: values that are no tensors, as the official test data stores them. Not in onnx-proto.
  SequenceProto: {
    name: [1, "string"],
    elemType: [2, "int32"],
    tensorValues: [3, "TensorProto", "many"],
    sparseTensorValues: [4, "SparseTensorProto", "many"],
    sequenceValues: [5, "SequenceProto", "many"],
    mapValues: [6, "MapProto", "many"],
    optionalValues: [7, "OptionalProto", "many"],
  },
  OptionalProto: {
    name: [1, "string"],
    elemType: [2, "int32"],
    tensorValue: [3, "TensorProto"],
    sparseTensorValue: [4, "SparseTensorProto"],
    sequenceValue: [5, "SequenceProto"],
    mapValue: [6, "MapProto"],
    optionalValue: [7, "OptionalProto"],
  },
  MapProto: {
    name: [1, "string"],
    keyType: [2, "int32"],
    keys: [3, "i64s", "unpacked"],
    stringKeys: [4, "text", "many"],
    values: [5, "SequenceProto"],
  },
} as const satisfies AtLeast<{ [M in keyof Base]: AtLeast<Record<keyof Base[M], FieldSpec>, FieldSpec> }>;

export type MessageName = keyof typeof schema;

type ValueOf<K> = K extends ScalarKind ? ScalarValues[K] : K extends MessageName ? Raw<K> : never;

/** A message as it stands in the file: absent fields are undefined, nothing is checked beyond the wire format. */
export type Raw<M extends MessageName> = {
  readonly [F in keyof (typeof schema)[M]]?: (typeof schema)[M][F] extends readonly [number, infer K, "many"]
    ? readonly ValueOf<K>[] | undefined
    : (typeof schema)[M][F] extends readonly [number, infer K, ...unknown[]]
      ? ValueOf<K> | undefined
      : never;
};

/** One field of the table, ready for use. */
export interface Field {
  readonly name: string;
  readonly number: number;
  readonly kind: ScalarKind | "message";
  readonly repeated: boolean;
  /** For columns: each element is written with a tag of its own. */
  readonly unpacked: boolean;
  /** For messages: which. */
  readonly message: MessageName | undefined;
}

const fieldsOfMessage = new Map<MessageName, readonly Field[]>();
const byNumberOfMessage = new Map<MessageName, readonly (Field | undefined)[]>();

/** The fields of a message in the order of their numbers, which is the order they are written in. */
export function fieldsOf(message: MessageName): readonly Field[] {
  const known = fieldsOfMessage.get(message);
  if (known) return known;
  const specs: Readonly<Record<string, FieldSpec>> = schema[message];
  const fields = Object.entries(specs).map(([name, [number, kind, how]]): Field => {
    const nested = isMessageName(kind) ? kind : undefined;
    return {
      name,
      number,
      kind: nested ? "message" : (kind as ScalarKind),
      repeated: how === "many",
      unpacked: how === "unpacked",
      message: nested,
    };
  });
  fields.sort((a, b) => a.number - b.number);
  fieldsOfMessage.set(message, fields);
  return fields;
}

/** The fields of a message at the index of their number. */
export function fieldsByNumber(message: MessageName): readonly (Field | undefined)[] {
  const known = byNumberOfMessage.get(message);
  if (known) return known;
  const table: (Field | undefined)[] = [];
  for (const field of fieldsOf(message)) table[field.number] = field;
  const dense = Array.from(table);
  byNumberOfMessage.set(message, dense);
  return dense;
}

const isMessageName = (kind: string): kind is MessageName => Object.hasOwn(schema, kind);
