/** @file How a declared attribute stands in an assembly format, read: a literal, a word, `<word>`, `@name`, a list. */
import type { AsmParser } from "../ir/asm.ts";
import type { Attr } from "../ir/attributes.ts";
import type { Attribute, DenseArrayAttribute, Type } from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import type { Variable } from "./format.ts";
import type { OptionalReader, Reader } from "./format-state.ts";

type AttrVariable = Extract<Variable, { readonly kind: "attr" }>;

/** Reads the attribute, which must stand there. */
export function attributeReader(v: AttrVariable): Reader {
  const { index, name, codec } = v;
  return (s) => {
    s.props[index] = readAttribute(s.p, codec, name);
  };
}

/** Reads the attribute if it stands there. */
export function optionalAttributeReader(v: AttrVariable): OptionalReader {
  const { index, name, codec } = v;
  const starts = startOf(codec);
  return (s) => {
    if (!starts(s.p)) return false;
    s.props[index] = readAttribute(s.p, codec, name);
    return true;
  };
}

function startOf(codec: Attr): (p: AsmParser) => boolean {
  const { asm } = codec;
  switch (asm.kind) {
    case "keyword":
      return (p) => asm.words.some((w) => p.atKeyword(w)) || p.atString();
    case "angle":
      return (p) => p.at("<");
    case "symbol":
      return (p) => p.atSymbol();
    case "list":
      return (p) => p.at("[");
    case "unit":
      return (p) => p.atKeyword("unit");
    default:
      return (p) => p.atAttribute();
  }
}

/** The native value of an attribute as its codec wants it in pretty forms. */
export function readAttribute(p: AsmParser, codec: Attr, name: string): unknown {
  const at = p.here();
  const { asm } = codec;
  switch (asm.kind) {
    case "symbol":
      return p.symbolName();
    case "keyword":
      return readWord(p, asm.words, name, at);
    case "angle":
      if (p.at("<")) return readAngle(p, codec, asm, name, at);
      break;
    case "list":
      if (p.at("[")) return readList(p, codec, at);
      break;
    case "untyped":
      return native(p, codec, p.attribute(asm.type), at);
    case "unit":
      p.keyword("unit");
      return true;
    default:
      break;
  }
  return native(p, codec, p.attribute(), at);
}

function native(p: AsmParser, codec: Attr, a: Attribute, at: Location): unknown {
  const value = codec.from(a);
  return value === undefined ? p.fail(`invalid kind of attribute specified: must be ${codec.label}`, at) : value;
}

const choices = (words: readonly string[], name: string): string =>
  `expected string or keyword containing one of the following enum values for attribute '${name}' ` +
  `[${words.join(", ")}]`;

function readWord(p: AsmParser, words: readonly string[], name: string, at: Location): string {
  const word = p.optionalString() ?? p.optionalAnyKeyword();
  if (word === undefined) return p.fail(choices(words, name), at);
  if (!words.includes(word)) return p.fail(`invalid ${name} attribute specification: "${word}"`, at);
  return word;
}

type Angle = Extract<Attr["asm"], { readonly kind: "angle" }>;

function readAngle(
  p: AsmParser,
  codec: Attr,
  { mnemonic, words, many }: Angle,
  name: string,
  start: Location,
): unknown {
  p.punct("<");
  const given: string[] = [];
  do {
    const at = p.here();
    const word = p.optionalString() ?? p.optionalAnyKeyword();
    if (word === undefined || !words.includes(word)) {
      return p.fail(`expected one of ${words.join(", ")} for attribute '${name}'`, at);
    }
    given.push(word);
  } while (many && p.optionalPunct(","));
  p.punct(">");
  return native(p, codec, { kind: "opaque", text: `#${mnemonic}<${given.join(",")}>` }, start);
}

/** The kind of array that a codec of lists wants, by codec. */
const elementTypes = new WeakMap<Attr["to"], Type>();

function elementOf(codec: Attr): Type | undefined {
  let type = elementTypes.get(codec.to);
  if (!type) {
    const empty = codec.to([]);
    if (empty?.kind !== "denseArray") return undefined;
    type = empty.element;
    elementTypes.set(codec.to, type);
  }
  return type;
}

function readList(p: AsmParser, codec: Attr, at: Location): unknown {
  const element = elementOf(codec);
  if (!element) return native(p, codec, p.attribute(), at);
  const values = p.list("[]", () => readElement(p, element));
  const a: DenseArrayAttribute = { kind: "denseArray", element, values };
  return native(p, codec, a, at);
}

function readElement(p: AsmParser, element: Type): number | bigint {
  const at = p.here();
  const a = p.attribute(element);
  if (a.kind === "bool") return a.value ? 1 : 0;
  if (a.kind === "float") return a.value;
  if (a.kind === "integer") return element.kind === "integer" && element.width >= 64 ? a.value : Number(a.value);
  return p.fail("expected integer or floating point value", at);
}
