/** @file TensorProto ↔ Tensor: all ways in which ONNX stores elements become one, packed little-endian bytes. */
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { byteLength, type ElementType, elementCount, elementInfo, elementTypeOf, type TypedField } from "./dtypes.ts";
import type { ExternalReference, Metadata, Payload, SparseTensor, Tensor } from "./model.ts";
import { noMetadata } from "./model.ts";
import type { Raw } from "./schema.ts";

type RawTensor = Raw<"TensorProto">;

const typedFields: readonly TypedField[] = [
  "floatData",
  "doubleData",
  "int32Data",
  "int64Data",
  "uint64Data",
  "stringData",
];

/**
 * Checks a tensor and brings its elements into one form. Elements in `raw_data`, `float_data` and `double_data` stay
 * views of the file; those that the file holds as varints are decoded into bytes of their own.
 *
 * @returns undefined after reporting `onnx/tensor` or `onnx/external-data`
 */
export function readTensor(raw: RawTensor, at: Location, diagnostics: Diagnostics): Tensor | undefined {
  const bad = (message: string): undefined => {
    diagnostics.error("onnx/tensor", at, message);
  };
  const type = elementTypeOf(raw.dataType ?? 0);
  if (type === undefined) return bad(`element type number ${raw.dataType ?? 0} is not known`);
  if (raw.segment) return bad("the tensor is stored in segments, which is not supported");
  const dims = readDims(raw.dims, at, diagnostics);
  if (dims === undefined) return undefined;
  const count = elementCount(dims);
  if (count === undefined) return bad(`dimensions ${shapeText(dims)} ask for more elements than can be counted`);
  const payload =
    raw.dataLocation === 1
      ? readExternalReference(raw, type, at, diagnostics)
      : readPayload(raw, type, count, dims, bad);
  if (payload === undefined) return undefined;
  const metadata = readMetadata(raw.metadataProps);
  return { name: raw.name ?? "", type, dims, payload, docString: raw.docString ?? "", metadata };
}

function readPayload(
  raw: RawTensor,
  type: ElementType,
  count: number,
  dims: readonly number[],
  bad: (message: string) => undefined,
): Payload | undefined {
  const { field } = elementInfo(type);
  const filled = typedFields.filter((f) => (raw[f]?.length ?? 0) > 0);
  const rawBytes = raw.rawData !== undefined && raw.rawData.length > 0 ? raw.rawData : undefined;
  if (rawBytes !== undefined && filled.length > 0)
    return bad(`elements are given twice, in rawData and in ${filled[0]}`);
  const wrong = filled.find((f) => f !== field);
  if (wrong !== undefined)
    return bad(`elements of type ${type} belong into rawData or ${field}, but stand in ${wrong}`);
  const shape = shapeText(dims);
  if (field === "stringData") {
    if (rawBytes !== undefined) return bad("strings belong into stringData, but stand in rawData");
    const strings = raw.stringData ?? [];
    if (strings.length !== count) return bad(`${shape} of strings needs ${count}, but ${strings.length} are given`);
    return { kind: "strings", strings };
  }
  const bytes = rawBytes ?? packColumn(type, raw[field] ?? new Uint8Array(0));
  const needed = byteLength(type, count);
  if (bytes.length !== needed) {
    return bad(`${shape} of ${type} needs ${needed} bytes, but ${bytes.length} are given`);
  }
  return { kind: "bytes", bytes };
}

/** For messages, which must stay short whatever a file holds. */
const shapeText = (dims: readonly number[]): string =>
  dims.length === 0
    ? "a scalar"
    : dims.slice(0, 8).join("x") + (dims.length > 8 ? `x… (${dims.length} dimensions)` : "");

/** Sizes as numbers; undefined after reporting one that is negative or beyond 2^53. */
export function readDims(
  column: Uint8Array | undefined,
  at: Location,
  diagnostics: Diagnostics,
): readonly number[] | undefined {
  if (column === undefined) return [];
  const dims = int64s(column);
  for (const d of dims) {
    if (d < 0n || d > BigInt(Number.MAX_SAFE_INTEGER)) {
      diagnostics.error("onnx/tensor", at, `a dimension of ${d}`);
      return undefined;
    }
  }
  return Array.from(dims, Number);
}

export function readSparseTensor(
  raw: Raw<"SparseTensorProto">,
  at: Location,
  diagnostics: Diagnostics,
): SparseTensor | undefined {
  if (raw.values === undefined || raw.indices === undefined) {
    diagnostics.error("onnx/tensor", at, "a sparse tensor needs values and indices");
    return undefined;
  }
  const values = readTensor(raw.values, at, diagnostics);
  const indices = readTensor(raw.indices, at, diagnostics);
  const dims = readDims(raw.dims, at, diagnostics);
  if (values === undefined || indices === undefined || dims === undefined) return undefined;
  if (indices.type !== "int64" || values.dims.length !== 1 || indices.dims[0] !== values.dims[0]) {
    diagnostics.error("onnx/tensor", at, "the indices of a sparse tensor are int64, one or one row per value");
    return undefined;
  }
  return { values, indices, dims };
}

