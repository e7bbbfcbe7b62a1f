/** @file Conversions of the arith dialect, between integers, floats, index, and bit patterns. */
import { attr } from "../../ir/attributes.ts";
import { type Constraint, FloatLike, SignlessFixedWidthIntegerLike, where } from "../../ir/constraints.ts";
import { bitsOfElement, dtypeOf, elementOfBits, isBig, unsignedOf, widthOf } from "../../ir/datum.ts";
import { defineOp, type Spec } from "../../ir/define.ts";
import type { Num, ScalarFactory } from "../../ir/evaluate.ts";
import { type Field, one } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { Elementwise, type Fail, Pure, SameOperandsAndResultShape, SameTensorDimensions } from "../../ir/traits.ts";
import { elementOf, type FloatType, i32, isShaped, type Type } from "../../ir/types.ts";
import {
  f32Bits,
  f32FromBits,
  f64Bits,
  f64FromBits,
  floatFormats,
  isFloatKind,
  roundTo,
  ulp,
} from "../../support/float.ts";
import { NDArray, storageOf } from "../../support/ndarray.ts";
import { fastmath, fastmathAssembly, overflow } from "./flags.ts";

const traits = [Pure, SameTensorDimensions, SameOperandsAndResultShape, Elementwise] as const;

const incompatible = (from: Type, to: Type, fail: Fail): void =>
  fail(`operand type '${typeText(from)}' and result type '${typeText(to)}' are cast incompatible`, {
    code: "verify/result-type",
  });

/** Kinds of the outer types agree, and so do encodings of tensors. */
function sameContainer(from: Type, to: Type): boolean {
  if (isShaped(from) !== isShaped(to) || (isShaped(from) && from.kind !== to.kind)) return false;
  return from.kind !== "tensor" || to.kind !== "tensor" || from.encoding === to.encoding;
}

const cast = <const N extends string, I extends Type, O extends Type>(
  name: N,
  doc: string,
  from: Constraint<I>,
  to: Constraint<O>,
  fits: (from: Type, to: Type) => boolean,
  scalar: ScalarFactory,
  rest: Pick<
    Spec<readonly [Field<"in", I, "one">], {}, readonly [Field<"out", O, "one">], readonly []>,
    "evaluate"
  > = {},
) =>
  defineOp(`arith.${name}`, {
    doc,
    scalar,
    operands: [one("in", from)],
    results: [one("out", to)],
    traits,
    assembly: "$in attr-dict `:` type($in) `to` type($out)",
    verify(view, fail) {
      const [a, b] = [view.in.type, view.out.type];
      if (!sameContainer(a, b) || !fits(elementOf(a), elementOf(b))) incompatible(a, b, fail);
    },
    ...rest,
  });

const wider = (from: Type, to: Type): boolean => widthOf(from) < widthOf(to);
const narrower = (from: Type, to: Type): boolean => widthOf(from) > widthOf(to);
const any = (): boolean => true;

/** The value with its sign; only i1, which is 0 or 1 at run time, does not show it by itself. */
const signedOf = (type: Type): ((v: Num) => Num) => (widthOf(type) === 1 ? (v) => 0 - (v as number) : (v) => v);

export const extsi = cast(
  "extsi",
  "Widens an integer by copies of its sign.",
  SignlessFixedWidthIntegerLike,
  SignlessFixedWidthIntegerLike,
  wider,
  (info) => signedOf(info.operands[0]!),
);
export const extui = cast(
  "extui",
  "Widens an integer by zeros.",
  SignlessFixedWidthIntegerLike,
  SignlessFixedWidthIntegerLike,
  wider,
  ({ operands: [type] }) =>
    (v: Num) =>
      unsignedOf(type!, v),
);
export const trunci = defineOp("arith.trunci", {
  doc: "Narrows an integer to its low bits.",
  scalar: () => (v: Num) => v,
  operands: [one("in", SignlessFixedWidthIntegerLike)],
  attrs: { overflowFlags: overflow.default([]).since22() },
  results: [one("out", SignlessFixedWidthIntegerLike)],
  traits,
  assembly: "$in (`overflow` `` $overflowFlags^)? attr-dict `:` type($in) `to` type($out)",
  verify(view, fail) {
    const [a, b] = [view.in.type, view.out.type];
    if (!sameContainer(a, b) || !narrower(elementOf(a), elementOf(b))) incompatible(a, b, fail);
  },
});

