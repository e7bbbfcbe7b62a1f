/**
 * @file The element types of ONNX tensors: their numbers in the file, their sizes, and the typed field that may hold
 * them.
 */

/** Names as ONNX's documentation and ml_dtypes write them. */
export type ElementType = (typeof rows)[number]["name"];

/** The repeated field of a TensorProto that holds elements of a type where `raw_data` is not used. */
export type TypedField = "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data" | "stringData";

export interface ElementTypeInfo {
  /** TensorProto.DataType. */
  readonly code: number;
  readonly name: string;
  /** Bits of one element in packed data: 128 for complex128, 4 for int4. Strings have none: 0. */
  readonly bits: number;
  readonly field: TypedField;
}

const row = <const N extends string>(code: number, name: N, bits: number, field: TypedField) => ({
  code,
  name,
  bits,
  field,
});

const rows = [
  row(1, "float32", 32, "floatData"),
  row(2, "uint8", 8, "int32Data"),
  row(3, "int8", 8, "int32Data"),
  row(4, "uint16", 16, "int32Data"),
  row(5, "int16", 16, "int32Data"),
  row(6, "int32", 32, "int32Data"),
  row(7, "int64", 64, "int64Data"),
  row(8, "string", 0, "stringData"),
  row(9, "bool", 8, "int32Data"),
  row(10, "float16", 16, "int32Data"),
  row(11, "float64", 64, "doubleData"),
  row(12, "uint32", 32, "uint64Data"),
  row(13, "uint64", 64, "uint64Data"),
  row(14, "complex64", 64, "floatData"),
  row(15, "complex128", 128, "doubleData"),
  row(16, "bfloat16", 16, "int32Data"),
  row(17, "float8e4m3fn", 8, "int32Data"),
  row(18, "float8e4m3fnuz", 8, "int32Data"),
  row(19, "float8e5m2", 8, "int32Data"),
  row(20, "float8e5m2fnuz", 8, "int32Data"),
  row(21, "uint4", 4, "int32Data"),
  row(22, "int4", 4, "int32Data"),
  row(23, "float4e2m1", 4, "int32Data"),
  row(24, "float8e8m0", 8, "int32Data"),
  row(25, "uint2", 2, "int32Data"),
  row(26, "int2", 2, "int32Data"),
  row(27, "float6e2m3", 6, "int32Data"),
  row(28, "float6e3m2", 6, "int32Data"),
] as const;

export const elementTypes: readonly ElementTypeInfo[] = rows;

const byCode = new Map<number, (typeof rows)[number]>(rows.map((r) => [r.code, r]));
const byName = new Map<string, ElementTypeInfo>(rows.map((r) => [r.name, r]));

/** The element type with a number of TensorProto.DataType; undefined for 0 and for numbers we do not know. */
export const elementTypeOf = (code: number): ElementType | undefined => byCode.get(code)?.name;

export const elementInfo = (type: ElementType): ElementTypeInfo => byName.get(type)!;

/**
 * How many elements `dims` holds, 1 for a scalar. Undefined where that is not a safe integer (a dimension is negative
 * or no integer, or the product is beyond 2^53).
 */
export function elementCount(dims: readonly number[]): number | undefined {
  let count = 1;
  for (const d of dims) {
    if (!Number.isSafeInteger(d) || d < 0) return undefined;
    count *= d;
  }
  return Number.isSafeInteger(count) ? count : undefined;
}

/**
 * Bytes of the packed data: elements narrower than a byte share bytes, the first in the lowest bits; the last byte is
 * padded with zeros.
 */
export const byteLength = (type: ElementType, count: number): number => Math.ceil((count * elementInfo(type).bits) / 8);
