/**
 * @file The run-time form of types: which NDArray element type stands for which element type, wrapping and rounding of
 * single numbers, and dense constants as arrays and back.
 */

import { isFloatKind, roundTo } from "../support/float.ts";
import { allocate, arrayOver, type DType, isBigDType, isNarrowFloat, NDArray, sizeOf } from "../support/ndarray.ts";
import type { Num } from "./evaluate.ts";
import type { Attribute, AttributeOf, IntegerType, Type } from "./types.ts";
import { boolAttribute, elementOf, floatAttribute, hasStaticShape, i1, integerAttribute, isShaped } from "./types.ts";

/**
 * The element type of arrays that hold values of a scalar type; undefined where there is none (complex, f80, integers
 * above 64 bits). Odd widths are stored in the next wider type and wrapped to their own.
 */
export function dtypeOf(t: Type): DType | undefined {
  switch (t.kind) {
    case "index":
      return "index";
    case "float":
      return isFloatKind(t.name) ? t.name : undefined;
    case "integer": {
      const u = t.signedness === "unsigned";
      if (t.width === 1 && !u) return "i1";
      if (t.width <= 2) return u ? "u2" : "i2";
      if (t.width <= 4) return u ? "u4" : "i4";
      if (t.width <= 8) return u ? "u8" : "i8";
      if (t.width <= 16) return u ? "u16" : "i16";
      if (t.width <= 32) return u ? "u32" : "i32";
      if (t.width <= 64) return u ? "u64" : "i64";
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Bytes that an element takes in memory, or in a dense constant: whole bytes, 8 for index. */
export function byteWidth(t: Type): number {
  return t.kind === "integer" || t.kind === "float" ? Math.ceil(t.width / 8) : 8;
}

/** Integers of this type are bigint at run time. */
export const isBig = (t: Type): boolean => t.kind === "integer" && t.width > 32;

/** An integer modulo the width of its type, in the type's range: two's complement, single bits 0 or 1, unsigned not negative. */
export function wrapInteger(t: IntegerType, value: Num): Num {
  const unsigned = t.signedness === "unsigned" || t.width === 1;
  if (t.width > 32) {
    return unsigned ? BigInt.asUintN(t.width, BigInt(value)) : BigInt.asIntN(t.width, BigInt(value));
  }
  // Numbers beyond 2^53 have lost their low bits already; products of 32-bit integers are given as bigint.
  let n = typeof value === "bigint" ? Number(BigInt.asIntN(t.width, value)) : value;
  if (t.width === 32) n = n | 0;
  else {
    const m = 2 ** t.width;
    n = ((n % m) + m) % m;
    if (!unsigned && n >= m / 2) n -= m;
    return n;
  }
  return unsigned ? n >>> 0 : n;
}

/** A number as a value of the scalar type: integers wrapped, floats rounded to nearest even. */
export function toType(t: Type, value: Num): Num {
  switch (t.kind) {
    case "integer":
      return wrapInteger(t, value);
    case "float":
      return t.name === "f32"
        ? Math.fround(Number(value))
        : isFloatKind(t.name)
          ? roundTo(t.name, Number(value))
          : Number(value);
    default:
      // Index has 64 bits and no negative zero.
      return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : value + 0;
  }
}

/** Zero of a scalar type. */
export const zeroOf = (t: Type): Num => (isBig(t) ? 0n : 0);

/** An integer without its sign: the number that its bits say in the width of its type. */
export function unsignedOf(t: Type, value: Num): Num {
  if (typeof value === "bigint") return BigInt.asUintN(t.kind === "integer" ? t.width : 64, value);
  if (value >= 0) return value;
  return t.kind === "integer" ? value + 2 ** t.width : value;
}

/** Elements of a dense constant as an array of the constant's shape; undefined where the element type has no such form. */
export function arrayOfDense(a: AttributeOf<"dense">): NDArray | undefined {
  const dtype = dtypeOf(elementOf(a.type));
  if (!dtype || a.strings || !isShaped(a.type)) return undefined;
  return arrayOfBytes(a.type.shape, a.type.element, a.bytes, a.splat);
}

/** The array that a constant is, in whatever layout it comes: `datumOfAttribute` without bringing weights in order. */
export function elementsOfAttribute(a: Attribute): NDArray | undefined {
  const array = (a.kind === "resource" && a.resource?.elements()) || datumOfAttribute(a);
  return array instanceof NDArray ? array : undefined;
}

/** Little-endian packed elements (as in `dense` and resources) as an array; one element if `splat`. */
export function arrayOfBytes(shape: readonly number[], element: Type, bytes: Uint8Array, splat = false): NDArray {
  const dtype = dtypeOf(element)!;
  const width = byteWidth(element);
  const count = splat ? 1 : sizeOf(shape);
  const data = allocate(dtype, splat ? sizeOf(shape) : count);
  const narrowWidth = data.BYTES_PER_ELEMENT === width && dtype !== "index";
  if (narrowWidth) {
    const into = new Uint8Array(data.buffer, data.byteOffset, count * width);
    into.set(bytes.subarray(0, count * width));
    if (dtype === "i1") for (let i = 0; i < count; i++) data[i] = (data[i] ? 1 : 0) as never;
  } else {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) {
      let n = 0n;
      for (let b = width - 1; b >= 0; b--) n = (n << 8n) | BigInt(view.getUint8(i * width + b));
      const signed = dtype.startsWith("u") ? n : BigInt.asIntN(width * 8, n);
      data[i] = (isBigDType(dtype) ? signed : Number(signed)) as never;
    }
  }
  if (splat && count < data.length) (data as Float64Array).fill(data[0] as number);
  return new NDArray(dtype, shape, data);
}

/** An array as a dense constant of a shaped type with static shape; one element if all are the same. */
export function denseOfArray(array: NDArray, type: Type): AttributeOf<"dense"> {
  const a = array.contiguous();
  const element = elementOf(type);
  const width = byteWidth(element);
  let splat = a.size > 0;
  for (let i = 1; i < a.data.length && splat; i++) splat = Object.is(a.data[i], a.data[0]);
  const count = splat ? 1 : a.size;
  if (a.data.BYTES_PER_ELEMENT === width && a.dtype !== "index") {
    const bytes = new Uint8Array(a.data.buffer.slice(a.data.byteOffset, a.data.byteOffset + count * width));
    return { kind: "dense", type, splat, bytes };
  }
  const bytes = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) {
    let n = BigInt(a.data[i]!);
    for (let b = 0; b < width; b++, n >>= 8n) bytes[i * width + b] = Number(n & 255n);
  }
  return { kind: "dense", type, splat, bytes };
}

/** The bits of an element as an unsigned integer of the type's width (index: 64). */
export function bitsOfElement(t: Type, value: Num): bigint {
  const one = elementStore(t);
  if (t.kind === "index") return BigInt.asUintN(64, BigInt(value));
  one.set([], value);
  const raw = one.data;
  if (isNarrowFloat(one.dtype)) return BigInt(raw[0]!);
  const view = new DataView(raw.buffer);
  let bits: bigint;
  switch (raw.BYTES_PER_ELEMENT) {
    case 1:
      bits = BigInt(view.getUint8(0));
      break;
    case 2:
      bits = BigInt(view.getUint16(0, true));
      break;
    case 4:
      bits = BigInt(view.getUint32(0, true));
      break;
    default:
      bits = view.getBigUint64(0, true);
  }
  return BigInt.asUintN(widthOf(t), bits);
}

/** The element that some bits mean in a type: the inverse of `bitsOfElement`. */
export function elementOfBits(t: Type, bits: bigint): Num {
  if (t.kind === "index") return Number(BigInt.asIntN(64, bits));
  if (t.kind === "integer") return wrapInteger(t, bits);
  const one = elementStore(t);
  const view = new DataView(one.data.buffer);
  if (one.data.BYTES_PER_ELEMENT === 1) view.setUint8(0, Number(bits));
  else if (one.data.BYTES_PER_ELEMENT === 2) view.setUint16(0, Number(bits), true);
  else if (one.data.BYTES_PER_ELEMENT === 4) view.setUint32(0, Number(bits), true);
  else view.setBigUint64(0, bits, true);
  return one.get([]);
}

const elementStore = (t: Type): NDArray => NDArray.zeros(dtypeOf(t)!, []);

/** Bits of a scalar type; index counts as 64. */
export const widthOf = (t: Type): number => (t.kind === "integer" || t.kind === "float" ? t.width : 64);

/** As `arrayOfBytes`, but a view of the bytes where their layout allows it: not to be written to. */
function viewOfBytes(shape: readonly number[], element: Type, bytes: Uint8Array): NDArray {
  const dtype = dtypeOf(element)!;
  const natural = allocate(dtype, 0).BYTES_PER_ELEMENT === byteWidth(element) && dtype !== "index" && dtype !== "i1";
  return natural ? arrayOver(dtype, shape, bytes) : arrayOfBytes(shape, element, bytes);
}

/**
 * The run-time form of a constant attribute; undefined where it has none (strings, opaque text, types without a run-time
 * form). Arrays may be views of the constant's bytes and are not to be written to. What has to be decoded is decoded
 * anew each time: keep the answer.
 */
export function datumOfAttribute(a: Attribute): Num | NDArray | undefined {
  switch (a.kind) {
    case "bool":
      return a.value ? 1 : 0;
    case "integer":
      return a.type.kind === "integer" ? wrapInteger(a.type, a.value) : Number(a.value);
    case "float":
      return a.bits === undefined || !dtypeOf(a.type) ? a.value : Number(elementOfBits(a.type, a.bits));
    case "dense":
      if (a.splat || a.strings || !isShaped(a.type) || !dtypeOf(a.type.element)) return arrayOfDense(a);
      return viewOfBytes(a.type.shape, a.type.element, a.bytes);
    case "resource":
      return isShaped(a.type) && a.resource && dtypeOf(a.type.element)
        ? viewOfBytes(a.type.shape, a.type.element, a.resource.bytes())
        : undefined;
    default:
      return undefined;
  }
}

/** A run-time value as a constant attribute of its type: the inverse of `datumOfAttribute`; undefined where there is none. */
export function attributeOfDatum(value: unknown, type: Type): Attribute | undefined {
  if (typeof value === "number" || typeof value === "bigint") {
    if (type === i1) return boolAttribute(Boolean(value));
    // Index is a number at run time: beyond 2^53 it is no longer exact, and not what 64 bits would hold.
    if (type.kind === "index" && !Number.isSafeInteger(Number(value))) return undefined;
    if (type.kind === "integer" || type.kind === "index") return integerAttribute(value, type);
    return type.kind === "float" ? floatAttribute(Number(value), type) : undefined;
  }
  if (!(value instanceof NDArray) || (type.kind !== "tensor" && type.kind !== "vector") || !hasStaticShape(type)) {
    return undefined;
  }
  // A program may claim another shape than its ops compute; then nothing is known.
  const fits = value.rank === type.shape.length && type.shape.every((d, i) => d === value.shape[i]);
  return fits ? denseOfArray(value, type) : undefined;
}
