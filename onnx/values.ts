/**
 * @file The values that test data and tools keep beside models: TensorProto, SequenceProto, OptionalProto and MapProto
 * files (`.pb`), read and written.
 */
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { decode } from "./decode.ts";
import { elementInfo, elementTypeOf } from "./dtypes.ts";
import { encode } from "./encode.ts";
import { FileFaults } from "./faults.ts";
import type { OnnxValue, Tensor } from "./model.ts";
import type { ReadOptions } from "./proto.ts";
import type { Raw } from "./schema.ts";
import { bytesOf, int64s, rawSparseTensor, rawTensor, readSparseTensor, readTensor } from "./tensor.ts";

export type ValueMessage = "TensorProto" | "SparseTensorProto" | "SequenceProto" | "OptionalProto" | "MapProto";

/**
 * Reads a value. A `.pb` file does not say which message it holds; the declared type of the input or output does, and
 * `message` must name it. Tensors are views of `bytes`.
 *
 * @returns undefined after reporting what is wrong
 */
export function readValue(bytes: Uint8Array, message: ValueMessage, options: ReadOptions): OnnxValue | undefined {
  const { diagnostics, file = "value" } = options;
  const at: Location = { kind: "name", name: file };
  const errors = diagnostics.errorCount;
  const faults = new FileFaults(diagnostics);
  const decoding = { file, faults };
  const reader = new ValueReader(at, faults);
  const value =
    message === "TensorProto"
      ? reader.tensor(decode(message, bytes, decoding))
      : message === "SparseTensorProto"
        ? reader.sparseTensor(decode(message, bytes, decoding))
        : message === "SequenceProto"
          ? reader.sequence(decode(message, bytes, decoding))
          : message === "OptionalProto"
            ? reader.optional(decode(message, bytes, decoding))
            : reader.map(decode(message, bytes, decoding));
  return diagnostics.errorCount === errors ? value : undefined;
}

/** Reads a file that holds one TensorProto. */
export function readTensorFile(bytes: Uint8Array, options: ReadOptions): Tensor | undefined {
  const value = readValue(bytes, "TensorProto", options);
  return value?.kind === "tensor" ? value.tensor : undefined;
}

/** SequenceProto.DataType and OptionalProto.DataType. */
const TENSOR = 1;
const SPARSE_TENSOR = 2;
const SEQUENCE = 3;
const MAP = 4;
const OPTIONAL = 5;

class ValueReader {
  readonly #at: Location;
  readonly #diagnostics: Diagnostics;

  constructor(at: Location, diagnostics: Diagnostics) {
    this.#at = at;
    this.#diagnostics = diagnostics;
  }

  tensor(raw: Raw<"TensorProto">): OnnxValue | undefined {
    const tensor = readTensor(raw, this.#at, this.#diagnostics);
    return tensor && { kind: "tensor", tensor };
  }

  sparseTensor(raw: Raw<"SparseTensorProto">): OnnxValue | undefined {
    const tensor = readSparseTensor(raw, this.#at, this.#diagnostics);
    return tensor && { kind: "sparse_tensor", tensor };
  }

  sequence(raw: Raw<"SequenceProto">): OnnxValue | undefined {
    const elements = this.#elements(raw);
    return elements && { kind: "sequence", name: raw.name ?? "", elements };
  }

  /** An OptionalProto without an element type, or without the value it announces, is an empty optional. */
  optional(raw: Raw<"OptionalProto">): OnnxValue | undefined {
    const name = raw.name ?? "";
    const read = this.#optionalValue(raw);
    if (read === "empty") return { kind: "optional", name, value: undefined };
    return read && { kind: "optional", name, value: read };
  }

  map(raw: Raw<"MapProto">): OnnxValue | undefined {
    const key = elementTypeOf(raw.keyType ?? 0);
    if (key === undefined) return this.#bad(`key type number ${raw.keyType ?? 0} is not known`);
    const keys: readonly (bigint | string)[] =
      key === "string" ? (raw.stringKeys ?? []) : Array.from(int64s(raw.keys ?? new Uint8Array(0)));
    const values = raw.values ? this.#elements(raw.values) : [];
    if (values === undefined) return undefined;
    if (values.length !== keys.length) return this.#bad(`a map of ${keys.length} keys and ${values.length} values`);
    return { kind: "map", name: raw.name ?? "", key, keys, values };
  }

  #elements(raw: Raw<"SequenceProto">): readonly OnnxValue[] | undefined {
    const read = this.#readElements(raw);
    return read?.every((v) => v !== undefined) ? (read as readonly OnnxValue[]) : undefined;
  }

  #readElements(raw: Raw<"SequenceProto">): readonly (OnnxValue | undefined)[] | undefined {
    switch (raw.elemType ?? 0) {
      case 0:
        return []; // an empty sequence need not say of what
      case TENSOR:
        return (raw.tensorValues ?? []).map((v) => this.tensor(v));
      case SPARSE_TENSOR:
        return (raw.sparseTensorValues ?? []).map((v) => this.sparseTensor(v));
      case SEQUENCE:
        return (raw.sequenceValues ?? []).map((v) => this.sequence(v));
      case MAP:
        return (raw.mapValues ?? []).map((v) => this.map(v));
      case OPTIONAL:
        return (raw.optionalValues ?? []).map((v) => this.optional(v));
      default:
        return this.#bad(`element type number ${raw.elemType} of a sequence is not known`);
    }
  }

