/** @file Pass options as text: `max-iterations=3 sizes=4,8 level=cache`. Names are spelt with hyphens, as MLIR does. */
import type { Attr } from "../ir/attributes.ts";
import {
  type Attribute,
  boolAttribute,
  f32,
  f64,
  floatAttribute,
  i1,
  i32,
  i64,
  integerAttribute,
  stringAttribute,
  symbolAttribute,
  type Type,
  unitAttribute,
} from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { nearest } from "../support/nearest.ts";
import type { PassOptions } from "./pass.ts";

/** `maxIterations` as pipelines spell it: `max-iterations`. */
export const optionText = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** One `name=value` of a pipeline; a flag may leave the value out. */
export interface GivenOption {
  readonly name: string;
  readonly value: string | undefined;
  readonly at: Location;
}

/** Reads the options given to a pass; reports unknown names, values that do not fit, and what is missing. */
export function readOptions(
  pass: { readonly name: string; readonly options: PassOptions },
  given: readonly GivenOption[],
  at: Location,
  diagnostics: Diagnostics,
): Record<string, unknown> {
  const names = new Map(Object.keys(pass.options).map((n) => [optionText(n), n]));
  const values: Record<string, unknown> = {};
  for (const { name, value, at: place } of given) {
    const key = names.get(name);
    if (key === undefined) {
      const near = nearest(name, names.keys());
      const known = names.size === 0 ? "it has none" : `it has ${[...names.keys()].join(", ")}`;
      diagnostics.error("pass/option", place, `pass '${pass.name}' has no option '${name}'`, {
        help: near ? `did you mean '${near}'?` : known,
      });
      continue;
    }
    const codec = pass.options[key]!;
    const read = readValue(codec, value);
    if (read === undefined) {
      const found = value === undefined ? "no value" : `'${value}'`;
      diagnostics.error("pass/option", place, `option '${name}' of '${pass.name}' wants ${codec.label}, got ${found}`);
    } else values[key] = read;
  }
  for (const [key, codec] of Object.entries(pass.options)) {
    if (values[key] !== undefined) continue;
    values[key] = codec.fallback;
    if (!codec.required || given.some((g) => g.name === optionText(key))) continue;
    diagnostics.error("pass/option", at, `pass '${pass.name}' needs option '${optionText(key)}' (${codec.label})`);
  }
  return values;
}

/** The value that a text means to a codec: the first reading of it that the codec takes. */
function readValue(codec: Attr, text: string | undefined): unknown {
  for (const a of readings(codec, text)) {
    const value = codec.from(a);
    if (value !== undefined) return value;
  }
  // A switch that is off: written by absence in the IR, by `false` here.
  return text === "false" && codec.fallback === false ? false : undefined;
}

function* readings(codec: Attr, text: string | undefined): Generator<Attribute> {
  if (text === undefined || text === "true") {
    yield unitAttribute;
    yield boolAttribute(true);
  }
  if (text === undefined) return;
  if (text === "false") yield boolAttribute(false);
  const bare = /^".*"$/.test(text) ? text.slice(1, -1) : text;
  const parts = listOf(text);
  if (codec.asm.kind === "untyped") {
    const { type } = codec.asm;
    if (type.kind === "float" && isNumber(text)) yield floatAttribute(Number(text), type);
    else if (/^-?\d+$/.test(text)) yield integerAttribute(BigInt(text), type);
  }
  yield stringAttribute(bare);
  yield symbolAttribute(bare.replace(/^@/, ""));
  if (parts.every((p) => /^-?\d+$/.test(p))) {
    for (const element of [i64, i32]) yield denseArray(element, parts);
    yield { kind: "array", elements: parts.map((p) => integerAttribute(BigInt(p), i64)) };
  }
  if (parts.every(isNumber)) for (const element of [f32, f64]) yield denseArray(element, parts);
  if (parts.every((p) => p === "true" || p === "false")) {
    yield { kind: "denseArray", element: i1, values: parts.map((p) => (p === "true" ? 1 : 0)) };
    yield { kind: "array", elements: parts.map((p) => boolAttribute(p === "true")) };
  }
  yield { kind: "array", elements: parts.map((p) => stringAttribute(p)) };
}

const isNumber = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));

const denseArray = (element: Type, parts: readonly string[]): Attribute => ({
  kind: "denseArray",
  element,
  values: parts.map((p) => (element === i64 ? BigInt(p) : Number(p))),
});

/** `1,2,3` or `[1, 2, 3]`; the empty list is `[]`. */
function listOf(text: string): string[] {
  const body = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  return body.trim() === "" ? [] : body.split(",").map((p) => p.trim());
}

/** Options that differ from their defaults, as pipelines write them; empty if there are none. */
export function optionsText(options: PassOptions, values: Readonly<Record<string, unknown>>): string {
  const shown: string[] = [];
  for (const [name, codec] of Object.entries(options)) {
    const value = values[name];
    if (value === undefined) continue;
    const text = valueText(codec, value);
    const fallback = codec.fallback === undefined ? undefined : valueText(codec, codec.fallback);
    if (text !== fallback) shown.push(`${optionText(name)}=${text}`);
  }
  return shown.join(" ");
}

function valueText(codec: Attr, value: unknown): string {
  const a = codec.to(value);
  if (a === undefined) return "false";
  const text = attributeValueText(a);
  return /[\s{}]/.test(text) && !text.startsWith("[") ? `"${text}"` : text;
}

function attributeValueText(a: Attribute): string {
  switch (a.kind) {
    case "unit":
      return "true";
    case "bool":
    case "integer":
    case "float":
    case "string":
      return String(a.value);
    case "symbol":
      return a.root;
    case "denseArray": {
      const values = a.values.map((v) => (a.element === i1 ? String(Boolean(v)) : String(v)));
      return values.length === 1 ? values[0]! : `[${values.join(",")}]`;
    }
    case "array": {
      const values = a.elements.map(attributeValueText);
      return values.length === 1 ? values[0]! : `[${values.join(",")}]`;
    }
    default:
      return "";
  }
}
