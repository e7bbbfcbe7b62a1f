/** @file Constants as C text, or as the bytes of a weights file. Digits are written straight into bytes: there may be millions. */
import { elementOf, type Type } from "../../ir/types.ts";
import type { ByteWriter } from "../../support/bytes.ts";
import { InternalError } from "../../support/diagnostic.ts";
import type { CConstant, CProgram } from "./module.ts";
import { stringType, writeStrings } from "./strings.ts";
import { bitsOf, literal, shortDigits } from "./types.ts";

/** Bytes before the constants in a weights file: magic, version, byte order, hash of the plan, size, padding. */
export const headerBytes = 64;
export const weightsVersion = 1;
export const byteOrderMark = 0x01020304;

const lineLength = 112;

/** Appends definitions of all constants; each is followed by an empty line. */
export function writeConstants(w: ByteWriter, program: CProgram, macro: string): void {
  w.reserve(1024 + program.constantBytes * 3);
  const elements = new Elements(w);
  for (const c of program.constants) {
    if (isText(program, c)) {
      w.utf8(`${macro} const union ${textName(c)} ${textName(c)} = `);
      writeStrings(w, c.bytes);
      w.utf8(";\n\n");
      continue;
    }
    w.utf8(`${macro} const ${c.ctype} ${c.symbol}[${elementCountOf(c)}] = {`);
    elements.write(c);
    w.utf8("\n};\n\n");
  }
}

/** Models larger than this, in bytes, have those of their constants that are larger than the second as strings. */
const largeModel = 1 << 20;
const largeConstant = 1 << 12;
export const isText = (program: CProgram, c: CConstant): boolean =>
  program.constantBytes > largeModel && c.bytes.byteLength >= largeConstant;

const textName = (c: CConstant): string => `${c.symbol}_text`;

/** What another file has to know of a constant to use its symbol as a pointer to the first element. */
export const declarationOf = (program: CProgram, c: CConstant): string[] =>
  isText(program, c)
    ? [
        `extern const ${stringType(textName(c), c.ctype, elementCountOf(c), c.bytes.byteLength)} ${textName(c)};`,
        `#define ${c.symbol} ${textName(c)}.elements`,
      ]
    : [`extern const ${c.ctype} ${c.symbol}[${elementCountOf(c)}];`];

export const elementCountOf = (c: CConstant): number => Math.max(1, c.bytes.byteLength / widthOf(c));
const widthOf = (c: CConstant): number => {
  const e = elementOf(c.type);
  return e.kind === "index"
    ? 8
    : Math.max(1, Math.ceil((e.kind === "integer" || e.kind === "float" ? e.width : 64) / 8));
};

const codeOf = (character: string): number => character.charCodeAt(0);
const newline = codeOf("\n");
const comma = codeOf(",");
const point = codeOf(".");
const minus = codeOf("-");
const zero = codeOf("0");
const suffix = codeOf("f");
/** Bytes of text that are gathered before they go to the writer, and more than any one element takes of them. */
const gathered = 1 << 16;
const longest = 128;

class Elements {
  readonly #w: ByteWriter;
  readonly #bytes = new Uint8Array(gathered);
  #at = 0;
  #column = 0;
  /** The digits of one number, from its last on. */
  readonly #digits = new Uint8Array(16);

  constructor(w: ByteWriter) {
    this.#w = w;
  }

  write(c: CConstant): void {
    this.#column = lineLength;
    const element = elementOf(c.type);
    if (c.bytes.byteLength === 0) this.#text("0");
    else if (element.kind === "float" && element.width === 32)
      for (const x of viewOf(c, Float32Array)) this.#single(x, element);
    else if (element.kind === "float" && element.width === 64)
      for (const x of viewOf(c, Float64Array)) this.#text(literal(element, x).text);
    else for (const x of integersOf(c, element)) this.#text(literal(element, x).text);
    this.#flush();
  }

  #single(x: number, type: Type): void {
    const short = shortDigits(Math.abs(x));
    if (x === 0 && !Object.is(x, -0)) this.#text("0");
    else if (!short || short[1] >= 0 || short[1] < -14 || !this.#ordinary(x < 0, short[0], short[1]))
      this.#text(literal(type, x).text);
  }

  /** A number as most weights are: a point, leading zeros, digits. False if it is a whole number. */
  #ordinary(negative: boolean, all: number, power: number): boolean {
    const reversed = this.#digits;
    let exponent = power;
    // At most nine digits: arithmetic on integers.
    let rest = all | 0;
    while (rest % 10 === 0) {
      rest = (rest / 10) | 0;
      exponent++;
    }
    if (exponent >= 0) return false;
    let count = 0;
    for (; rest > 0; rest = (rest / 10) | 0) reversed[count++] = zero + (rest % 10);
    const whole = Math.max(0, count + exponent);
    const zeros = Math.max(0, -exponent - count);
    this.#room((negative ? 1 : 0) + count + 1 + zeros + 1);
    const bytes = this.#bytes;
    let at = this.#at;
    if (negative) bytes[at++] = minus;
    for (let i = 0; i < whole; i++) bytes[at++] = reversed[--count]!;
    bytes[at++] = point;
    for (let i = 0; i < zeros; i++) bytes[at++] = zero;
    while (count > 0) bytes[at++] = reversed[--count]!;
    bytes[at++] = suffix;
    bytes[at++] = comma;
    this.#at = at;
    return true;
  }

  #text(text: string): void {
    this.#room(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i);
    this.#bytes[this.#at++] = comma;
  }

  /** Makes room for an element of a length and the comma behind it, on a new line where it is too long for this one. */
  #room(length: number): void {
    if (this.#at > gathered - longest) this.#flush();
    if (this.#column + length + 1 > lineLength) {
      this.#bytes[this.#at++] = newline;
      this.#column = 0;
    }
    this.#column += length + 1;
  }

  #flush(): void {
    this.#w.append(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
  }
}

type ArrayType<T> = {
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

function viewOf<T>(c: CConstant, type: ArrayType<T>): T {
  const aligned = c.bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? c.bytes : c.bytes.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.BYTES_PER_ELEMENT);
}

function integersOf(c: CConstant, element: Type): Iterable<number | bigint> {
  if (element.kind === "integer" && element.width === 1) return viewOf(c, Uint8Array);
  switch (element.kind === "index" ? 64 : bitsOf(element)) {
    case 8:
      return viewOf(c, Int8Array);
    case 16:
      return viewOf(c, Int16Array);
    case 32:
      return viewOf(c, Int32Array);
    case 64:
      return viewOf(c, BigInt64Array);
    default:
      throw new InternalError("a constant of a type that C has no integers for");
  }
}

/** The weights file: header, then all constants at their offsets. */
export function weightsFile(program: CProgram, planHash: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes + program.constantBytes);
  const view = new DataView(bytes.buffer);
  bytes.set([0x53, 0x4c, 0x43, 0x57]); // "SLCW"
  view.setUint32(4, weightsVersion, true);
  view.setUint32(8, byteOrderMark, true);
  view.setUint32(12, bytes.byteLength, true);
  bytes.set(planHash.subarray(0, 32), 16);
  for (const c of program.constants) bytes.set(c.bytes, headerBytes + c.offset);
  return bytes;
}
