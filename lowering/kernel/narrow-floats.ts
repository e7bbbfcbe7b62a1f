/**
 * @file f16, bf16 and the floats of 8 and 4 bits for machines that only store them: every op computes in f32 and rounds
 * once, and the conversions are integer arithmetic on the bits.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import { widensHalf } from "../../dialects/halves.ts";
import { Builder } from "../../ir/builder.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { bitsOfElement } from "../../ir/datum.ts";
import { Elementwise } from "../../ir/traits.ts";
import { bf16, type FloatType, f16, f32, f64, type IntegerType, i32, i64, integer, type Type } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isFloatKind } from "../../support/float.ts";
import { floatToSmall, smallToFloat } from "./small-floats.ts";

/** Floats below 32 bits whose format we know. */
const isNarrow = (t: Type): boolean => t.kind === "float" && t.width < 32 && isFloatKind(t.name);

export const narrowFloats = definePass("kernel-expand-narrow-floats", {
  doc: "Computes floats below 32 bits in f32, rounding after every op, and writes the conversions as bit arithmetic.",
  on: func.func,
  options: {},
  run(fn) {
    const ops: Operation[] = [];
    fn.walk((op) => {
      if (op.uses.some((u) => isNarrow(u.value.type)) || op.results.some((r) => isNarrow(r.type))) ops.push(op);
    });
    for (const op of ops) {
      if (arith.extf.is(op) || arith.truncf.is(op) || op.def.isConstant) continue;
      // Choosing and moving bits needs no arithmetic.
      if (arith.select.is(op) || arith.bitcast.is(op) || !op.def.has(Elementwise)) continue;
      computeWide(op);
    }
    const casts: Operation[] = [];
    fn.walk((op) => {
      if (arith.extf.is(op) || arith.truncf.is(op) || (op.def.isConstant && isNarrow(op.result().type))) casts.push(op);
    });
    for (const op of casts) {
      // Targets that keep constants in 16 bits read them by themselves.
      if (widensHalf(op)) continue;
      const b = Builder.before(op);
      const value = op.def.isConstant ? bitsOfConstant(b, op) : convert(b, op.operand(0), op.result().type);
      if (!value) continue;
      op.result().replaceAllUsesWith(value);
      op.erase();
    }
    return ops.length > 0 || casts.length > 0;
  },
});

/** The op on f32, between conversions. */
function computeWide(op: Operation): void {
  const b = Builder.before(op);
  const wide = op.operands.map((v) => (isNarrow(v.type) ? arith.extf(b, v, { types: [f32] }) : v));
  const made = b.insert(
    new Operation(op.def, {
      operands: wide,
      props: op.props.slice(),
      resultTypes: op.results.map((r) => (isNarrow(r.type) ? f32 : r.type)),
      loc: op.loc,
    }),
  );
  op.results.forEach((r, i) => {
    const v = made.result(i);
    r.replaceAllUsesWith(isNarrow(r.type) ? arith.truncf(b, v, { types: [r.type] }) : v);
  });
  op.erase();
}

function bitsOfConstant(b: Builder, op: Operation): Value | undefined {
  const { type } = op.result();
  const { value } = arith.constant.of(op);
  if (value.kind !== "float") return undefined;
  const bits = BigInt.asIntN((type as FloatType).width, bitsOfElement(type, value.value));
  return arith.bitcast(b, arith.constantInteger(b, bits, bitsType(type)), { types: [type] });
}

/** A conversion that the machine lacks; undefined where it has it. */
function convert(b: Builder, x: Value, to: Type): Value | undefined {
  const from = x.type;
  if (isNarrow(from)) {
    const single = toSingle(b, x, from as FloatType);
    return isNarrow(to)
      ? fromSingle(b, single, to as FloatType)
      : to === f32
        ? single
        : arith.extf(b, single, { types: [to] });
  }
  if (!isNarrow(to)) return undefined;
  return fromSingle(b, from === f64 ? roundedToOdd(b, x) : x, to as FloatType);
}

function toSingle(b: Builder, x: Value, from: FloatType): Value {
  return from === f16 ? halfToSingle(b, x) : from === bf16 ? brainToSingle(b, x) : smallToFloat(b, bitsOf(b, x), from);
}

function fromSingle(b: Builder, x: Value, to: FloatType): Value {
  return to === f16 ? singleToHalf(b, x) : to === bf16 ? singleToBrain(b, x) : narrowed(b, floatToSmall(b, x, to), to);
}

/**
 * A double as a single whose last bit says whether anything was lost, so that rounding it again gives what rounding the
 * double would (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to
 * odd", IEEE TC 57(4), 2008).
 */
