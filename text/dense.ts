/** @file The constants `dense<…>`: from the elements of a literal to packed little-endian bytes. */
import { attributeText, typeText } from "../ir/spell.ts";
import {
  type Attribute,
  elementCount,
  hasStaticShape,
  i64,
  isShaped,
  type ShapedType,
  type Type,
  tensor,
} from "../ir/types.ts";
import { encodeFloat, isFloatKind } from "../support/float.ts";
import { floatFromBits, integerValue, integerWidth, isBool } from "./literals.ts";

/** What an element of the literal is. */
export type ElementKind = "integer" | "float" | "bool" | "string" | "complex";

/** A literal as it was read, before its type is known. */
export interface DenseLiteral {
  /** The text between `dense<` and `>`. */
  readonly text: string;
  /** The nesting of the lists; undefined for a single element or for no element at all. */
  readonly shape: readonly number[] | undefined;
  /** The literal is one string: hexadecimal bytes, or a string that all elements are. */
  readonly raw: string | undefined;
  /** The elements: text, kind, sign and offset of each. */
  readonly images: readonly string[];
  readonly kinds: readonly ElementKind[];
  readonly negatives: readonly boolean[];
  readonly offsets: readonly number[];
}

export type DenseFault = (message: string, at?: number) => never;

/** Bytes of an element in a packed constant; 0 for types whose elements are not packed (strings, complex, odd floats). */
export function packedBytes(element: Type): number {
  if (element.kind === "float") return isFloatKind(element.name) ? Math.ceil(element.width / 8) : 0;
  const width = integerWidth(element);
  return element.kind === "index" || element.kind === "integer" ? Math.max(1, Math.ceil(width / 8)) : 0;
}

/** The attribute that a literal is in a type. `fail` reports a fault, at an offset or at the end of the attribute. */
export function denseAttribute(literal: DenseLiteral, type: Type, fail: DenseFault): Attribute {
  if (!isShaped(type)) fail("elements literal must be a shaped type");
  if (!hasStaticShape(type)) fail("elements literal type must have static shape");
  const { element } = type;
  const count = elementCount(type.shape);
  const size = packedBytes(element);
  if (literal.raw !== undefined) {
    if (size > 0) return fromHex(literal.raw, type, size, count, fail);
    return element.kind === "opaque"
      ? { kind: "dense", type, splat: true, bytes: noBytes, strings: [literal.raw] }
      : opaque(literal, type);
  }
  const { shape, images, kinds } = literal;
  if (shape && (shape.length !== type.shape.length || shape.some((d, i) => d !== type.shape[i]))) {
    const wanted = type.shape.join(", ");
    fail(`inferred shape of elements literal ([${shape.join(", ")}]) does not match type ([${wanted}])`, -1);
  }
  if (images.length === 0) {
    if (count !== 0) fail(`parsed zero elements, but type ('${typeText(type)}') expected at least 1`, -1);
    return { kind: "dense", type, splat: false, bytes: noBytes };
  }
  if (kinds[0] === "string") {
    if (element.kind !== "opaque") fail("expected string-like element type");
    return { kind: "dense", type, splat: !shape, bytes: noBytes, strings: images };
  }
  if (size === 0) return opaque(literal, type);
  const bytes = new Uint8Array(images.length * size);
  if (element.kind === "float") packFloats(literal, element, size, bytes, fail);
  else packLiterals(literal, element, size, bytes, fail);
  return packed(type, bytes, size);
}

/**
 * A sparse constant: a row of indices for each value that is not zero. It is kept as text, its parts spelt as dense
 * constants are. `parts` is undefined for `sparse<>`.
 */
