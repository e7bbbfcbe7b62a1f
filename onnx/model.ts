/** @file A model as an ONNX file states it: plain, read-only records. What the operators mean is not known here. */
import type { ElementType } from "./dtypes.ts";

export type Metadata = ReadonlyMap<string, string>;

export interface Model {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: bigint;
  readonly docString: string;
  readonly opsetImport: readonly OperatorSetId[];
  readonly graph: Graph;
  readonly functions: readonly ModelFunction[];
  readonly metadata: Metadata;
}

/**
 * A set of operators and its version. The domain of the standard operators is "" (a file may also write "ai.onnx",
 * kept as written).
 */
export interface OperatorSetId {
  readonly domain: string;
  readonly version: number;
}

export interface Graph {
  readonly name: string;
  readonly docString: string;
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Types of values inside the graph, as far as the exporter states them. */
  readonly valueInfo: readonly ValueInfo[];
  readonly initializers: readonly Tensor[];
  /** Named by their `values`. */
  readonly sparseInitializers: readonly SparseTensor[];
  readonly quantization: readonly QuantizationAnnotation[];
  readonly metadata: Metadata;
  /** Names of values that are in the file, but could not be read, which has been reported. */
  readonly unreadable?: ReadonlySet<string>;
}

export interface Node {
  /** May be empty, and need not be unique. */
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  /** Which of several functions of one name is called (IR version 10 and later). */
  readonly overload: string;
  /** An empty name stands for an optional input that is not given. */
  readonly inputs: readonly string[];
  /** An empty name stands for an optional output that nobody wants. */
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly docString: string;
  readonly metadata: Metadata;
  /** It has attributes that could not be read, which has been reported. */
  readonly unreadable?: true;
}

/** The value of an attribute. An attribute's own doc string is not kept. */
export type Attribute =
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: bigint }
  /**
   * Text, or where the bytes are not UTF-8, the bytes themselves (a view of the file): some operators keep blobs here.
   */
  | { readonly type: "string"; readonly value: string | Uint8Array }
  | { readonly type: "tensor"; readonly value: Tensor }
  | { readonly type: "graph"; readonly value: Graph }
  | { readonly type: "sparse_tensor"; readonly value: SparseTensor }
  | { readonly type: "type_proto"; readonly value: ValueType }
  | { readonly type: "floats"; readonly value: Float32Array }
  | { readonly type: "ints"; readonly value: BigInt64Array }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "tensors"; readonly value: readonly Tensor[] }
  | { readonly type: "graphs"; readonly value: readonly Graph[] }
  | { readonly type: "sparse_tensors"; readonly value: readonly SparseTensor[] }
  | { readonly type: "type_protos"; readonly value: readonly ValueType[] }
  /** Inside a function: the value of the function's own attribute of that name, which is of type `of`. */
  | { readonly type: "ref"; readonly value: string; readonly of: AttributeType };

export type AttributeType = Exclude<Attribute["type"], "ref">;

/** The types at the index of their number in AttributeProto.AttributeType. */
export const attributeTypes: readonly (AttributeType | undefined)[] = [
  undefined,
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
  "sparse_tensor",
  "sparse_tensors",
  "type_proto",
  "type_protos",
];

/** A constant. Big ones are views of the file; see tensor.ts for reading the bytes. */
export interface Tensor {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly payload: Payload;
  readonly docString: string;
  readonly metadata: Metadata;
}

export type Payload =
  /**
   * Row-major, little-endian, packed: exactly as long as type and dims ask for. At any offset of its buffer, so not
   * aligned.
   */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "strings"; readonly strings: readonly string[] }
  | { readonly kind: "external"; readonly reference: ExternalReference };

/** A part of a file beside the model. Nothing is checked but that the numbers are numbers; see external.ts. */
export interface ExternalReference {
  readonly location: string;
  /** In bytes; 0 if the file does not say. */
  readonly offset: number;
  /** In bytes; undefined: all that the tensor needs. */
  readonly length: number | undefined;
  /** SHA-1 of the whole external file, in hexadecimal. */
  readonly checksum: string | undefined;
}

/** Coordinates and values of what is not zero: `indices` is [n] (linear) or [n, rank], int64. */
export interface SparseTensor {
  readonly values: Tensor;
  readonly indices: Tensor;
  readonly dims: readonly number[];
}

export interface ValueInfo {
  readonly name: string;
  /** Undefined if the file gives no type, which is allowed inside of functions and subgraphs. */
  readonly type: ValueType | undefined;
  readonly docString: string;
  readonly metadata: Metadata;
}

export type ValueType = ValueTypeKind & { readonly denotation?: string };
type ValueTypeKind =
  | { readonly kind: "tensor" | "sparse_tensor"; readonly element: ElementType; readonly shape: Shape | undefined }
  | { readonly kind: "sequence" | "optional"; readonly element: ValueType }
  | { readonly kind: "map"; readonly key: ElementType; readonly value: ValueType }
  | { readonly kind: "opaque"; readonly domain: string; readonly name: string };

/** One entry per dimension; undefined in place of the whole: the rank is not known. */
export type Shape = readonly Dim[];

/** A size, the name of a size (equal names, equal sizes), or "" where neither is known. Denotations are not kept. */
export type Dim = number | string;

export interface QuantizationAnnotation {
  readonly tensor: string;
  /** From SCALE_TENSOR, ZERO_POINT_TENSOR … to the names of tensors. */
  readonly parameters: Metadata;
}

/** A function of the model's own: a node that calls it stands for its body. Known by domain, name and overload. */
export interface ModelFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Names of the attributes that a call must give. */
  readonly attributes: readonly string[];
  /** Attributes that a call may leave out, with the value they then have. */
  readonly attributeDefaults: ReadonlyMap<string, Attribute>;
  readonly nodes: readonly Node[];
  readonly opsetImport: readonly OperatorSetId[];
  readonly valueInfo: readonly ValueInfo[];
  readonly docString: string;
  readonly metadata: Metadata;
}

/** What an input or output of a model may be, in test data: tensors, and what is made of them. */
export type OnnxValue =
  | { readonly kind: "tensor"; readonly tensor: Tensor }
  | { readonly kind: "sparse_tensor"; readonly tensor: SparseTensor }
  | { readonly kind: "sequence"; readonly name: string; readonly elements: readonly OnnxValue[] }
  | { readonly kind: "optional"; readonly name: string; readonly value: OnnxValue | undefined }
  | {
      readonly kind: "map";
      readonly name: string;
      readonly key: ElementType;
      readonly keys: readonly (bigint | string)[];
      readonly values: readonly OnnxValue[];
    };

export const noMetadata: Metadata = new Map();