function roundedToOdd(b: Builder, x: Value): Value {
  const single = arith.truncf(b, x, { types: [f32] });
  const back = arith.extf(b, single, { types: [f64] });
  const bits = arith.bitcast(b, single, { types: [i32] });
  const magnitude = (v: Value): Value =>
    arith.andi(b, arith.bitcast(b, v, { types: [i64] }), arith.constantInteger(b, 2n ** 63n - 1n, i64));
  const below = arith.cmpi(b, magnitude(back), magnitude(x), { predicate: "ult" });
  const odd = arith.addi(b, bits, arith.select(b, below, word(b, 1), word(b, -1)));
  const exact = arith.cmpf(b, back, x, { predicate: "ueq" });
  const isOdd = arith.cmpi(b, arith.andi(b, bits, word(b, 1)), word(b, 1), { predicate: "eq" });
  return arith.bitcast(b, arith.select(b, arith.ori(b, exact, isOdd), bits, odd), { types: [f32] });
}

/** The integers that hold the bits of a float type. */
const bitsType = (t: Type): IntegerType => integer((t as FloatType).width);
const word = (b: Builder, n: number): Value => arith.constantInteger(b, n, i32);
const bitsOf = (b: Builder, x: Value): Value =>
  isNarrow(x.type)
    ? arith.extui(b, arith.bitcast(b, x, { types: [bitsType(x.type)] }), { types: [i32] })
    : arith.bitcast(b, x, { types: [i32] });
const narrowed = (b: Builder, bits: Value, to: Type): Value =>
  arith.bitcast(b, arith.trunci(b, bits, { types: [bitsType(to)] }), { types: [to] });

/** Exponent and mantissa move into place, scaling mends the exponent and with it subnormal numbers. */
function halfToSingle(b: Builder, x: Value): Value {
  const bits = bitsOf(b, x);
  const sign = arith.shli(b, arith.andi(b, bits, word(b, 0x8000)), word(b, 16));
  const rest = arith.andi(b, bits, word(b, 0x7fff));
  const moved = arith.shli(b, rest, word(b, 13));
  const scaled = arith.mulf(b, arith.bitcast(b, moved, { types: [f32] }), arith.constantFloat(b, 2 ** 112, f32));
  const special = arith.ori(b, moved, word(b, 0x7f800000));
  const isSpecial = arith.cmpi(b, rest, word(b, 0x7c00), { predicate: "uge" });
  const magnitude = arith.select(b, isSpecial, special, arith.bitcast(b, scaled, { types: [i32] }));
  return arith.bitcast(b, arith.ori(b, magnitude, sign), { types: [f32] });
}

function brainToSingle(b: Builder, x: Value): Value {
  return arith.bitcast(b, arith.shli(b, bitsOf(b, x), word(b, 16)), { types: [f32] });
}

/** The bits with `drop` of them rounded off, to nearest, ties to even. */
function rounded(b: Builder, bits: Value, drop: number): Value {
  const odd = arith.andi(b, arith.shrui(b, bits, word(b, drop)), word(b, 1));
  return arith.addi(b, arith.addi(b, bits, word(b, 2 ** (drop - 1) - 1)), odd);
}

function singleToBrain(b: Builder, x: Value): Value {
  const bits = bitsOf(b, x);
  const value = arith.shrui(b, rounded(b, bits, 16), word(b, 16));
  const isNan = arith.cmpf(b, x, x, { predicate: "uno" });
  return narrowed(b, arith.select(b, isNan, word(b, 0x7fc0), value), bf16);
}

function singleToHalf(b: Builder, x: Value): Value {
  const bits = bitsOf(b, x);
  const sign = arith.andi(b, arith.shrui(b, bits, word(b, 16)), word(b, 0x8000));
  const magnitude = arith.andi(b, bits, word(b, 0x7fffffff));
  const normal = arith.shrui(b, arith.subi(b, rounded(b, magnitude, 13), word(b, 112 << 23)), word(b, 13));
  // Adding 0.5 leaves the subnormal number, rounded, in the low bits.
  const shifted = arith.addf(b, arith.bitcast(b, magnitude, { types: [f32] }), arith.constantFloat(b, 0.5, f32));
  const subnormal = arith.subi(b, arith.bitcast(b, shifted, { types: [i32] }), word(b, 0x3f000000));
  const isNormal = arith.cmpi(b, magnitude, word(b, 0x38800000), { predicate: "uge" });
  const isBig = arith.cmpi(b, magnitude, word(b, 0x477ff000), { predicate: "uge" });
  const isNan = arith.cmpi(b, magnitude, word(b, 0x7f800000), { predicate: "ugt" });
  const finite = arith.select(b, isNormal, normal, subnormal);
  const value = arith.select(b, isNan, word(b, 0x7e00), arith.select(b, isBig, word(b, 0x7c00), finite));
  return narrowed(b, arith.ori(b, value, sign), f16);
}
