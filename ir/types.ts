/**
 * @file Types and attributes: the two closed unions that text can name. Types are interned (equal means `===`).
 * Attributes are plain immutable records; `attributeKey` compares them. No dialect adds a kind of its own: what a
 * foreign dialect writes is kept as opaque text.
 */

import { identityOf } from "../support/identity.ts";
import type { Location } from "../support/location.ts";
import type { AffineMap, AffineSet } from "./affine.ts";
import type { Resource } from "./resource.ts";

// --- types ----------------------------------------------------------------------------------------------------

export type Signedness = "signless" | "signed" | "unsigned";
/** Floating-point types by MLIR's names. */
export const floatWidths = {
  f64: 64,
  f32: 32,
  f16: 16,
  bf16: 16,
  tf32: 19,
  f80: 80,
  f128: 128,
  f8E5M2: 8,
  f8E4M3: 8,
  f8E4M3FN: 8,
  f8E5M2FNUZ: 8,
  f8E4M3FNUZ: 8,
  f8E4M3B11FNUZ: 8,
  f8E3M4: 8,
  f8E8M0FNU: 8,
  f6E3M2FN: 6,
  f6E2M3FN: 6,
  f4E2M1FN: 4,
} as const;
export type FloatName = keyof typeof floatWidths;

/** A dimension that is known only at run time (`?`). */
export const dynamic = Number.MIN_SAFE_INTEGER;
export const isDynamic = (n: number): boolean => n === dynamic;

export interface IntegerType {
  readonly kind: "integer";
  readonly width: number;
  readonly signedness: Signedness;
  readonly id: number;
}
export interface FloatType {
  readonly kind: "float";
  readonly name: FloatName;
  readonly width: number;
  readonly id: number;
}
export interface IndexType {
  readonly kind: "index";
  readonly id: number;
}
export interface NoneType {
  readonly kind: "none";
  readonly id: number;
}
export interface ComplexType {
  readonly kind: "complex";
  readonly element: Type;
  readonly id: number;
}
export interface TupleType {
  readonly kind: "tuple";
  readonly elements: readonly Type[];
  readonly id: number;
}
export interface FunctionType {
  readonly kind: "function";
  readonly inputs: readonly Type[];
  readonly results: readonly Type[];
  readonly id: number;
}
export interface VectorType {
  readonly kind: "vector";
  readonly shape: readonly number[];
  /** Which dimensions are scalable (`[4]`); empty if none is. */
  readonly scalable: readonly boolean[];
  readonly element: Type;
  readonly id: number;
}
export interface TensorType {
  readonly kind: "tensor";
  /** Sizes, `dynamic` where unknown; undefined for an unranked tensor. */
  readonly shape: readonly number[];
  readonly ranked: boolean;
  readonly element: Type;
  readonly encoding: Attribute | undefined;
  readonly id: number;
}
export interface MemRefType {
  readonly kind: "memref";
  readonly shape: readonly number[];
  readonly ranked: boolean;
  readonly element: Type;
  /** Strided or affine layout; undefined is the identity (row-major, offset 0). */
  readonly layout: Attribute | undefined;
  readonly memorySpace: Attribute | undefined;
  readonly id: number;
}
/** A type of a dialect that we do not have: `!dialect.text`. */
export interface OpaqueType extends OpaqueHints {
  readonly kind: "opaque";
  readonly dialect: string;
  /** Everything after `!dialect.`, or the `<…>` body after `!dialect`; aliases in it are written out. */
  readonly text: string;
  readonly id: number;
}

/** How opaque text stood in the file it was read from. No part of its meaning: equality asks for the text alone. */
export interface OpaqueHints {
  /** The spelling (with `#` or `!`) where it names aliases: pieces of text, and what the aliases between them mean. */
  readonly parts?: readonly (string | Attribute | Type)[];
}

export type ScalarType = IntegerType | FloatType | IndexType;
export type ShapedType = VectorType | TensorType | MemRefType;
export type Type =
  | IntegerType
  | FloatType
  | IndexType
  | NoneType
  | ComplexType
  | TupleType
  | FunctionType
  | ShapedType
  | OpaqueType;

const interned = new Map<string, Type>();
let nextId = 0;