export function sparseAttribute(
  parts: { readonly indices: DenseLiteral; readonly values: DenseLiteral } | undefined,
  type: Type,
  fail: DenseFault,
): Attribute {
  if (!isShaped(type)) fail("elements literal must be a shaped type");
  if (!hasStaticShape(type)) fail("elements literal type must have static shape");
  if (!parts) return { kind: "opaque", text: "sparse<>", type };
  const { indices, values } = parts;
  const rank = type.shape.length;
  // A single index, or a single value, stands for all.
  const rows = indices.shape ? (indices.shape[0] ?? 0) : 1;
  const count = values.shape && indices.shape === undefined ? (values.shape[0] ?? 0) : rows;
  if (values.shape && values.shape.length !== 1) fail("expected 1-d tensor for sparse element values");
  const places = denseAttribute(indices, tensor(indices.shape ?? [1, rank], i64), fail);
  const elements = denseAttribute(values, tensor(values.shape ?? [count], type.element), fail);
  if (places.kind === "dense") checkPlaces(places, rows, type, fail);
  return { kind: "opaque", text: `sparse<${bare(places)}, ${bare(elements)}>`, type };
}

/** The inside of `dense<…>`. */
const bare = (a: Attribute): string => {
  const text = attributeText(a);
  return text.slice("dense<".length, text.lastIndexOf("> : "));
};

function checkPlaces(
  places: Extract<Attribute, { kind: "dense" }>,
  rows: number,
  type: ShapedType,
  fail: DenseFault,
): void {
  const view = new DataView(places.bytes.buffer, places.bytes.byteOffset);
  const rank = type.shape.length;
  for (let row = 0; row < rows; row++) {
    const at = type.shape.map((_, d) => Number(view.getBigInt64(places.splat ? 0 : (row * rank + d) * 8, true)));
    if (at.every((x, d) => x >= 0 && x < type.shape[d]!)) continue;
    fail(
      `sparse index #${row} is not contained within the value shape, with index=[${at.join(", ")}], ` +
        `and type='${typeText(type)}'`,
    );
  }
}

const noBytes = new Uint8Array(0);

const opaque = (literal: DenseLiteral, type: Type): Attribute => ({
  kind: "opaque",
  text: `dense<${literal.text}>`,
  type,
});

/** A constant with all elements equal keeps one. */
function packed(type: ShapedType, bytes: Uint8Array, size: number): Attribute {
  let splat = true;
  for (let i = size; splat && i < bytes.length; i++) splat = bytes[i] === bytes[i - size];
  return { kind: "dense", type, splat, bytes: splat ? bytes.slice(0, size) : bytes };
}

function packLiterals(literal: DenseLiteral, element: Type, size: number, into: Uint8Array, fail: DenseFault): void {
  const { images, kinds, negatives, offsets } = literal;
  const unsigned = element.kind === "integer" && element.signedness === "unsigned";
  const width = integerWidth(element);
  const digits = width >= 32 ? 9 : width >= 8 ? 2 : 0;
  for (let i = 0; i < images.length; i++) {
    const image = images[i]!;
    const kind = kinds[i]!;
    const at = offsets[i]!;
    if (kind === "bool") {
      if (!isBool(element)) fail("expected i1 type for 'true' or 'false' values", at);
      into[i] = image === "true" ? 1 : 0;
      continue;
    }
    if (kind === "complex") fail("expected complex element type", at);
    if (kind === "float") fail("expected integer elements, but parsed floating-point", at);
    const negative = negatives[i]!;
    if (negative && unsigned) fail("expected unsigned integer elements, but parsed negative value", at);
    // Short numbers fit without a check; `-0` is a fault that is left to it.
    const small = image.length <= digits && image.charCodeAt(1) !== 0x78 ? Number(image) : 0;
    if (small !== 0) {
      putSmall(into, i * size, size, negative ? -small : small);
      continue;
    }
    const value = integerValue(image, negative, element);
    if (value === undefined) fail("integer constant out of range for type", at);
    if (isBool(element)) into[i] = value === 0n ? 0 : 1;
    else put(into, i * size, size, value);
  }
}

function putSmall(into: Uint8Array, at: number, size: number, value: number): void {
  for (let b = 0; b < size; b++) into[at + b] = b < 4 ? value >> (8 * b) : value < 0 ? 0xff : 0;
}

