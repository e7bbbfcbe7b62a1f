/**
 * @file How types and attributes are spelt in MLIR. A `Speller` may put aliases in their place; `typeText` and
 * `attributeText` spell without, for messages and keys.
 */

import type { Location } from "../support/location.ts";
import { denseArrayText, denseText } from "./spell-dense.ts";
import { floatBitsText, floatText } from "./spell-float.ts";
import {
  type Attribute,
  type AttributeOf,
  elementCount,
  isDynamic,
  isShaped,
  type OpaqueAttribute,
  type OpaqueType,
  type Type,
} from "./types.ts";

const BARE = /^[A-Za-z_][\w$.]*$/;
const PLAIN = /^[ !#-[\]-~]*$/;
const utf8 = new TextEncoder();

/**
 * A string literal with MLIR's escapes: `\\`, and `\HH` for quotes and for the bytes of UTF-8 that do not print. A lone
 * surrogate U+DC80 … U+DCFF stands for one byte that was no UTF-8 where it was read.
 */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) out += escapeByte(code - 0xdc00);
    else if (code >= 0x80) for (const byte of utf8.encode(char)) out += escapeByte(byte);
    else if (char === "\\") out += "\\\\";
    else out += PLAIN.test(char) ? char : escapeByte(code);
  }
  return `${out}"`;
}

const escapeByte = (byte: number): string => `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`;

/** The word, in quotes where it is no bare identifier. */
export const keyText = (name: string): string => (BARE.test(name) ? name : quote(name));

/** `@name`, quoted where it is no bare identifier. */
export const symbolText = (name: string): string => `@${keyText(name)}`;

/** A size or stride; `?` where it is known only at run time. */
const sizeText = (d: number): string => (isDynamic(d) ? "?" : String(d));

/** Where MLIR leaves the type of a number out: never, where it is i64 or f64, or always. */
type Elision = "never" | "default" | "always";

/** `parts` of opaque text hold types and attributes; types are interned and have a number. */
export const isType = (x: Attribute | Type): x is Type => "id" in x;

export interface SpellerOptions {
  /** Constants with more elements (not splats) are written `dense_resource<__elided__>`. */
  readonly elideElementsIfLarger?: number | undefined;
}

export class Speller {
  readonly #types: (string | undefined)[] = [];
  readonly #elideAbove: number;

  constructor(options: SpellerOptions = {}) {
    this.#elideAbove = options.elideElementsIfLarger ?? Number.POSITIVE_INFINITY;
  }

  /** The alias to write in place of a type, if there is one. Must answer the same each time. */
  typeAlias(_of: Type): string | undefined {
    return undefined;
  }

  /** The alias to write in place of an attribute, if there is one. */
  attributeAlias(_of: Attribute): string | undefined {
    return undefined;
  }

  /** The alias to write in place of a location, if there is one. */
  locationAlias(_of: Location): string | undefined {
    return undefined;
  }

  /** Told of every resource that is named. */
  protected resource(_a: AttributeOf<"resource">): void {}

  type(t: Type): string {
    let text = this.#types[t.id];
    if (text === undefined) {
      text = this.typeAlias(t) ?? this.typeBody(t);
      this.#types[t.id] = text;
    }
    return text;
  }

  types(ts: readonly Type[]): string {
    if (ts.length === 1) return this.type(ts[0]!);
    return ts.map((t) => this.type(t)).join(", ");
  }

  typeBody(t: Type): string {
    switch (t.kind) {
      case "integer":
        return `${t.signedness === "signless" ? "i" : t.signedness === "signed" ? "si" : "ui"}${t.width}`;
      case "float":
        return t.name;
      case "index":
      case "none":
        return t.kind;
      case "complex":
        return `complex<${this.type(t.element)}>`;
      case "tuple":
        return `tuple<${this.types(t.elements)}>`;
      case "function":
        return this.signature(t.inputs, t.results);
      case "vector": {
        const sizes = t.shape.map((d, i) => (t.scalable[i] ? `[${d}]x` : `${d}x`));
        return `vector<${sizes.join("")}${this.type(t.element)}>`;
      }
      case "tensor": {
        const encoding = t.encoding ? `, ${this.attribute(t.encoding)}` : "";
        return `tensor<${this.#sizes(t)}${this.type(t.element)}${encoding}>`;
      }
      case "memref": {
        const layout = t.layout ? `, ${this.attribute(t.layout, "default")}` : "";
        const space = t.memorySpace ? `, ${this.attribute(t.memorySpace, "default")}` : "";
        return `memref<${this.#sizes(t)}${this.type(t.element)}${layout}${space}>`;
      }
      case "opaque":
        return this.#opaque(t, () => `!${t.dialect}${t.text.startsWith("<") ? "" : "."}${t.text}`);
    }
  }

  /** `(inputs) -> results`. */
  signature(inputs: readonly Type[], results: readonly Type[]): string {
    return `(${this.types(inputs)}) -> ${this.resultTypes(results)}`;
  }

  /** Results in parentheses, unless there is exactly one that is no function. */
  resultTypes(results: readonly Type[]): string {
    const only = results.length === 1 ? results[0]! : undefined;
    return only && only.kind !== "function" ? this.type(only) : `(${this.types(results)})`;
  }

  attribute(a: Attribute, elide: Elision = "never"): string {
    return this.attributeAlias(a) ?? this.attributeBody(a, elide);
  }

  /** An attribute without its trailing type, where the context implies it. */
  untyped(a: Attribute): string {
    return this.attribute(a, "always");
  }