function intern<T extends Type>(key: string, make: (id: number) => T): T {
  let t = interned.get(key);
  if (t === undefined) {
    t = Object.freeze(make(nextId++)) as T;
    interned.set(key, t);
  }
  return t as T;
}

export const integer = (width: number, signedness: Signedness = "signless"): IntegerType =>
  intern(`${signedness === "signless" ? "i" : signedness === "signed" ? "si" : "ui"}${width}`, (id) => ({
    kind: "integer",
    width,
    signedness,
    id,
  }));
export const float = (name: FloatName): FloatType =>
  intern(name, (id) => ({ kind: "float", name, width: floatWidths[name], id }));

export const i1 = integer(1);
export const i8 = integer(8);
export const i16 = integer(16);
export const i32 = integer(32);
export const i64 = integer(64);
export const f16 = float("f16");
export const bf16 = float("bf16");
export const f32 = float("f32");
export const f64 = float("f64");
export const index: IndexType = intern("index", (id) => ({ kind: "index", id }));
export const none: NoneType = intern("none", (id) => ({ kind: "none", id }));

export const complex = (element: Type): ComplexType =>
  intern(`complex<${element.id}>`, (id) => ({ kind: "complex", element, id }));
const ids = (types: readonly Type[]): string => types.map((t) => t.id).join(",");
export const tuple = (elements: readonly Type[]): TupleType =>
  intern(`tuple<${ids(elements)}>`, (id) => ({ kind: "tuple", elements: elements.slice(), id }));
export const functionType = (inputs: readonly Type[], results: readonly Type[]): FunctionType =>
  intern(`(${ids(inputs)})->(${ids(results)})`, (id) => ({
    kind: "function",
    inputs: inputs.slice(),
    results: results.slice(),
    id,
  }));

const noFlags: readonly boolean[] = Object.freeze([]);

/** Vectors of one dimension, by element and size: most that there are. */
const rows: VectorType[][] = [];

export function vector(shape: readonly number[], element: Type, scalable: readonly boolean[] = noFlags): VectorType {
  if (shape.length !== 1 || scalable.length > 0) return anyVector(shape, element, scalable);
  rows[element.id] ??= [];
  const sizes = rows[element.id]!;
  const size = shape[0]!;
  // Sizes that are no small index would make a table of the array.
  if (!(size >= 0 && size < 256)) return anyVector(shape, element, scalable);
  sizes[size] ??= anyVector(shape, element, scalable);
  return sizes[size];
}

function anyVector(shape: readonly number[], element: Type, scalable: readonly boolean[]): VectorType {
  const flags = scalable.some((s) => s) ? scalable.slice() : noFlags;
  return intern(`vector<${shape.join("x")};${flags.map((f) => (f ? 1 : 0)).join("")};${element.id}>`, (id) => ({
    kind: "vector",
    shape: Object.freeze(shape.slice()),
    scalable: flags,
    element,
    id,
  }));
}
export const tensor = (shape: readonly number[], element: Type, encoding?: Attribute): TensorType =>
  intern(`tensor<${shape.join("x")};${element.id};${encoding ? attributeKey(encoding) : ""}>`, (id) => ({
    kind: "tensor",
    shape: Object.freeze(shape.slice()),
    ranked: true,
    element,
    encoding,
    id,
  }));
export const unrankedTensor = (element: Type): TensorType =>
  intern(`tensor<*x${element.id}>`, (id) => ({
    kind: "tensor",
    shape: noShape,
    ranked: false,
    element,
    encoding: undefined,
    id,
  }));
const noShape: readonly number[] = Object.freeze([]);

export function memref(
  shape: readonly number[],
  element: Type,
  layout?: Attribute,
  memorySpace?: Attribute,
): MemRefType {
  const key = `memref<${shape.join("x")};${element.id};${layout ? attributeKey(layout) : ""};${memorySpace ? attributeKey(memorySpace) : ""}>`;
  return intern(key, (id) => ({
    kind: "memref",
    shape: Object.freeze(shape.slice()),
    ranked: true,
    element,
    layout,
    memorySpace,
    id,
  }));
}
export const unrankedMemref = (element: Type, memorySpace?: Attribute): MemRefType =>
  intern(`memref<*x${element.id};${memorySpace ? attributeKey(memorySpace) : ""}>`, (id) => ({
    kind: "memref",
    shape: noShape,
    ranked: false,
    element,
    layout: undefined,
    memorySpace,
    id,
  }));