function put(into: Uint8Array, at: number, size: number, value: bigint): void {
  let rest = value;
  for (let b = 0; b < size; b++) {
    into[at + b] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

function packFloats(
  literal: DenseLiteral,
  element: Extract<Type, { kind: "float" }>,
  size: number,
  into: Uint8Array,
  fail: DenseFault,
): void {
  const { images, kinds, negatives, offsets } = literal;
  const view = new DataView(into.buffer);
  const { name } = element;
  for (let i = 0; i < images.length; i++) {
    const image = images[i]!;
    const kind = kinds[i]!;
    const at = offsets[i]!;
    const negative = negatives[i]!;
    if (kind === "complex") fail("expected complex element type", at);
    if (kind === "bool") fail("expected floating-point elements, but parsed integer");
    if (kind === "integer") {
      // Only the bits of a float may be written without a point.
      if (!image.startsWith("0x")) fail("expected floating-point elements, but parsed integer");
      if (negative) fail("hexadecimal float literal should not have a leading minus", at);
      if (floatFromBits(image, element) === undefined) {
        fail("hexadecimal float constant out of range for type", at);
      }
      put(into, i * size, size, BigInt(image));
      continue;
    }
    const magnitude = Number(image);
    const value = negative ? -magnitude : magnitude;
    if (name === "f32") view.setFloat32(i * 4, value, true);
    else if (name === "f64") view.setFloat64(i * 8, value, true);
    else if (isFloatKind(name)) {
      const bits = encodeFloat(name as Parameters<typeof encodeFloat>[0], value);
      into[i * size] = bits & 0xff;
      if (size > 1) into[i * size + 1] = bits >> 8;
    }
  }
}

function fromHex(raw: string, type: ShapedType, size: number, count: number, fail: DenseFault): Attribute {
  const bytes = hexBytes(raw);
  if (!bytes) fail("elements hex string only allowed for integer or floating-point elements, in pairs of digits", -1);
  const invalid = `elements hex data size is invalid for provided type: '${typeText(type)}'`;
  if (isBool(type.element)) {
    // Single bits are packed eight to a byte; a splat is a whole byte.
    if (bytes.length === 1 && (bytes[0] === 0xff || bytes[0] === 0) && count !== 8) {
      return { kind: "dense", type, splat: true, bytes: Uint8Array.of(bytes[0]! & 1) };
    }
    if (bytes.length !== Math.ceil(count / 8)) fail(invalid, -1);
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = (bytes[i >> 3]! >> (i & 7)) & 1;
    return packed(type, out, 1);
  }
  if (bytes.length === size) return { kind: "dense", type, splat: true, bytes };
  if (bytes.length !== count * size) fail(invalid, -1);
  return packed(type, bytes, size);
}

/** The bytes of `0x…` with two digits each; undefined if it is not that. */
export function hexBytes(text: string): Uint8Array | undefined {
  if (!text.startsWith("0x") || text.length % 2 !== 0) return undefined;
  const out = new Uint8Array(text.length / 2 - 1);
  for (let i = 0; i < out.length; i++) {
    const high = nibble(text.charCodeAt(2 * i + 2));
    const low = nibble(text.charCodeAt(2 * i + 3));
    if (high < 0 || low < 0) return undefined;
    out[i] = (high << 4) | low;
  }
  return out;
}

const nibble = (c: number): number =>
  c >= 0x30 && c <= 0x39 ? c - 0x30 : (c | 32) >= 0x61 && (c | 32) <= 0x66 ? (c | 32) - 0x57 : -1;

/** A dense constant of integers. */
export function packIntegers(values: readonly bigint[], type: ShapedType): Attribute {
  const size = packedBytes(type.element);
  const bytes = new Uint8Array(values.length * size);
  for (let i = 0; i < values.length; i++) put(bytes, i * size, size, values[i]!);
  return packed(type, bytes, size);
}
