/** @file Constants as C text, or as the bytes of a weights file. Digits are written straight into bytes: there may be millions. */
import { elementOf, type Type } from "../../ir/types.ts";
import { ByteWriter } from "../../support/bytes.ts";
import { InternalError } from "../../support/diagnostic.ts";
import type { CConstant, CProgram } from "./module.ts";
import { bitsOf, literal, shortDigits } from "./types.ts";

/** Bytes before the constants in a weights file: magic, version, byte order, hash of the plan, size, padding. */
export const headerBytes = 64;
export const weightsVersion = 1;
export const byteOrderMark = 0x01020304;

const lineLength = 112;

/** Definitions of all constants; each is followed by an empty line. */
export function constantsText(program: CProgram, macro: string): Uint8Array {
  const w = new ByteWriter(1024 + program.constantBytes * 3);
  for (const c of program.constants) {
    w.utf8(`${macro} const ${c.ctype} ${c.symbol}[${elementCountOf(c)}] = {`);
    new Elements(w).write(c);
    w.utf8("\n};\n\n");
  }
  return w.toBytes();
}

export const elementCountOf = (c: CConstant): number => Math.max(1, c.bytes.byteLength / widthOf(c));
const widthOf = (c: CConstant): number => {
  const e = elementOf(c.type);
  return e.kind === "index"
    ? 8
    : Math.max(1, Math.ceil((e.kind === "integer" || e.kind === "float" ? e.width : 64) / 8));
};

class Elements {
  readonly #w: ByteWriter;
  #column = lineLength;

  constructor(w: ByteWriter) {
    this.#w = w;
  }

  write(c: CConstant): void {
    const element = elementOf(c.type);
    if (c.bytes.byteLength === 0) this.#text("0");
    else if (element.kind === "float" && element.width === 32)
      for (const x of viewOf(c, Float32Array)) this.#single(x, element);
    else if (element.kind === "float" && element.width === 64)
      for (const x of viewOf(c, Float64Array)) this.#text(literal(element, x).text);
    else for (const x of integersOf(c, element)) this.#text(literal(element, x).text);
  }

  #single(x: number, type: Type): void {
    if (x === 0 && !Object.is(x, -0)) {
      this.#text("0");
      return;
    }
    const short = shortDigits(Math.abs(x));
    // Ordinary weights: a point, leading zeros, digits.
    if (!short || short[1] >= 0 || short[1] < -14) {
      this.#text(literal(type, x).text);
      return;
    }
    let [digits, exponent] = short;
    while (digits % 10 === 0) {
      digits /= 10;
      exponent++;
    }
    const text = String(digits);
    const point = text.length + exponent;
    const sign = x < 0 ? "-" : "";
    if (exponent >= 0) this.#text(literal(type, x).text);
    else if (point > 0) this.#text(`${sign}${text.slice(0, point)}.${text.slice(point)}f`);
    else this.#text(`${sign}.${zeros[-point]}${text}f`);
  }

  #text(text: string): void {
    const w = this.#w;
    if (this.#column + text.length + 1 > lineLength) {
      w.u8(10);
      this.#column = 0;
    }
    for (let i = 0; i < text.length; i++) w.u8(text.charCodeAt(i));
    w.u8(44);
    this.#column += text.length + 1;
  }
}

const zeros = Array.from({ length: 16 }, (_, i) => "0".repeat(i));

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
