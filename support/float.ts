import { invariant } from "./diagnostic.ts";

/** Float element types, by their MLIR names. */
export type FloatKind = "f64" | "f32" | NarrowFloatKind;

/** Those that JavaScript has no typed array for: bits in an unsigned integer of 16 or 8 bits, or a nibble. */
export type NarrowFloatKind =
  | "f16"
  | "bf16"
  | "f8E5M2"
  | "f8E4M3FN"
  | "f8E5M2FNUZ"
  | "f8E4M3FNUZ"
  | "f8E8M0FNU"
  | "f4E2M1FN";

/**
 * What the largest exponents and the negative zero stand for:
 * - `ieee`: exponent all ones is infinity or NaN (IEEE 754);
 * - `fn`: no infinity, all ones is NaN (OCP OFP8 E4M3);
 * - `fnuz`: no infinity, no negative zero, its code is the one NaN (arXiv:2206.02915);
 * - `finite`: neither infinity nor NaN (OCP MX FP4);
 * - `exponent`: unsigned powers of two, all ones is NaN, no zero (OCP MX E8M0).
 */
type Specials = "ieee" | "fn" | "fnuz" | "finite" | "exponent";

export interface FloatFormat {
  readonly kind: FloatKind;
  /** Bits in all, sign included. */
  readonly width: number;
  readonly exponentBits: number;
  /** Explicit mantissa bits. */
  readonly mantissaBits: number;
  /** The exponent of the smallest normal number, which subnormals share. */
  readonly minExponent: number;
  readonly specials: Specials;
  /** The largest finite number. */
  readonly max: number;
  /** The smallest positive normal number. */
  readonly minNormal: number;
  /** The smallest positive number. */
  readonly minPositive: number;
  /** The distance from 1 to the next number above. */
  readonly epsilon: number;
}

const scratch = new DataView(new ArrayBuffer(8));

