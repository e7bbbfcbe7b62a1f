/** @file Tensors ↔ NDArrays: packed bytes of a file ↔ one element of a typed array each. */
import { invariant } from "../support/diagnostic.ts";
import { allocate, type Buffer, type DType, NDArray, storageOf } from "../support/ndarray.ts";
import { byteLength, type ElementType, elementCount, elementInfo } from "./dtypes.ts";
import { noMetadata, type Tensor } from "./model.ts";
import { bytesOf } from "./tensor.ts";
import type { TensorData } from "./weights.ts";

/** Complex numbers, strings and the 6-bit floats have no NDArray. */
const dtypes: Readonly<Partial<Record<ElementType, DType>>> = {
  float64: "f64",
  float32: "f32",
  float16: "f16",
  bfloat16: "bf16",
  float8e4m3fn: "f8E4M3FN",
  float8e4m3fnuz: "f8E4M3FNUZ",
  float8e5m2: "f8E5M2",
  float8e5m2fnuz: "f8E5M2FNUZ",
  float8e8m0: "f8E8M0FNU",
  float4e2m1: "f4E2M1FN",
  bool: "i1",
  int2: "i2",
  uint2: "u2",
  int4: "i4",
  uint4: "u4",
  int8: "i8",
  uint8: "u8",
  int16: "i16",
  uint16: "u16",
  int32: "i32",
  uint32: "u32",
  int64: "i64",
  uint64: "u64",
};

const elementTypesByDType = new Map<DType, ElementType>(
  Object.entries(dtypes).map(([element, dtype]) => [dtype, element as ElementType]),
);

export const dtypeOf = (type: ElementType): DType | undefined => dtypes[type];

/** The ONNX type of an NDArray's elements; `index` has none. */
export const elementTypeOfDType = (dtype: DType): ElementType | undefined => elementTypesByDType.get(dtype);

/**
 * The elements as an array: in place where the bytes are aligned and at least 8 bits wide, else copied.
 *
 * @returns undefined for types that NDArray does not have
 */
export function toNDArray(data: TensorData): NDArray | undefined {
  const dtype = dtypes[data.type];
  if (dtype === undefined || data.type === "string") return undefined;
  const count = elementCount(data.dims);
  invariant(count !== undefined && data.bytes.length === byteLength(data.type, count), "bytes fit the dimensions");
  const { bits } = elementInfo(data.type);
  const signed = dtype === "i2" || dtype === "i4";
  const elements = bits < 8 ? unpack(data.bytes, bits, signed, allocate(dtype, count)) : storageOf(dtype, data.bytes);
  return new NDArray(dtype, data.dims, elements);
}

/** A tensor that holds a copy of the array's elements, or the elements themselves where they are contiguous already. */
export function fromNDArray(name: string, array: NDArray): Tensor {
  const type = elementTypesByDType.get(array.dtype);
  invariant(type !== undefined, `ONNX has no element type for ${array.dtype}`);
  const { data, shape } = array.contiguous();
  const { bits } = elementInfo(type);
  const bytes = bits < 8 ? pack(data, bits) : bytesOf(data);
  return { name, type, dims: shape, payload: { kind: "bytes", bytes }, docString: "", metadata: noMetadata };
}

/** Elements narrower than a byte, the first in the lowest bits → one element each. */
function unpack(bytes: Uint8Array, bits: number, signed: boolean, out: Buffer): Buffer {
  const mask = (1 << bits) - 1;
  const spare = 32 - bits;
  for (let i = 0; i < out.length; i++) {
    const code = (bytes[(i * bits) >> 3]! >> ((i * bits) & 7)) & mask;
    out[i] = signed ? (code << spare) >> spare : code;
  }
  return out;
}

function pack(elements: Buffer, bits: number): Uint8Array {
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(Math.ceil((elements.length * bits) / 8));
  for (let i = 0; i < elements.length; i++) {
    out[(i * bits) >> 3]! |= (Number(elements[i]!) & mask) << ((i * bits) & 7);
  }
  return out;
}
