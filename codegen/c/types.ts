/** @file Types and literals of C. Values of i1 are 0 or 1 in an int32_t, indices int32_t, f16 and bf16 their bits. */
import { elementOf, type Type } from "../../ir/types.ts";
import { fault } from "../../support/diagnostic.ts";
import { unknownLocation } from "../../support/location.ts";
import { atom, type Expr, prefix } from "../source.ts";

/** Bits of an integer type (or of what carries it): 8, 16, 32 or 64. */
export function bitsOf(t: Type): number {
  const e = elementOf(t);
  if (e.kind === "index") return 32;
  const width = e.kind === "integer" || e.kind === "float" ? e.width : 0;
  if (width === 1) return 32;
  for (const bits of [8, 16, 32, 64]) if (width > 0 && width <= bits) return bits;
  throw fault("pass/failed", unknownLocation, `no value of C holds a ${e.kind} of ${width} bits`);
}

/** Exact width of an integer type; 32 for index. */
export function widthOf(t: Type): number {
  const e = elementOf(t);
  return e.kind === "integer" || e.kind === "float" ? e.width : 32;
}

const isReal = (t: Type): boolean => {
  const e = elementOf(t);
  return e.kind === "float" && (e.width === 32 || e.width === 64);
};

/** The type of a variable that holds a scalar of the (element) type. */
export function valueType(t: Type): string {
  if (isReal(t)) return bitsOf(t) === 32 ? "float" : "double";
  return `int${bitsOf(t)}_t`;
}

/** The same, unsigned. */
export const unsignedType = (t: Type): string => `uint${bitsOf(t)}_t`;

/** The type of an element in memory. */
export function memoryType(t: Type): string {
  const e = elementOf(t);
  if (e.kind === "index") return "int64_t";
  if (e.kind === "integer" && e.width === 1) return "uint8_t";
  return valueType(t);
}

/** Short name of an element type, for names of vector types and helpers. */
export function shortName(t: Type): string {
  return isReal(t) ? `f${bitsOf(t)}` : `i${bitsOf(t)}`;
}

const tens = Array.from({ length: 60 }, (_, i) => 10 ** i);

/**
 * The shortest of 7, 8 and 9 digits that reads back as the same f32, as whole digits and a power of ten; undefined for
 * what is not an ordinary number. What is accepted lies within 2^-25 of the number, so no reader can round it elsewhere.
 */
export function shortDigits(x: number): readonly [digits: number, exponent: number] | undefined {
  if (!(x > 1e-30 && x < 1e30)) return undefined;
  const e = decimalExponent(x);
  for (let n = 7; n <= 9; n++) {
    const shift = n - 1 - e;
    const digits = Math.round(shift >= 0 ? x * tens[shift]! : x / tens[-shift]!);
    const back = shift >= 0 ? digits / tens[shift]! : digits * tens[-shift]!;
    if (Math.abs(back - x) < x * 2 ** -25.1) return [digits, -shift];
  }
  return undefined;
}

/** The power of ten of the first digit. No f32 is so near to a power of ten that the product could round to it. */
function decimalExponent(x: number): number {
  let e = x < 1 ? -1 : 0;
  if (e < 0) while (x * tens[-e]! < 1) e--;
  else while (x >= tens[e + 1]!) e++;
  return e;
}

/** The digits of a finite f32 that is not negative, without its suffix. */
export function singleText(x: number): string {
  if (Number.isInteger(x) && x < 1e7) return `${x}.0`;
  const short = shortDigits(x);
  if (!short) return exactText(x);
  let [digits, exponent] = short;
  while (digits % 10 === 0) {
    digits /= 10;
    exponent++;
  }
  const text = String(digits);
  if (exponent >= 0) return `${text}e${exponent}`;
  const point = text.length + exponent;
  if (point > 0) return `${text.slice(0, point)}.${text.slice(point)}`;
  return point > -4 ? `0.${"0".repeat(-point)}${text}` : `${text}e${exponent}`;
}

/** Digits of a double that no reader can take for another. */
function exactText(x: number): string {
  const text = String(x);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** A number as a literal of the type: what is not finite by the names of math.h. */
export function literal(t: Type, value: number | bigint | boolean): Expr {
  const e = elementOf(t);
  if (isReal(e)) {
    const x = Number(value);
    const single = bitsOf(e) === 32;
    if (Number.isNaN(x)) return atom(single ? "NAN" : "(double)NAN");
    const size = Math.abs(x);
    const text = size === Number.POSITIVE_INFINITY ? "INFINITY" : single ? `${singleText(size)}f` : exactText(size);
    const positive = atom(text === "INFINITY" && !single ? "(double)INFINITY" : text);
    return x < 0 || Object.is(x, -0) ? prefix("-", positive) : positive;
  }
  const width = widthOf(e);
  const n = width === 1 ? BigInt(value) & 1n : BigInt.asIntN(e.kind === "index" ? 64 : width, BigInt(value));
  return integerLiteral(n, bitsOf(e));
}

/** The smallest number of a type has no literal of its own in C. */
export function integerLiteral(n: bigint, bits: number): Expr {
  if (n === -(1n << 31n) && bits === 32) return atom("INT32_MIN");
  if (n === -(1n << 63n)) return atom("INT64_MIN");
  const positive = atom(bits === 64 ? `INT64_C(${n < 0n ? -n : n})` : `${n < 0n ? -n : n}`);
  return n < 0n ? prefix("-", positive) : positive;
}
