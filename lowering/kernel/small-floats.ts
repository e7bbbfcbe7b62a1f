/**
 * @file Floats of 8 and 4 bits to f32 and back, as integer arithmetic on their bits. One text for all formats: what
 * differs is in their description (support/float.ts). Nothing depends on subnormal numbers of f32.
 */
import * as arith from "../../dialects/arith/ops.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { type FloatType, f32, i32 } from "../../ir/types.ts";
import { encodeFloat, type FloatFormat, f32Bits, floatFormats, type NarrowFloatKind } from "../../support/float.ts";

const word = (b: Builder, n: number): Value => arith.constantInteger(b, n | 0, i32);
const asFloat = (b: Builder, bits: Value): Value => arith.bitcast(b, bits, { types: [f32] });
const asBits = (b: Builder, x: Value): Value => arith.bitcast(b, x, { types: [i32] });
const QUIET_NAN = 0x7fc00000;

const formatOf = (t: FloatType): FloatFormat => floatFormats[t.name as NarrowFloatKind];

/** The number that the bits (in the low part of an i32) stand for; exact. */
export function smallToFloat(b: Builder, bits: Value, type: FloatType): Value {
  const f = formatOf(type);
  if (f.specials === "exponent") return powerToFloat(b, bits);
  const { mantissaBits: m, minExponent } = f;
  const signBit = 2 ** (f.width - 1);
  const rest = arith.andi(b, bits, word(b, signBit - 1));
  const sign = arith.shli(b, arith.andi(b, bits, word(b, signBit)), word(b, 32 - f.width));
  // A normal number has its exponent moved to the bias of f32; a subnormal one is a multiple of the smallest.
  const moved = arith.addi(b, arith.shli(b, rest, word(b, 23 - m)), word(b, (minExponent + 126) << 23));
  const few = arith.mulf(b, arith.uitofp(b, rest, { types: [f32] }), arith.constantFloat(b, f.minPositive, f32));
  const isNormal = arith.cmpi(b, rest, word(b, 2 ** m), { predicate: "uge" });
  let magnitude = arith.select(b, isNormal, moved, asBits(b, few));
  const special = (code: number, v: Value): void => {
    magnitude = arith.select(b, arith.cmpi(b, rest, word(b, code), { predicate: "eq" }), v, magnitude);
  };
  if (f.specials === "ieee") {
    const infinity = (2 ** f.exponentBits - 1) << m;
    const isNan = arith.cmpi(b, rest, word(b, infinity), { predicate: "ugt" });
    special(infinity, word(b, 0x7f800000));
    magnitude = arith.select(b, isNan, word(b, QUIET_NAN), magnitude);
  }
  if (f.specials === "fn") special(signBit - 1, word(b, QUIET_NAN));
  const value = asFloat(b, arith.ori(b, magnitude, sign));
  if (f.specials !== "fnuz") return value;
  const isNan = arith.cmpi(b, bits, word(b, signBit), { predicate: "eq" });
  return arith.select(b, isNan, asFloat(b, word(b, QUIET_NAN)), value);
}

/** 2^(bits - 127), all ones NaN. The lowest is a subnormal number of f32. */
function powerToFloat(b: Builder, bits: Value): Value {
  const is = (code: number): Value => arith.cmpi(b, bits, word(b, code), { predicate: "eq" });
  const normal = arith.shli(b, bits, word(b, 23));
  const low = arith.select(b, is(0), word(b, 0x00400000), normal);
  return asFloat(b, arith.select(b, is(0xff), word(b, QUIET_NAN), low));
}

/** The bits of the nearest number of the type, ties to even, in the low part of an i32. */
export function floatToSmall(b: Builder, x: Value, type: FloatType): Value {
  const f = formatOf(type);
  const kind = type.name as NarrowFloatKind;
  if (f.specials === "exponent") return floatToPower(b, x);
  const { mantissaBits: m, minExponent } = f;
  const bits = asBits(b, x);
  const magnitude = arith.andi(b, bits, word(b, 0x7fffffff));
  const drop = 23 - m;
  const odd = arith.andi(b, arith.shrui(b, magnitude, word(b, drop)), word(b, 1));
  const rounded = arith.addi(b, arith.addi(b, magnitude, word(b, 2 ** (drop - 1) - 1)), odd);
  const normal = arith.shrui(b, arith.subi(b, rounded, word(b, (minExponent + 126) << 23)), word(b, drop));
  // Adding this leaves the subnormal number, rounded, in the low bits.
  const lift = 2 ** (23 + minExponent - m);
  const lifted = arith.addf(b, asFloat(b, magnitude), arith.constantFloat(b, lift, f32));
  const subnormal = arith.subi(b, asBits(b, lifted), word(b, f32Bits(lift)));
  const isNormal = arith.cmpi(b, magnitude, word(b, f32Bits(f.minNormal)), { predicate: "uge" });
  const code = arith.select(b, isNormal, normal, subnormal);
  const sign = arith.andi(b, arith.shrui(b, bits, word(b, 32 - f.width)), word(b, 2 ** (f.width - 1)));
  let value: Value = arith.ori(b, code, sign);
  if (f.specials === "fnuz") {
    // Zero has no sign.
    value = arith.select(b, arith.cmpi(b, code, word(b, 0), { predicate: "eq" }), code, value);
  }
  // Beyond the largest: infinity, or a NaN, which has no sign.
  const isBig = arith.cmpi(b, code, word(b, encodeFloat(kind, f.max)), { predicate: "ugt" });
  const beyond = word(b, encodeFloat(kind, Number.POSITIVE_INFINITY));
  const hasSign = f.specials === "ieee" || f.specials === "finite";
  value = arith.select(b, isBig, hasSign ? arith.ori(b, beyond, sign) : beyond, value);
  const isNan = arith.cmpi(b, magnitude, word(b, 0x7f800000), { predicate: "ugt" });
  return arith.select(b, isNan, word(b, encodeFloat(kind, Number.NaN)), value);
}

/**
 * The exponent of the power of two that is nearer to |x|, of the larger at a tie, as an f8E8M0FNU (see `encodeE8M0`).
 * Below 2^-126 the mantissa has no hidden one: 2^-127 is the half of its range.
 */
function floatToPower(b: Builder, x: Value): Value {
  const magnitude = arith.andi(b, asBits(b, x), word(b, 0x7fffffff));
  const exponent = arith.shrui(b, magnitude, word(b, 23));
  const mantissa = arith.andi(b, magnitude, word(b, 0x7fffff));
  const isLow = arith.cmpi(b, exponent, word(b, 0), { predicate: "eq" });
  const half = arith.select(b, isLow, word(b, 0x600000), word(b, 0x400000));
  const up = arith.extui(b, arith.cmpi(b, mantissa, half, { predicate: "uge" }), { types: [i32] });
  const finite = arith.cmpi(b, exponent, word(b, 0xff), { predicate: "ult" });
  return arith.select(b, finite, arith.addi(b, exponent, up), word(b, 0xff));
}