/** 2 to an integer power in [-1074, 1023], exactly (`2 ** k` need not be). */
function powerOfTwo(exponent: number): number {
  if (exponent < -1022) return Number.MIN_VALUE * powerOfTwo(exponent + 1074);
  scratch.setUint32(0, (exponent + 1023) << 20);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

/** ⌊log2 |x|⌋ of a normal double; -1023 for zero and subnormals. */
function exponentOf(x: number): number {
  scratch.setFloat64(0, x);
  return ((scratch.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

function format(kind: FloatKind, exponentBits: number, mantissaBits: number, specials: Specials): FloatFormat {
  const bias = 2 ** (exponentBits - 1) - (specials === "fnuz" ? 0 : 1);
  const minExponent = specials === "exponent" ? -bias : 1 - bias;
  const codes = 2 ** exponentBits;
  const reserved = specials === "ieee" || specials === "exponent" ? 1 : 0;
  const maxExponent = codes - 1 - reserved - bias;
  // The significand of the largest number: all ones, less the one code that `fn` takes for NaN.
  const significand = 2 ** (mantissaBits + 1) - (specials === "fn" ? 2 : 1);
  return {
    kind,
    width: exponentBits + mantissaBits + (specials === "exponent" ? 0 : 1),
    exponentBits,
    mantissaBits,
    minExponent,
    specials,
    max: significand * powerOfTwo(maxExponent - mantissaBits),
    minNormal: powerOfTwo(minExponent),
    minPositive: powerOfTwo(minExponent - mantissaBits),
    epsilon: powerOfTwo(-mantissaBits),
  };
}

export const floatFormats: Readonly<Record<FloatKind, FloatFormat>> = {
  f64: format("f64", 11, 52, "ieee"),
  f32: format("f32", 8, 23, "ieee"),
  f16: format("f16", 5, 10, "ieee"),
  bf16: format("bf16", 8, 7, "ieee"),
  f8E5M2: format("f8E5M2", 5, 2, "ieee"),
  f8E4M3FN: format("f8E4M3FN", 4, 3, "fn"),
  f8E5M2FNUZ: format("f8E5M2FNUZ", 5, 2, "fnuz"),
  f8E4M3FNUZ: format("f8E4M3FNUZ", 4, 3, "fnuz"),
  f8E8M0FNU: format("f8E8M0FNU", 8, 0, "exponent"),
  f4E2M1FN: format("f4E2M1FN", 2, 1, "finite"),
};

export const isFloatKind = (name: string): name is FloatKind => Object.hasOwn(floatFormats, name);

/** What is beyond the largest number becomes, where the caller does not saturate. */
function overflow(f: FloatFormat): number {
  if (f.specials === "ieee") return Number.POSITIVE_INFINITY;
  return f.specials === "finite" ? f.max : Number.NaN;
}

/**
 * Rounds a number to a float type: to nearest, ties to even, in one step from the double. `saturate` turns what lies
 * beyond the largest number, infinity included, into that number, as ONNX Cast does for the 8-bit types; otherwise it
 * becomes infinity, or NaN in types without infinity (f4E2M1FN has neither and always saturates; its NaN is -0, as in
 * the reference of ONNX). NaN stays NaN. f8E8M0FNU has no sign and no zero: see `encodeE8M0`.
 */
export function roundTo(kind: FloatKind, x: number, saturate = false): number {
  if (kind === "f32" && !saturate) return Math.fround(x);
  if (kind === "f64" && !saturate) return x;
  const f = floatFormats[kind];
  if (f.specials === "exponent") return decodeFloat("f8E8M0FNU", encodeE8M0(x, "nearest", saturate));
  if (Number.isNaN(x)) return f.specials === "finite" ? -0 : x;
  const magnitude = Math.abs(x);
  let rounded = magnitude < 2 * f.max ? roundMagnitude(f, magnitude) : Number.POSITIVE_INFINITY;
  if (rounded > f.max) rounded = saturate ? f.max : overflow(f);
  if (rounded === 0 && f.specials === "fnuz") return 0;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

/** The multiple of the format's spacing that is nearest to a number in [0, 2 max), ties to even; may exceed max. */
function roundMagnitude(f: FloatFormat, magnitude: number): number {
  if (f.kind === "f64") return magnitude;
  const exponent = Math.max(exponentOf(magnitude), f.minExponent);
  // Adding 2^52 spacings makes the double's own rounding, to nearest even, happen at the place we want.
  const shift = powerOfTwo(exponent - f.mantissaBits + 52);
  return magnitude + shift - shift;
}

/**
 * The bits of a number in a narrow float type, rounded as `roundTo` does. NaN gives the quiet NaN of the type, without
 * sign.
 */
export function encodeFloat(kind: NarrowFloatKind, x: number, saturate = false): number {
  if (kind === "f8E8M0FNU") return encodeE8M0(x, "nearest", saturate);
  const f = floatFormats[kind];
  const rounded = roundTo(kind, x, saturate);
  if (Number.isNaN(rounded)) return nanBits(f);
  scratch.setFloat64(0, rounded);
  const high = scratch.getUint32(0);
  const sign = (high >>> 31) << (f.width - 1);
  const magnitude = Math.abs(rounded);
  if (magnitude > f.max) return sign | (((1 << f.exponentBits) - 1) << f.mantissaBits); // infinity
  if (magnitude < f.minNormal) return sign | (magnitude / f.minPositive);
  // Exponent and mantissa of the double, cut to the mantissa bits of the type, with its bias instead of 1023.
  const rebias = (1023 + f.minExponent - 1) << f.mantissaBits;
  return sign | (((high & 0x7fffffff) >>> (20 - f.mantissaBits)) - rebias);
}

function nanBits(f: FloatFormat): number {
  const signBit = 1 << (f.width - 1);
  if (f.specials === "fnuz") return signBit;
  if (f.specials === "fn") return signBit - 1;
  return signBit - (1 << (f.mantissaBits - 1)); // exponent and the quiet bit
}

/** How `encodeE8M0` chooses between two powers of two; at a tie `nearest` takes the larger (ONNX Cast, round_mode). */
export type ExponentRounding = "nearest" | "up" | "down";

/**
 * The bits of the power of two that stands for |x| in f8E8M0FNU. Numbers below 2^-127, zero included, give 2^-127;
 * those beyond 2^127 give 2^127 if `saturate`, else NaN; infinity and NaN give NaN. (ONNX Cast with `round_mode`.)
 */
export function encodeE8M0(x: number, rounding: ExponentRounding, saturate = false): number {
  const nan = 0xff;
  const magnitude = Math.abs(x);
  if (!(magnitude < Number.POSITIVE_INFINITY)) return nan;
  const f = floatFormats.f8E8M0FNU;
  if (magnitude <= f.minPositive) return 0;
  const exponent = exponentOf(magnitude);
  const significand = magnitude / powerOfTwo(exponent);
  const up = rounding === "up" ? significand > 1 : rounding === "nearest" && significand >= 1.5;
  const code = exponent - f.minExponent + (up ? 1 : 0);
  return code < nan ? code : saturate ? nan - 1 : nan;
}

const tables = new Map<NarrowFloatKind, Float32Array>();

/** The value of every bit pattern of a narrow float type; all of them are exact in f32. */
export function decodeTable(kind: NarrowFloatKind): Float32Array {
  let table = tables.get(kind);
  if (!table) {
    const f = floatFormats[kind];
    table = Float32Array.from({ length: 2 ** f.width }, (_, bits) => decode(f, bits));
    tables.set(kind, table);
  }
  return table;
}

function decode(f: FloatFormat, bits: number): number {
  if (f.specials === "exponent") return bits === 0xff ? Number.NaN : powerOfTwo(bits + f.minExponent);
  const signBit = 2 ** (f.width - 1);
  const negative = bits >= signBit;
  const code = negative ? bits - signBit : bits;
  const exponent = code >>> f.mantissaBits;
  const fraction = code & ((1 << f.mantissaBits) - 1);
  const significand = exponent === 0 ? fraction : fraction + 2 ** f.mantissaBits;
  const magnitude = significand * powerOfTwo(Math.max(exponent - 1, 0) + f.minExponent - f.mantissaBits);
  if (f.specials === "fnuz" && negative && code === 0) return Number.NaN;
  if (magnitude > f.max) return f.specials === "ieee" && fraction === 0 ? (negative ? -1 / 0 : 1 / 0) : Number.NaN;
  return negative ? -magnitude : magnitude;
}

/** The number that bits of a narrow float type stand for. */
export function decodeFloat(kind: NarrowFloatKind, bits: number): number {
  const value = decodeTable(kind)[bits];
  invariant(value !== undefined, `${bits} are not the bits of ${kind}`);
  return value;
}

/** Widens codes, one per element, to f32. */
export function decodeFloats(kind: NarrowFloatKind, codes: Uint8Array | Uint16Array): Float32Array<ArrayBuffer> {
  const table = decodeTable(kind);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = table[codes[i]!]!;
  return values;
}

/** Rounds numbers to codes, one per element, into an array of the right width. */
export function encodeFloats<C extends Uint8Array | Uint16Array>(
  kind: NarrowFloatKind,
  values: ArrayLike<number>,
  codes: C,
  saturate = false,
): C {
  for (let i = 0; i < values.length; i++) codes[i] = encodeFloat(kind, values[i]!, saturate);
  return codes;
}

/** The bits of `Math.fround(x)`, in [0, 2^32). */
export function f32Bits(x: number): number {
  scratch.setFloat32(0, x);
  return scratch.getUint32(0);
}

export function f32FromBits(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

/** The bits of a double, in [0, 2^64). */
export function f64Bits(x: number): bigint {
  scratch.setFloat64(0, x);
  return scratch.getBigUint64(0);
}

export function f64FromBits(bits: bigint): number {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}

/** The spacing of a float type at x: the weight of the last bit of the significand of numbers as large as x. */
export function ulp(kind: FloatKind, x: number): number {
  const f = floatFormats[kind];
  const exponent = Math.min(Math.max(exponentOf(x), f.minExponent), exponentOf(f.max));
  return powerOfTwo(exponent - f.mantissaBits);
}

/**
 * How far a result is from the exact value, in spacings of the type at the exact value: what bounds of math functions
 * are stated in. An infinite or NaN result is right (0) if that is what the exact value rounds to, else infinitely far.
 */
export function ulpError(kind: FloatKind, result: number, exact: number): number {
  if (Number.isFinite(result) && Number.isFinite(exact)) return Math.abs(result - exact) / ulp(kind, exact);
  const rounded = roundTo(kind, exact);
  return result === rounded || (Number.isNaN(result) && Number.isNaN(rounded)) ? 0 : Number.POSITIVE_INFINITY;
}

/**
 * How many numbers of the type lie between two of its numbers, plus one: 0 when equal (-0 and 0 are), 1 when adjacent.
 * Infinity counts as the number after the largest. Equal NaNs are 0 apart, NaN and a number infinitely far.
 */
export function ulpDistance(kind: FloatKind, a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  if (kind === "f64") {
    const distance = orderOf64(a) - orderOf64(b);
    return Number(distance < 0n ? -distance : distance);
  }
  return Math.abs(orderOf(kind, a) - orderOf(kind, b));
}

/** The place of a number among all numbers of its type, counted from zero. */
function orderOf(kind: Exclude<FloatKind, "f64">, x: number): number {
  if (kind === "f8E8M0FNU") return encodeE8M0(x, "nearest");
  const magnitude = Math.abs(x);
  const order = kind === "f32" ? f32Bits(magnitude) : encodeFloat(kind, magnitude);
  return x < 0 ? -order : order;
}

function orderOf64(x: number): bigint {
  const order = f64Bits(Math.abs(x));
  return x < 0 ? -order : order;
}