export const opaqueType = (dialect: string, text: string, hints: OpaqueHints = {}): OpaqueType =>
  intern(`!${dialect}.${text}`, (id) => ({ kind: "opaque", dialect, text, ...hints, id }));

export const isShaped = (t: Type): t is ShapedType => t.kind === "tensor" || t.kind === "vector" || t.kind === "memref";
/** The element type of a shaped type; any other type is its own element. */
export const elementOf = (t: Type): Type => (isShaped(t) ? t.element : t);
export const hasStaticShape = (t: ShapedType): boolean =>
  (t.kind === "vector" || t.ranked) && !t.shape.includes(dynamic);
/** Number of elements of a static shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
/** The same shaped type with another element, or the element itself for a scalar. */
export function withElement(t: Type, element: Type): Type {
  switch (t.kind) {
    case "vector":
      return vector(t.shape, element, t.scalable);
    case "tensor":
      return t.ranked ? tensor(t.shape, element, t.encoding) : unrankedTensor(element);
    case "memref":
      return t.ranked ? memref(t.shape, element, t.layout, t.memorySpace) : unrankedMemref(element, t.memorySpace);
    default:
      return element;
  }
}

// --- attributes -----------------------------------------------------------------------------------------------

export type Attribute =
  | { readonly kind: "integer"; readonly value: bigint; readonly type: Type }
  /** `bits` is given where a double cannot hold the value (NaN payloads, f80, f128). */
  | { readonly kind: "float"; readonly value: number; readonly type: Type; readonly bits?: bigint }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "unit" }
  | { readonly kind: "string"; readonly value: string; readonly type?: Type }
  | { readonly kind: "type"; readonly type: Type }
  | { readonly kind: "array"; readonly elements: readonly Attribute[] }
  | { readonly kind: "dictionary"; readonly entries: ReadonlyMap<string, Attribute> }
  | { readonly kind: "symbol"; readonly root: string; readonly nested: readonly string[] }
  | DenseArrayAttribute
  | DenseAttribute
  /** A big constant outside the IR: `dense_resource<key>`. */
  | { readonly kind: "resource"; readonly key: string; readonly type: Type; readonly resource?: Resource }
  | { readonly kind: "map"; readonly map: AffineMap }
  | { readonly kind: "set"; readonly set: AffineSet }
  | { readonly kind: "strided"; readonly strides: readonly number[]; readonly offset: number }
  | { readonly kind: "location"; readonly location: Location }
  | OpaqueAttribute;

/** An attribute that we keep as text: `#dialect.body`, with the `#`, or any other literal; aliases are written out. */
export interface OpaqueAttribute extends OpaqueHints {
  readonly kind: "opaque";
  readonly text: string;
  readonly type?: Type;
}

export type AttributeOf<K extends Attribute["kind"]> = Extract<Attribute, { kind: K }>;

/**
 * `array<i64: 1, 2>`. Integer values are bigint for i64 and wider, else number; booleans are 0 and 1. A float is a
 * number, or a bigint holding its bits where a number cannot say it (the payload of a NaN).
 */
export interface DenseArrayAttribute {
  readonly kind: "denseArray";
  readonly element: Type;
  readonly values: readonly (number | bigint)[];
}

/**
 * `dense<…> : type` and `sparse`-free element constants. The bytes are little-endian and packed per element (i1: one
 * byte each, other widths rounded up to whole bytes, index: 8 bytes); a splat holds one element only.
 */
export interface DenseAttribute {
  readonly kind: "dense";
  readonly type: Type;
  readonly splat: boolean;
  readonly bytes: Uint8Array;
  /** For string elements: the values (one if splat), and `bytes` is empty. */
  readonly strings?: readonly string[];
}