/**
 * Elements as their typed field holds them → packed bytes. Integers wrap to their width, as numpy's casts do (exporters
 * write int8 -1 as -1 and as 255).
 *
 * @param column little-endian elements of the field's own type: int32 for `int32Data`, and so on
 */
export function packColumn(type: ElementType, column: Uint8Array): Uint8Array {
  const { bits, field } = elementInfo(type);
  if (field === "uint64Data") return bits === 64 ? column : narrow(column, 8, 4);
  if (field !== "int32Data" || bits === 32) return column;
  if (type === "bool")
    return narrow(column, 4, 1).map((byte, i) =>
      byte || column[4 * i + 1] || column[4 * i + 2] || column[4 * i + 3] ? 1 : 0,
    );
  if (bits === 16) return narrow(column, 4, 2);
  // One element per int32 for 8 bits; four of 2 bits or two of 4 bits are packed into a byte already.
  const bytes = narrow(column, 4, 1);
  return bits === 6 ? pack6(bytes) : bytes;
}

/** Keeps the low `to` bytes of each group of `from` bytes. */
function narrow(column: Uint8Array, from: number, to: number): Uint8Array {
  const count = column.length / from;
  const out = new Uint8Array(count * to);
  for (let i = 0; i < count; i++) for (let b = 0; b < to; b++) out[i * to + b] = column[i * from + b]!;
  return out;
}

/** Codes of 6 bits, one per byte → four in three bytes, the first in the lowest bits. */
function pack6(codes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil((codes.length * 6) / 8));
  for (let i = 0; i < codes.length; i++) {
    const bit = i * 6;
    const shifted = (codes[i]! & 63) << (bit & 7);
    out[bit >> 3]! |= shifted;
    if (shifted > 255) out[(bit >> 3) + 1]! |= shifted >> 8;
  }
  return out;
}

function readExternalReference(
  raw: RawTensor,
  type: ElementType,
  at: Location,
  diagnostics: Diagnostics,
): Payload | undefined {
  const bad = (message: string): undefined => {
    diagnostics.error("onnx/external-data", at, message);
  };
  if (type === "string") return bad("strings cannot be kept in an external file");
  const entries = readMetadata(raw.externalData);
  const location = entries.get("location");
  if (location === undefined) return bad("the tensor is kept in an external file, but its location is not given");
  const numbers = { offset: entries.get("offset"), length: entries.get("length") };
  for (const [key, text] of Object.entries(numbers)) {
    if (text !== undefined && !(/^\d+$/.test(text) && Number.isSafeInteger(Number(text)))) {
      return bad(`${key} "${text}" is not a number of bytes`);
    }
  }
  const reference: ExternalReference = {
    location,
    offset: Number(numbers.offset ?? 0),
    length: numbers.length === undefined ? undefined : Number(numbers.length),
    checksum: entries.get("checksum"),
  };
  return { kind: "external", reference };
}

export function readMetadata(entries: readonly Raw<"StringStringEntryProto">[] | undefined): Metadata {
  if (entries === undefined) return noMetadata;
  return new Map(entries.map((e) => [e.key ?? "", e.value ?? ""]));
}

/** A column as a typed array: in place where it is aligned, else copied (columns of attributes and dims are small). */
export function int64s(column: Uint8Array): BigInt64Array {
  const aligned = column.byteOffset % 8 === 0 ? column : column.slice();
  return new BigInt64Array(aligned.buffer, aligned.byteOffset, aligned.length / 8);
}

export function float32s(column: Uint8Array): Float32Array {
  const aligned = column.byteOffset % 4 === 0 ? column : column.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

/** A tensor as it is written: always in `raw_data`, but strings and what stays external. */
export function rawTensor(tensor: Tensor): RawTensor {
  const { payload } = tensor;
  const base: RawTensor = {
    dims: bytesOf(BigInt64Array.from(tensor.dims, BigInt)),
    dataType: elementInfo(tensor.type).code,
    name: tensor.name || undefined,
    docString: tensor.docString || undefined,
    metadataProps: rawMetadata(tensor.metadata),
  };
  switch (payload.kind) {
    case "bytes":
      return { ...base, rawData: payload.bytes };
    case "strings":
      return { ...base, stringData: payload.strings };
    case "external": {
      const { location, offset, length, checksum } = payload.reference;
      const externalData = [{ key: "location", value: location }];
      if (offset !== 0) externalData.push({ key: "offset", value: String(offset) });
      if (length !== undefined) externalData.push({ key: "length", value: String(length) });
      if (checksum !== undefined) externalData.push({ key: "checksum", value: checksum });
      return { ...base, externalData, dataLocation: 1 };
    }
  }
}

export const rawSparseTensor = (sparse: SparseTensor): Raw<"SparseTensorProto"> => ({
  values: rawTensor(sparse.values),
  indices: rawTensor(sparse.indices),
  dims: bytesOf(BigInt64Array.from(sparse.dims, BigInt)),
});

export const rawMetadata = (metadata: Metadata): readonly Raw<"StringStringEntryProto">[] =>
  Array.from(metadata, ([key, value]) => ({ key, value }));

/** The bytes under a typed array, without copying. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
