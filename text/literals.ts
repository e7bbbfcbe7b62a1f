/** @file From the text of literals to values: integers, floats, strings, scalar types, the bodies of dialect attributes. */
import {
  type Attribute,
  boolAttribute,
  type FloatName,
  float,
  floatWidths,
  index,
  integer,
  type Type,
} from "../ir/types.ts";
import { decodeFloat, encodeFloat, f32Bits, f32FromBits, f64FromBits, isFloatKind, roundTo } from "../support/float.ts";

/** The bits that an integer of a type has; 0 if it is no integer. */
export const integerWidth = (type: Type): number =>
  type.kind === "index" ? 64 : type.kind === "integer" ? type.width : 0;

/**
 * The value of an integer literal in a type, as MLIR reads it: a signless type takes everything that has enough bits;
 * undefined is out of range.
 */
export function integerValue(digits: string, negative: boolean, type: Type): bigint | undefined {
  const width = integerWidth(type);
  // More digits than the type can hold, whatever they are: not worth a big number.
  if (digits.length > width + 2 && digits.length > 40 && !/^0[x0]/.test(digits)) return undefined;
  const unsigned = type.kind === "integer" && type.signedness === "unsigned";
  const signed = type.kind === "index" || (type.kind === "integer" && type.signedness === "signed");
  const magnitude = BigInt(digits);
  const half = width === 0 ? 0n : 1n << BigInt(width - 1);
  if (negative) return magnitude === 0n || magnitude > half ? undefined : -magnitude;
  if (magnitude >= half * 2n || (signed && magnitude >= half)) return width === 0 && magnitude === 0n ? 0n : undefined;
  return unsigned || magnitude < half ? magnitude : magnitude - half * 2n;
}

/** An integer attribute; those of one bit are booleans. Undefined is out of range. */
export function integerLiteral(digits: string, negative: boolean, type: Type): Attribute | undefined {
  if (digits.length <= 9 && digits.charCodeAt(1) !== 0x78) {
    const value = Number(digits);
    const width = integerWidth(type);
    if (width > 31 && value > 0) return { kind: "integer", value: BigInt(negative ? -value : value), type };
  }
  const value = integerValue(digits, negative, type);
  if (value === undefined) return undefined;
  return isBool(type) ? boolAttribute(value !== 0n) : { kind: "integer", value, type };
}

export const isBool = (type: Type): boolean =>
  type.kind === "integer" && type.width === 1 && type.signedness === "signless";

/** A float attribute from a decimal literal, rounded to its type. */
export function floatLiteral(digits: string, negative: boolean, type: Type): Attribute {
  const magnitude = Number(digits);
  return { kind: "float", value: roundFloat(negative ? -magnitude : magnitude, type), type };
}

export const roundFloat = (value: number, type: Type): number =>
  type.kind === "float" && isFloatKind(type.name) ? roundTo(type.name, value) : value;

/** A float attribute from the bits of a hexadecimal literal; undefined if there are more bits than the type has. */
export function floatFromBits(digits: string, type: Type): Attribute | undefined {
  if (type.kind !== "float") return undefined;
  const bits = BigInt(digits);
  if (bits >> BigInt(type.width)) return undefined;
  const value = decodeBits(bits, type.name);
  // A NaN with a payload, and formats that a double cannot hold, keep their bits.
  if (value === undefined || (Number.isNaN(value) && bits !== canonicalNaN(type.name))) {
    return { kind: "float", value: value ?? Number.NaN, type, bits };
  }
  return { kind: "float", value, type };
}

function decodeBits(bits: bigint, name: FloatName): number | undefined {
  if (name === "f64") return f64FromBits(bits);
  if (name === "f32") return f32FromBits(Number(bits));
  return isFloatKind(name) ? decodeFloat(name, Number(bits)) : undefined;
}

function canonicalNaN(name: FloatName): bigint | undefined {
  if (name === "f64") return 0x7ff8000000000000n;
  if (name === "f32") return BigInt(f32Bits(Number.NaN));
  return isFloatKind(name) ? BigInt(encodeFloat(name, Number.NaN)) : undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The value of a string literal, given with its quotes. Bytes that are no UTF-8 become U+DC80 + (byte - 0x80). */
export function stringValue(image: string): string {
  if (!image.includes("\\")) return image.slice(1, -1);
  const bytes: number[] = [];
  for (let i = 1; i < image.length - 1; i++) {
    const c = image[i]!;
    if (c !== "\\") {
      const code = image.codePointAt(i)!;
      if (code < 0x80) bytes.push(code);
      else bytes.push(...encoder.encode(String.fromCodePoint(code)));
      if (code > 0xffff) i++;
      continue;
    }
    const e = image[++i]!;
    if (e === "n") bytes.push(10);
    else if (e === "t") bytes.push(9);
    else if (e === '"' || e === "\\") bytes.push(e.charCodeAt(0));
    else bytes.push(Number.parseInt(image.slice(i, ++i + 1), 16));
  }
  return decodeBytes(Uint8Array.from(bytes));
}

function decodeBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    // Take what is UTF-8 piece by piece, and escape the bytes that are not.
    let out = "";
    for (let i = 0; i < bytes.length; ) {
      const b = bytes[i]!;
      const length = b < 0x80 ? 1 : b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 0;
      let piece: string | undefined;
      try {
        if (length > 0) piece = decoder.decode(bytes.subarray(i, i + length));
      } catch {}
      out += piece ?? String.fromCharCode(0xdc00 + b);
      i += piece === undefined ? 1 : length;
    }
    return out;
  }
}

/** The name in `@name` or `@"any text"`. */
export const symbolValue = (image: string): string =>
  image.charCodeAt(1) === 0x22 ? stringValue(image.slice(1)) : image.slice(1);

const scalars = new Map<string, Type>([["index", index]]);
for (const name of Object.keys(floatWidths) as FloatName[]) scalars.set(name, float(name));

export const MAX_INTEGER_WIDTH = 16777215;

/** `i32`, `si8`, `f32`, `index` …; "too wide" for an integer beyond MLIR's limit; undefined for any other word. */
export function scalarType(word: string): Type | "too wide" | undefined {
  const known = scalars.get(word);
  if (known) return known;
  const parts = /^(s|u)?i(\d+)$/.exec(word);
  if (!parts) return undefined;
  const width = Number(parts[2]);
  if (width > MAX_INTEGER_WIDTH) return "too wide";
  const made = integer(width, parts[1] === "s" ? "signed" : parts[1] === "u" ? "unsigned" : "signless");
  scalars.set(word, made);
  return made;
}

/**
 * The body of `#dialect<body>` in MLIR's preferred form: `.body` where the body reads as a name with an optional
 * bracketed rest, else `<body>`.
 */
export function dialectText(body: string): string {
  return isSimpleBody(body) ? `.${body}` : `<${body}>`;
}

function isSimpleBody(body: string): boolean {
  const head = /^[A-Za-z][\w.]*/.exec(body)?.[0];
  if (head === undefined) return false;
  if (head.length === body.length) return true;
  if (body[head.length] !== "<" || !body.endsWith(">")) return false;
  const wanted: string[] = [];
  for (let i = head.length; i < body.length; i++) {
    const c = body[i]!;
    const close = { "<": ">", "(": ")", "[": "]", "{": "}" }[c];
    if (close) wanted.push(close);
    else if (c === "-" && body[i + 1] === ">") i++;
    else if (c === ">" || c === ")" || c === "]" || c === "}") {
      if (wanted.pop() !== c) return false;
      if (wanted.length === 0) return i === body.length - 1;
    }
  }
  return false;
}