export const integerAttribute = (value: number | bigint, type: Type): AttributeOf<"integer"> => ({
  kind: "integer",
  value: BigInt(value),
  type,
});
export const indexAttribute = (value: number): AttributeOf<"integer"> => integerAttribute(value, index);
export const floatAttribute = (value: number, type: Type): AttributeOf<"float"> => ({ kind: "float", value, type });
export const boolAttribute = (value: boolean): AttributeOf<"bool"> => (value ? trueAttribute : falseAttribute);
const trueAttribute: AttributeOf<"bool"> = Object.freeze({ kind: "bool", value: true });
const falseAttribute: AttributeOf<"bool"> = Object.freeze({ kind: "bool", value: false });
export const unitAttribute: AttributeOf<"unit"> = Object.freeze({ kind: "unit" });
export const stringAttribute = (value: string): AttributeOf<"string"> => ({ kind: "string", value });
export const typeAttribute = (type: Type): AttributeOf<"type"> => ({ kind: "type", type });
export const arrayAttribute = (elements: readonly Attribute[]): AttributeOf<"array"> => ({ kind: "array", elements });
export const dictionaryAttribute = (entries: ReadonlyMap<string, Attribute>): AttributeOf<"dictionary"> => ({
  kind: "dictionary",
  entries,
});
export const symbolAttribute = (root: string, nested: readonly string[] = []): AttributeOf<"symbol"> => ({
  kind: "symbol",
  root,
  nested,
});
export const mapAttribute = (map: AffineMap): AttributeOf<"map"> => ({ kind: "map", map });
export const stridedLayout = (strides: readonly number[], offset = 0): AttributeOf<"strided"> => ({
  kind: "strided",
  strides,
  offset,
});

/** The type of an attribute that has one ("typed attributes": numbers, dense constants, resources). */
export function typeOfAttribute(a: Attribute): Type | undefined {
  switch (a.kind) {
    case "bool":
      return i1;
    case "integer":
    case "float":
    case "dense":
    case "resource":
    case "string":
    case "opaque":
      return a.type;
    default:
      return undefined;
  }
}

const attributeKeys = new WeakMap<object, string>();

/** A text that is equal exactly for equal attributes. It is a key, not for reading; big constants are named, never walked. */
export function attributeKey(a: Attribute): string {
  switch (a.kind) {
    case "integer":
      return `${a.value}:${a.type.id}`;
    case "float":
      return `f${Object.is(a.value, -0) ? "-0" : a.value}${a.bits === undefined ? "" : `/${a.bits}`}:${a.type.id}`;
    case "bool":
      return a.value ? "true" : "false";
    case "unit":
      return "unit";
    case "string":
      return `${JSON.stringify(a.value)}${a.type ? `:${a.type.id}` : ""}`;
    case "type":
      return `t${a.type.id}`;
    case "map":
      return `m${a.map.text}`;
    case "set":
      return `S${a.set.text}`;
    case "strided":
      return `st${a.strides.join(",")}+${a.offset}`;
    case "symbol":
      return `@${a.root}${a.nested.map((n) => `::${n}`).join("")}`;
    case "opaque":
      return `#${a.text}${a.type ? `:${a.type.id}` : ""}`;
    case "resource":
      // Two resources may bear one name; what they hold decides.
      return `res ${a.key}${a.resource ? `#${identityOf(a.resource)}` : ""}:${a.type.id}`;
    case "location":
      return `loc${identityOf(a.location)}`;
    default:
      break;
  }
  let key = attributeKeys.get(a);
  if (key === undefined) {
    key = compositeKey(a);
    attributeKeys.set(a, key);
  }
  return key;
}

function compositeKey(a: AttributeOf<"array" | "dictionary" | "denseArray" | "dense">): string {
  switch (a.kind) {
    case "array":
      return `[${a.elements.map(attributeKey).join(",")}]`;
    case "dictionary":
      return `{${[...a.entries.keys()]
        .sort()
        .map((k) => `${k}=${attributeKey(a.entries.get(k)!)}`)
        .join(",")}}`;
    case "denseArray":
      return `A${a.element.id}:${a.values.map((v) => (Object.is(v, -0) ? "-0" : String(v))).join(",")}`;
    case "dense":
      if (a.strings) return `D${a.type.id}:${JSON.stringify(a.strings)}`;
      // Above this size comparing content would walk a weight: identity of the bytes decides.
      if (a.bytes.length > 4096) return `D${a.type.id}:#${identityOf(a.bytes)}`;
      return `D${a.type.id}:${a.splat ? "s" : ""}${Array.from(a.bytes).join(".")}`;
  }
}

export const sameAttribute = (a: Attribute, b: Attribute): boolean => a === b || attributeKey(a) === attributeKey(b);