  #optionalValue(raw: Raw<"OptionalProto">): OnnxValue | "empty" | undefined {
    switch (raw.elemType ?? 0) {
      case 0:
        return "empty";
      case TENSOR:
        return raw.tensorValue ? this.tensor(raw.tensorValue) : "empty";
      case SPARSE_TENSOR:
        return raw.sparseTensorValue ? this.sparseTensor(raw.sparseTensorValue) : "empty";
      case SEQUENCE:
        return raw.sequenceValue ? this.sequence(raw.sequenceValue) : "empty";
      case MAP:
        return raw.mapValue ? this.map(raw.mapValue) : "empty";
      case OPTIONAL:
        return raw.optionalValue ? this.optional(raw.optionalValue) : "empty";
      default:
        return this.#bad(`element type number ${raw.elemType} of an optional is not known`);
    }
  }

  #bad(message: string): undefined {
    this.#diagnostics.error("onnx/tensor", this.#at, message);
  }
}

/** Writes a value as the message that its kind calls for. */
export function writeValue(value: OnnxValue): Uint8Array {
  switch (value.kind) {
    case "tensor":
      return encode("TensorProto", rawTensor(value.tensor));
    case "sparse_tensor":
      return encode("SparseTensorProto", rawSparseTensor(value.tensor));
    case "sequence":
      return encode("SequenceProto", rawSequence(value.name, value.elements));
    case "optional":
      return encode("OptionalProto", rawOptional(value));
    case "map":
      return encode("MapProto", rawMap(value));
  }
}

export const writeTensorFile = (tensor: Tensor): Uint8Array => writeValue({ kind: "tensor", tensor });

type OfKind<K extends OnnxValue["kind"]> = Extract<OnnxValue, { kind: K }>;
const ofKind = <K extends OnnxValue["kind"]>(values: readonly OnnxValue[], kind: K): readonly OfKind<K>[] =>
  values.filter((v): v is OfKind<K> => v.kind === kind);

const elementCodes: Readonly<Record<OnnxValue["kind"], number>> = {
  tensor: TENSOR,
  sparse_tensor: SPARSE_TENSOR,
  sequence: SEQUENCE,
  map: MAP,
  optional: OPTIONAL,
};

/** The elements of a sequence are of one kind. */
const rawSequence = (name: string, elements: readonly OnnxValue[]): Raw<"SequenceProto"> => ({
  name: name || undefined,
  elemType: elements.length === 0 ? undefined : elementCodes[elements[0]!.kind],
  tensorValues: ofKind(elements, "tensor").map((v) => rawTensor(v.tensor)),
  sparseTensorValues: ofKind(elements, "sparse_tensor").map((v) => rawSparseTensor(v.tensor)),
  sequenceValues: ofKind(elements, "sequence").map((v) => rawSequence(v.name, v.elements)),
  mapValues: ofKind(elements, "map").map(rawMap),
  optionalValues: ofKind(elements, "optional").map(rawOptional),
});

function rawOptional({ name, value }: OfKind<"optional">): Raw<"OptionalProto"> {
  const base: Raw<"OptionalProto"> = { name: name || undefined, elemType: value && elementCodes[value.kind] };
  switch (value?.kind) {
    case undefined:
      return base;
    case "tensor":
      return { ...base, tensorValue: rawTensor(value.tensor) };
    case "sparse_tensor":
      return { ...base, sparseTensorValue: rawSparseTensor(value.tensor) };
    case "sequence":
      return { ...base, sequenceValue: rawSequence(value.name, value.elements) };
    case "map":
      return { ...base, mapValue: rawMap(value) };
    case "optional":
      return { ...base, optionalValue: rawOptional(value) };
  }
}

const rawMap = ({ name, key, keys, values }: OfKind<"map">): Raw<"MapProto"> => ({
  name: name || undefined,
  keyType: elementInfo(key).code,
  keys: key === "string" ? undefined : bytesOf(BigInt64Array.from(keys, BigInt)),
  stringKeys: key === "string" ? keys.map(String) : undefined,
  values: rawSequence("", values),
});