/**
 * An integer as a double that rounds to the same narrower float as the integer itself: bits below those that a double
 * holds are gathered in its last one.
 */
function doubleOf(v: Num): number {
  if (typeof v === "number") return v;
  const size = (v < 0n ? -v : v).toString(2).length;
  if (size <= 53) return Number(v);
  const cut = BigInt(size - 53);
  const high = v >> cut;
  return Number(high << cut === v ? high : high | 1n) * 2 ** Number(cut);
}

/** To f64 the one rounding is that of the conversion itself. */
const toFloat = (to: Type, view: (v: Num) => Num): ((v: Num) => number) =>
  (to as FloatType).name === "f64" ? (v) => Number(view(v)) : (v) => doubleOf(view(v));

export const sitofp = cast(
  "sitofp",
  "A signed integer as the nearest float.",
  SignlessFixedWidthIntegerLike,
  FloatLike,
  any,
  ({ operands: [from], results: [to] }) => toFloat(to!, signedOf(from!)),
);
export const uitofp = cast(
  "uitofp",
  "An unsigned integer as the nearest float.",
  SignlessFixedWidthIntegerLike,
  FloatLike,
  any,
  ({ operands: [from], results: [to] }) => toFloat(to!, (v) => unsignedOf(from!, v)),
);

/** Rounds towards zero. What the type cannot hold has no meaning in MLIR; here it saturates, and NaN is 0. */
const toInteger =
  (signed: boolean): ScalarFactory =>
  ({ results: [to] }) => {
    const width = widthOf(to!);
    const low = signed ? -(2 ** (width - 1)) : 0;
    const high = 2 ** (signed ? width - 1 : width);
    const highest = isBig(to!) ? (1n << BigInt(signed ? width - 1 : width)) - 1n : high - 1;
    return (v: number) => {
      if (Number.isNaN(v)) return 0;
      if (v >= high) return highest;
      const whole = Math.max(low, Math.trunc(v));
      return isBig(to!) ? BigInt(whole) : whole;
    };
  };

export const fptosi = cast(
  "fptosi",
  "A float as a signed integer, rounded towards zero; undefined where the type cannot hold it.",
  FloatLike,
  SignlessFixedWidthIntegerLike,
  any,
  toInteger(true),
);
export const fptoui = cast(
  "fptoui",
  "A float as an unsigned integer, rounded towards zero; undefined where the type cannot hold it.",
  FloatLike,
  SignlessFixedWidthIntegerLike,
  any,
  toInteger(false),
);

export const extf = defineOp("arith.extf", {
  doc: "Widens a float; exact.",
  scalar: () => (v: number) => v,
  operands: [one("in", FloatLike)],
  attrs: { fastmath: fastmath.optional() },
  results: [one("out", FloatLike)],
  traits,
  assembly: `$in ${fastmathAssembly} attr-dict \`:\` type($in) \`to\` type($out)`,
  verify(view, fail) {
    const [a, b] = [view.in.type, view.out.type];
    if (!sameContainer(a, b) || !wider(elementOf(a), elementOf(b))) incompatible(a, b, fail);
  },
});

const roundingModes = ["to_nearest_even", "downward", "upward", "toward_zero", "to_nearest_away"] as const;
type RoundingMode = (typeof roundingModes)[number];

export const truncf = defineOp("arith.truncf", {
  doc: "Narrows a float; rounds to nearest, ties to even, unless a rounding mode is given.",
  scalar: ({ attrs, results: [to] }) => {
    const mode = attrs.roundingmode as RoundingMode | undefined;
    return mode === undefined || mode === "to_nearest_even"
      ? (v: number) => v
      : (v: number) => roundBy(mode, to as FloatType, v);
  },
  operands: [one("in", FloatLike)],
  attrs: {
    roundingmode: attr.enumInt(roundingModes, i32).optional(),
    fastmath: fastmath.optional(),
  },
  results: [one("out", FloatLike)],
  traits,
  assembly: `$in ($roundingmode^)? ${fastmathAssembly} attr-dict \`:\` type($in) \`to\` type($out)`,
  verify(view, fail) {
    const [a, b] = [view.in.type, view.out.type];
    if (!sameContainer(a, b) || !narrower(elementOf(a), elementOf(b))) incompatible(a, b, fail);
  },
});

