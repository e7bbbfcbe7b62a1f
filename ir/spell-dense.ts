/** @file The text of dense constants: nested lists, one value for all, or the bytes in hexadecimal. */
import { floatBitsText, floatText } from "./spell-float.ts";
import {
  type AttributeOf,
  type DenseArrayAttribute,
  elementCount,
  type FloatType,
  isShaped,
  type Type,
} from "./types.ts";

/** MLIR prints constants with more elements than this in hexadecimal. */
const HEX_ABOVE = 100;

/** Bytes that one element takes in `bytes` of a dense constant. */
export function denseElementBytes(element: Type): number {
  switch (element.kind) {
    case "integer":
    case "float":
      return Math.ceil(element.width / 8);
    case "complex":
      return 2 * denseElementBytes(element.element);
    default:
      return 8;
  }
}

type SpellAt = (bytes: DataView, at: number) => string;

/** How an element that starts at a byte is written. */
function elementSpeller(element: Type): SpellAt {
  const size = denseElementBytes(element);
  switch (element.kind) {
    case "float":
      if (element.name === "f32") return (bytes, at) => f32Text(bytes, at, element);
      return (bytes, at) => floatBitsText(unsignedAt(bytes, at, size), element);
    case "complex": {
      const part = elementSpeller(element.element);
      return (bytes, at) => `(${part(bytes, at)},${part(bytes, at + size / 2)})`;
    }
    case "integer": {
      const { width } = element;
      if (width === 1) return (bytes, at) => (bytes.getUint8(at) & 1 ? "true" : "false");
      if (element.signedness === "unsigned") {
        return (bytes, at) => String(BigInt.asUintN(width, unsignedAt(bytes, at, size)));
      }
      if (width === 32) return (bytes, at) => String(bytes.getInt32(at, true));
      return (bytes, at) => String(BigInt.asIntN(width, unsignedAt(bytes, at, size)));
    }
    default:
      return (bytes, at) => String(bytes.getBigInt64(at, true));
  }
}

function f32Text(bytes: DataView, at: number, type: FloatType): string {
  const value = bytes.getFloat32(at, true);
  return Number.isNaN(value) ? floatBitsText(BigInt(bytes.getUint32(at, true)), type) : floatText(value, type);
}

/** A little-endian integer of up to any number of bytes. */
function unsignedAt(bytes: DataView, at: number, size: number): bigint {
  if (size <= 4) {
    let n = 0;
    for (let i = size - 1; i >= 0; i--) n = n * 256 + bytes.getUint8(at + i);
    return BigInt(n);
  }
  let n = 0n;
  for (let i = size - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes.getUint8(at + i));
  return n;
}

/** All elements have the same bytes. */
function isUniform(bytes: Uint8Array, size: number): boolean {
  for (let i = size; i < bytes.length; i++) if (bytes[i] !== bytes[i - size]) return false;
  return bytes.length > 0;
}

/** The inside of `dense<…>`. `quoted` spells string elements. */
export function denseText(a: AttributeOf<"dense">, quoted: (text: string) => string): string {
  const shape = isShaped(a.type) ? a.type.shape : [];
  const element = isShaped(a.type) ? a.type.element : a.type;
  if (a.strings) {
    const { strings } = a;
    if (strings.length > 0 && strings.every((s) => s === strings[0])) return quoted(strings[0]!);
    return nested(shape, (i) => quoted(strings[i] ?? ""));
  }
  const size = denseElementBytes(element);
  const spellAt = elementSpeller(element);
  const view = new DataView(a.bytes.buffer, a.bytes.byteOffset, a.bytes.byteLength);
  if (a.splat || isUniform(a.bytes, size)) return spellAt(view, 0);
  if (elementCount(shape) > HEX_ABOVE) {
    return `"${hexOf(element.kind === "integer" && element.width === 1 ? packBits(a.bytes) : a.bytes)}"`;
  }
  return nested(shape, (i) => spellAt(view, i * size));
}

/** The values after `array<type: `. */
export function denseArrayText(a: DenseArrayAttribute): string {
  const { element, values } = a;
  if (element.kind === "float") {
    return values.map((v) => (typeof v === "bigint" ? floatBitsText(v, element) : floatText(v, element))).join(", ");
  }
  if (element.kind === "integer" && element.width === 1) return values.map((v) => (v ? "true" : "false")).join(", ");
  return values.join(", ");
}

/** `[[a, b], [c, d]]` for elements in row-major order; nothing for a shape without elements. */
function nested(shape: readonly number[], elementText: (index: number) => string): string {
  if (elementCount(shape) === 0) return "";
  let next = 0;
  const list = (dimension: number): string => {
    if (dimension === shape.length) return elementText(next++);
    const parts: string[] = [];
    for (let i = 0; i < shape[dimension]!; i++) parts.push(list(dimension + 1));
    return `[${parts.join(", ")}]`;
  };
  return list(0);
}

/** Booleans, one per byte, as MLIR keeps them: eight per byte, lowest bit first. */
function packBits(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(bytes.length / 8));
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! & 1) packed[i >> 3] = packed[i >> 3]! | (1 << (i & 7));
  return packed;
}

const HEX_DIGITS = new TextEncoder().encode("0123456789ABCDEF");
const ascii = new TextDecoder();

/** `0x` and two upper-case digits per byte. */
export function hexOf(bytes: Uint8Array): string {
  const text = new Uint8Array(2 + 2 * bytes.length);
  text[0] = 0x30;
  text[1] = 0x78;
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i]!;
    text[2 + 2 * i] = HEX_DIGITS[b >> 4]!;
    text[3 + 2 * i] = HEX_DIGITS[b & 15]!;
  }
  return ascii.decode(text);
}