  attributeBody(a: Attribute, elide: Elision = "never"): string {
    switch (a.kind) {
      case "integer":
        return this.#integer(a, elide);
      case "float": {
        const text = floatLiteral(a);
        // Bits in hexadecimal would read as an integer without their type.
        const isClear = a.type.kind === "float" && a.type.name === "f64" && !text.startsWith("0x");
        if (elide === "always" || (elide === "default" && isClear)) return text;
        return `${text} : ${this.type(a.type)}`;
      }
      case "bool":
        return a.value ? "true" : "false";
      case "unit":
        return "unit";
      case "string":
        return quote(a.value) + this.#suffix(a.type, elide);
      case "type":
        return this.type(a.type);
      case "array":
        return `[${a.elements.map((e) => this.attribute(e, "default")).join(", ")}]`;
      case "dictionary":
        return this.dictionary(a.entries);
      case "symbol":
        return a.nested.length === 0 ? symbolText(a.root) : [a.root, ...a.nested].map(symbolText).join("::");
      case "denseArray":
        return `array<${this.type(a.element)}${a.values.length === 0 ? "" : `: ${denseArrayText(a)}`}>`;
      case "dense":
        return this.#dense(a) + this.#suffix(a.type, elide);
      case "resource":
        this.resource(a);
        return `dense_resource<${keyText(a.key)}>${this.#suffix(a.type, elide)}`;
      case "map":
        return `affine_map<${a.map.text}>`;
      case "set":
        return `affine_set<${a.set.text}>`;
      case "strided": {
        const offset = a.offset === 0 ? "" : `, offset: ${sizeText(a.offset)}`;
        return `strided<[${a.strides.map(sizeText).join(", ")}]${offset}>`;
      }
      case "location":
        return this.location(a.location);
      case "opaque":
        return this.#opaque(a, () => a.text) + this.#suffix(a.type, elide);
    }
  }

  /** `{a = 1 : i64, b}`, sorted by name. */
  dictionary(entries: ReadonlyMap<string, Attribute>): string {
    const names = [...entries.keys()].sort();
    return `{${names.map((n) => this.entry(n, entries.get(n)!)).join(", ")}}`;
  }

  entry(name: string, value: Attribute): string {
    return value.kind === "unit" ? keyText(name) : `${keyText(name)} = ${this.attribute(value)}`;
  }

  /** `loc(…)`. */
  location(l: Location): string {
    return `loc(${this.locationAlias(l) ?? this.locationBody(l)})`;
  }

  /** The inside of `loc(…)`. */
  locationBody(l: Location): string {
    switch (l.kind) {
      case "unknown":
        return "unknown";
      case "span": {
        const { line, column } = l.source.position(l.start);
        return `${quote(l.source.name)}:${line}:${column}`;
      }
      case "file":
        return `${quote(l.file)}:${l.line}:${l.column}`;
      case "name":
        return l.child && l.child.kind !== "unknown" ? `${quote(l.name)}(${this.#nested(l.child)})` : quote(l.name);
      case "call":
        return `callsite(${this.#nested(l.callee)} at ${this.#nested(l.caller)})`;
      case "fused": {
        const metadata = l.metadata === undefined ? "" : `<${l.metadata}>`;
        return `fused${metadata}[${l.locations.map((x) => this.#nested(x)).join(", ")}]`;
      }
      case "node":
        return `${quote(l.name)}(${quote(`${l.model}:${l.opType}:${l.opset}`)}:${l.index}:0)`;
    }
  }

  #nested(l: Location): string {
    return this.locationAlias(l) ?? this.locationBody(l);
  }

  #suffix(type: Type | undefined, elide: Elision): string {
    return elide === "always" || !type || type.kind === "none" ? "" : ` : ${this.type(type)}`;
  }

  #sizes(t: { readonly ranked: boolean; readonly shape: readonly number[] }): string {
    if (!t.ranked) return "*x";
    let text = "";
    for (const d of t.shape) text += isDynamic(d) ? "?x" : `${d}x`;
    return text;
  }

  #integer({ value, type }: AttributeOf<"integer">, elide: Elision): string {
    if (type.kind === "integer" && type.signedness === "signless") {
      if (type.width === 1) return value === 0n ? "false" : "true";
      if (type.width === 64 && elide === "default") return String(value);
    }
    return elide === "always" ? String(value) : `${value} : ${this.type(type)}`;
  }

  #dense(a: AttributeOf<"dense">): string {
    if (this.#elideAbove < Number.POSITIVE_INFINITY && !a.splat && isShaped(a.type)) {
      if (elementCount(a.type.shape) > this.#elideAbove) return "dense_resource<__elided__>";
    }
    return `dense<${denseText(a, quote)}>`;
  }

  #opaque(x: OpaqueAttribute | OpaqueType, plainText: () => string): string {
    if (!x.parts) return plainText();
    return x.parts
      .map((p) => (typeof p === "string" ? p : isType(p) ? this.type(p) : this.attribute(p, "default")))
      .join("");
  }
}

/** The number of a float attribute, without its type. */
export function floatLiteral(a: AttributeOf<"float">): string {
  if (a.type.kind !== "float") return String(a.value);
  return a.bits === undefined ? floatText(a.value, a.type) : floatBitsText(a.bits, a.type);
}

const plain = new Speller();

/** MLIR's spelling of a type, without aliases. */
export const typeText = (t: Type): string => plain.type(t);
/** MLIR's spelling of an attribute, without aliases. */
export const attributeText = (a: Attribute): string => plain.attribute(a);