/** From the nearest number of the type, one step to where the mode wants it. */
function roundBy(mode: RoundingMode, type: FloatType, x: number): number {
  const kind = type.name;
  if (!isFloatKind(kind)) return x;
  const near = roundTo(kind, x);
  if (near === x || !Number.isFinite(x)) return near;
  const { max } = floatFormats[kind];
  const step = ulp(kind, x);
  const below = near < x ? near : near === Number.POSITIVE_INFINITY ? max : near - step;
  const above = near > x ? near : near === Number.NEGATIVE_INFINITY ? -max : near + step;
  switch (mode) {
    case "downward":
      return below;
    case "upward":
      return above;
    case "toward_zero":
      return x > 0 ? below : above;
    case "to_nearest_away":
      return x - below === above - x ? (x > 0 ? above : below) : near;
    default:
      return near;
  }
}

const isIndex = (t: Type): boolean => t.kind === "index";
const IndexCastable = where<Type>("signless-integer-like or memref of signless-integer", (t) => {
  const e = elementOf(t);
  return isIndex(e) || (e.kind === "integer" && e.signedness === "signless");
});
const oneIsIndex = (a: Type, b: Type): boolean => isIndex(a) !== isIndex(b);

export const index_cast = cast(
  "index_cast",
  "Between index and an integer of a width; narrows, or widens by copies of the sign.",
  IndexCastable,
  IndexCastable,
  oneIsIndex,
  (info) => signedOf(info.operands[0]!),
);
export const index_castui = cast(
  "index_castui",
  "Between index and an integer of a width; narrows, or widens by zeros.",
  IndexCastable,
  IndexCastable,
  oneIsIndex,
  ({ operands: [from] }) =>
    (v: Num) =>
      unsignedOf(from!, v),
);

const Bits = where<Type>("signless-integer-or-float-like or memref of signless-integer or float", (t) => {
  const e = elementOf(t);
  return e.kind === "float" || (e.kind === "integer" && e.signedness === "signless");
});

export const bitcast = cast(
  "bitcast",
  "The same bits as another type of the same width.",
  Bits,
  Bits,
  (a, b) => widthOf(a) === widthOf(b),
  bitcastKernel,
  {
    evaluate({ in: array }, run) {
      const to = dtypeOf(elementOf(run.resultType(0)));
      if (!(array instanceof NDArray) || !to) return run.fail("this bitcast has no run-time form");
      const { buffer, byteOffset, byteLength } = array.data;
      const data = storageOf(to, new Uint8Array(buffer, byteOffset, byteLength));
      return [new NDArray(to, array.shape, data, array.strides, array.offset)];
    },
  },
);

function bitcastKernel({ operands: [from], results: [to] }: Parameters<ScalarFactory>[0]): (v: never) => Num {
  const isFloat = (t: Type, name: string): boolean => t.kind === "float" && t.name === name;
  if (from === to) return (v: Num) => v;
  // The engine may keep any of the NaNs: bits are those of the quiet one without sign.
  if (isFloat(from!, "f32")) return (v: number) => (Number.isNaN(v) ? 0x7fc00000 : f32Bits(v) | 0);
  if (isFloat(to!, "f32") && from!.kind === "integer") return (v: number) => f32FromBits(v);
  if (isFloat(from!, "f64")) return (v: number) => (Number.isNaN(v) ? 0x7ff8n << 48n : BigInt.asIntN(64, f64Bits(v)));
  if (isFloat(to!, "f64")) return (v: bigint) => f64FromBits(BigInt.asUintN(64, v));
  return (v: Num) => elementOfBits(to!, bitsOfElement(from!, v));
}
