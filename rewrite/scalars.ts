/** @file Single numbers in attributes: reading the one of a scalar or splat constant, writing one for a type. */
import {
  type Attribute,
  boolAttribute,
  type DenseAttribute,
  elementOf,
  floatAttribute,
  hasStaticShape,
  i1,
  integerAttribute,
  isShaped,
  type Type,
} from "../ir/types.ts";
import { decodeFloat, encodeFloat, isFloatKind, roundTo } from "../support/float.ts";

/** Floats are numbers; integers and index are bigints, signed unless their type is unsigned. */
export type Scalar = number | bigint;

/** An integer in the range of its type: two's complement for signless and signed types, index as 64 bits. */
export function wrapInteger(value: bigint, type: Type): bigint {
  if (type.kind === "index") return BigInt.asIntN(64, value);
  if (type.kind !== "integer") return value;
  return type.signedness === "unsigned" ? BigInt.asUintN(type.width, value) : BigInt.asIntN(type.width, value);
}

/** The number of a scalar attribute or of a splat; undefined for anything else. i1 true is -1, as two's complement has it. */
export function scalarOf(a: Attribute | undefined): Scalar | undefined {
  switch (a?.kind) {
    case "integer":
      return wrapInteger(a.value, a.type);
    case "bool":
      return a.value ? -1n : 0n;
    case "float":
      return a.bits === undefined ? a.value : undefined;
    case "dense":
      return splatOf(a);
    default:
      return undefined;
  }
}

function splatOf(a: DenseAttribute): Scalar | undefined {
  if (!a.splat || a.strings || a.bytes.length === 0) return undefined;
  const element = elementOf(a.type);
  if (element.kind === "float") {
    if (!isFloatKind(element.name)) return undefined;
    const view = new DataView(a.bytes.buffer, a.bytes.byteOffset);
    if (element.name === "f32") return view.getFloat32(0, true);
    if (element.name === "f64") return view.getFloat64(0, true);
    return decodeFloat(element.name, element.width > 8 ? view.getUint16(0, true) : view.getUint8(0));
  }
  if (element.kind !== "integer" && element.kind !== "index") return undefined;
  let v = 0n;
  for (let i = a.bytes.length - 1; i >= 0; i--) v = (v << 8n) | BigInt(a.bytes[i]!);
  return wrapInteger(v, element);
}

/** The attribute of one number for a scalar type, or a splat of it for a statically shaped one. */
export function scalarAttribute(value: Scalar, type: Type): Attribute | undefined {
  if (!isShaped(type)) {
    if (type.kind === "float") {
      return isFloatKind(type.name) ? floatAttribute(roundTo(type.name, Number(value)), type) : undefined;
    }
    if (type === i1) return boolAttribute(BigInt(value) !== 0n);
    if (type.kind !== "integer" && type.kind !== "index") return undefined;
    return integerAttribute(wrapInteger(BigInt(value), type), type);
  }
  if (type.kind === "memref" || !hasStaticShape(type)) return undefined;
  const bytes = elementBytes(value, type.element);
  return bytes && { kind: "dense", type, splat: true, bytes };
}

function elementBytes(value: Scalar, element: Type): Uint8Array | undefined {
  if (element.kind === "float") {
    if (!isFloatKind(element.name)) return undefined;
    const bytes = new Uint8Array(Math.ceil(element.width / 8));
    const view = new DataView(bytes.buffer);
    if (element.name === "f32") view.setFloat32(0, Number(value), true);
    else if (element.name === "f64") view.setFloat64(0, Number(value), true);
    else if (bytes.length === 2) view.setUint16(0, encodeFloat(element.name, Number(value)), true);
    else view.setUint8(0, encodeFloat(element.name, Number(value)));
    return bytes;
  }
  const width = element.kind === "index" ? 64 : element.kind === "integer" ? element.width : undefined;
  if (width === undefined) return undefined;
  const bytes = new Uint8Array(Math.ceil(width / 8));
  let v = BigInt.asUintN(width, BigInt(value));
  for (let i = 0; i < bytes.length; i++, v >>= 8n) bytes[i] = Number(v & 255n);
  return bytes;
}
