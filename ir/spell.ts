/**
 * @file How types and attributes are spelt in MLIR. `Speller` takes hooks for aliases; `typeText` and `attributeText`
 * spell without them, for messages and keys.
 */

import type { Location } from "../support/location.ts";
import { denseText, floatBitsText, floatText } from "./spell-dense.ts";
import { type Attribute, type AttributeOf, isDynamic, type Type } from "./types.ts";

const BARE = /^[A-Za-z_][\w$.]*$/;

/** A string literal with MLIR's escapes (`\"`, `\\`, `\HH` for bytes that do not print). */
export function quote(text: string): string {
  let out = '"';
  for (const byte of new TextEncoder().encode(text)) {
    if (byte === 0x22) out += '\\"';
    else if (byte === 0x5c) out += "\\\\";
    else if (byte < 0x20 || byte >= 0x7f) out += `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    else out += String.fromCharCode(byte);
  }
  return `${out}"`;
}

/** `@name`, quoted where it is no bare identifier. */
export const symbolText = (name: string): string => (BARE.test(name) ? `@${name}` : `@${quote(name)}`);

/** The key of a dictionary entry, quoted where it is no bare identifier. */
export const keyText = (name: string): string => (BARE.test(name) ? name : quote(name));

const dimension = (d: number, scalable = false): string => (isDynamic(d) ? "?" : scalable ? `[${d}]` : `${d}`);

export class Speller {
  /** The alias to print in place of an attribute or type, if there is one. */
  alias(_of: Attribute | Type): string | undefined {
    return undefined;
  }

  type(t: Type): string {
    return this.alias(t) ?? this.typeBody(t);
  }

  typeBody(t: Type): string {
    switch (t.kind) {
      case "integer":
        return `${t.signedness === "signless" ? "i" : t.signedness === "signed" ? "si" : "ui"}${t.width}`;
      case "float":
        return t.name;
      case "index":
        return "index";
      case "none":
        return "none";
      case "complex":
        return `complex<${this.type(t.element)}>`;
      case "tuple":
        return `tuple<${t.elements.map((e) => this.type(e)).join(", ")}>`;
      case "function":
        return this.signature(t.inputs, t.results);
      case "vector":
        return `vector<${t.shape.map((d, i) => `${dimension(d, t.scalable[i])}x`).join("")}${this.type(t.element)}>`;
      case "tensor": {
        const encoding = t.encoding ? `, ${this.attribute(t.encoding)}` : "";
        return `tensor<${t.ranked ? t.shape.map((d) => `${dimension(d)}x`).join("") : "*x"}${this.type(t.element)}${encoding}>`;
      }
      case "memref": {
        const layout = t.layout ? `, ${this.attribute(t.layout)}` : "";
        const space = t.memorySpace ? `, ${this.attribute(t.memorySpace)}` : "";
        return `memref<${t.ranked ? t.shape.map((d) => `${dimension(d)}x`).join("") : "*x"}${this.type(t.element)}${layout}${space}>`;
      }
      case "opaque":
        return `!${t.dialect}${t.text.startsWith("<") ? "" : "."}${t.text}`;
    }
  }

  /** `(inputs) -> results`, results in parentheses unless there is exactly one that is no function. */
  signature(inputs: readonly Type[], results: readonly Type[]): string {
    return `(${inputs.map((t) => this.type(t)).join(", ")}) -> ${this.resultTypes(results)}`;
  }

  resultTypes(results: readonly Type[]): string {
    const only = results.length === 1 ? results[0]! : undefined;
    return only && only.kind !== "function" ? this.type(only) : `(${results.map((t) => this.type(t)).join(", ")})`;
  }

  attribute(a: Attribute): string {
    return this.alias(a) ?? this.attributeBody(a);
  }

  attributeBody(a: Attribute): string {
    switch (a.kind) {
      case "integer":
        return (
          this.integerLiteral(a) +
          (a.type.kind === "integer" && a.type.width === 64 && a.type.signedness === "signless"
            ? " : i64"
            : ` : ${this.type(a.type)}`)
        );
      case "float":
        return `${this.floatLiteral(a)} : ${this.type(a.type)}`;
      case "bool":
        return a.value ? "true" : "false";
      case "unit":
        return "unit";
      case "string":
        return quote(a.value) + (a.type ? ` : ${this.type(a.type)}` : "");
      case "type":
        return this.type(a.type);
      case "array":
        return `[${a.elements.map((e) => this.attribute(e)).join(", ")}]`;
      case "dictionary":
        return this.dictionary(a.entries);
      case "symbol":
        return [a.root, ...a.nested].map(symbolText).join("::");
      case "denseArray": {
        const values = a.values.map((v) => this.#arrayElement(v, a.element)).join(", ");
        return `array<${this.type(a.element)}${values ? `: ${values}` : ""}>`;
      }
      case "dense":
        return `${denseText(a)} : ${this.type(a.type)}`;
      case "resource":
        return `dense_resource<${keyText(a.key)}> : ${this.type(a.type)}`;
      case "map":
        return `affine_map<${a.map.text}>`;
      case "set":
        return `affine_set<${a.set.text}>`;
      case "strided": {
        const offset = a.offset === 0 ? "" : `, offset: ${dimension(a.offset)}`;
        return `strided<[${a.strides.map((s) => dimension(s)).join(", ")}]${offset}>`;
      }
      case "location":
        return `loc(${this.location(a.location)})`;
      case "opaque":
        return a.text + (a.type ? ` : ${this.type(a.type)}` : "");
    }
  }

  /** An attribute without its trailing type, where the context implies it. */
  untyped(a: Attribute): string {
    switch (a.kind) {
      case "integer":
        return this.integerLiteral(a);
      case "float":
        return this.floatLiteral(a);
      case "dense":
        return denseText(a);
      default:
        return this.attribute(a);
    }
  }

  integerLiteral(a: AttributeOf<"integer">): string {
    if (a.type.kind === "integer" && a.type.width === 1 && a.type.signedness === "signless") {
      return a.value === 0n ? "false" : "true";
    }
    return String(a.value);
  }

  floatLiteral(a: AttributeOf<"float">): string {
    if (a.bits !== undefined) return floatBitsText(a.bits, a.type);
    return floatText(a.value, a.type);
  }

  dictionary(entries: ReadonlyMap<string, Attribute>): string {
    return `{${[...entries.keys()]
      .sort()
      .map((k) => this.entry(k, entries.get(k)!))
      .join(", ")}}`;
  }

  entry(name: string, value: Attribute): string {
    return value.kind === "unit" ? keyText(name) : `${keyText(name)} = ${this.attribute(value)}`;
  }

  /** The inside of `loc(…)`. */
  location(l: Location): string {
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
        return l.child && l.child.kind !== "unknown" ? `${quote(l.name)}(${this.location(l.child)})` : quote(l.name);
      case "call":
        return `callsite(${this.location(l.callee)} at ${this.location(l.caller)})`;
      case "fused":
        return `fused${l.metadata === undefined ? "" : `<${l.metadata}>`}[${l.locations.map((x) => this.location(x)).join(", ")}]`;
      case "node":
        return `${quote(l.name)}(${quote(`${l.model}:${l.opType}:${l.opset}`)}:${l.index}:0)`;
    }
  }

  #arrayElement(v: number | bigint, element: Type): string {
    if (element.kind === "float") return floatText(Number(v), element);
    if (element.kind === "integer" && element.width === 1) return v ? "true" : "false";
    return String(v);
  }
}

const plain = new Speller();

/** MLIR's spelling of a type, without aliases. */
export const typeText = (t: Type): string => plain.type(t);
/** MLIR's spelling of an attribute, without aliases. */
export const attributeText = (a: Attribute): string => plain.attribute(a);
