/** @file Element by element, with broadcasting: arithmetic, comparisons, functions, and casts. */
import { attr } from "../../ir/attributes.ts";
import { unsignedOf, widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num, ScalarFactory, ScalarInfo, ScalarKernel } from "../../ir/evaluate.ts";
import { type Field, one } from "../../ir/fields.ts";
import { Commutative, Pure, type Trait } from "../../ir/traits.ts";
import { type FloatType, i64, integerAttribute, type TensorType, type Type } from "../../ir/types.ts";
import { erf as erfOf, pow as powOf, roundEven } from "../../support/special.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";
import { BoolTensor, functional, mapStretched, NumberTensor, quantization, zeroPoint } from "./common.ts";

type TensorField<N extends string> = Field<N, TensorType, "one">;
const isFloat = (t: Type | undefined): t is FloatType => t?.kind === "float";

/** One function for floats, one for integers. */
const either =
  (float: ScalarFactory, integer: ScalarFactory): ScalarFactory =>
  (info) =>
    isFloat(info.operands[0]) ? float(info) : integer(info);
const of =
  (kernel: ScalarKernel): ScalarFactory =>
  () =>
    kernel;
/** The meaning of another op. */
const as = (op: { readonly spec: { readonly scalar?: ScalarFactory } }): ScalarFactory => op.spec.scalar!;

const unary = <const N extends string, const A extends string = "input1">(
  name: N,
  doc: string,
  scalar: ScalarFactory,
  operand: A = "input1" as A,
) =>
  defineOp(`tosa.${name}`, {
    doc,
    scalar,
    operands: [one(operand, NumberTensor) as TensorField<A>],
    results: [one("output", NumberTensor)],
    traits: [Pure],
    assembly: functional,
    evaluate: (args, run) => mapStretched([(args as unknown as Record<A, never>)[operand]], run),
  });

const binary = <const N extends string>(name: N, doc: string, scalar: ScalarFactory, ...traits: readonly Trait[]) =>
  defineOp(`tosa.${name}`, {
    doc,
    scalar,
    operands: [one("input1", NumberTensor), one("input2", NumberTensor)],
    results: [one("output", NumberTensor)],
    traits: [Pure, ...traits],
    assembly: functional,
    evaluate: ({ input1, input2 }, run) => mapStretched([input1, input2], run),
  });

const compare = (predicate: string, ordered: string): ScalarFactory =>
  either(
    (info) => as(arith.cmpf)({ ...info, attrs: { predicate: ordered } }),
    (info) => as(arith.cmpi)({ ...info, attrs: { predicate } }),
  );

const logical = <const N extends string>(name: N, doc: string, kernel: (a: number, b: number) => number) =>
  defineOp(`tosa.${name}`, {
    doc,
    scalar: of(kernel),
    operands: [one("input1", BoolTensor), one("input2", BoolTensor)],
    results: [one("z", BoolTensor)],
    traits: [Pure, Commutative],
    assembly: functional,
    evaluate: ({ input1, input2 }, run) => mapStretched([input1, input2], run),
  });

// --- two operands -------------------------------------------------------------------------------------------------

export const add = binary("add", "Addition.", either(as(arith.addf), as(arith.addi)), Commutative);
export const sub = binary("sub", "Subtraction.", either(as(arith.subf), as(arith.subi)));
export const maximum = binary(
  "maximum",
  "The larger of two.",
  either(as(arith.maximumf), as(arith.maxsi)),
  Commutative,
);
export const minimum = binary(
  "minimum",
  "The smaller of two.",
  either(as(arith.minimumf), as(arith.minsi)),
  Commutative,
);
export const int_div = binary("int_div", "Integer division, rounded towards zero.", as(arith.divsi));
export const bitwise_and = binary("bitwise_and", "Bitwise and.", as(arith.andi), Commutative);
export const bitwise_or = binary("bitwise_or", "Bitwise or.", as(arith.ori), Commutative);
export const bitwise_xor = binary("bitwise_xor", "Bitwise exclusive or.", as(arith.xori), Commutative);
export const logical_left_shift = binary("logical_left_shift", "Shift to the left.", as(arith.shli));
export const logical_right_shift = binary(
  "logical_right_shift",
  "Shift to the right, zeros from the left.",
  as(arith.shrui),
);
export const equal = binary("equal", "Whether two are equal.", compare("eq", "oeq"), Commutative);
export const greater = binary("greater", "Whether the first is larger.", compare("sgt", "ogt"));
export const greater_equal = binary("greater_equal", "Whether the first is not smaller.", compare("sge", "oge"));
export const logical_and = logical("logical_and", "Whether both hold.", (a, b) => a & b);
export const logical_or = logical("logical_or", "Whether either holds.", (a, b) => a | b);
export const logical_xor = logical("logical_xor", "Whether exactly one holds.", (a, b) => a ^ b);

export const pow = defineOp("tosa.pow", {
  doc: "A number to a power.",
  scalar: of(powOf),
  operands: [one("input1", NumberTensor), one("input2", NumberTensor)],
  results: [one("z", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input1, input2 }, run) => mapStretched([input1, input2], run),
});

export const mul = defineOp("tosa.mul", {
  doc: "Multiplication; products of integers may be shifted down, rounding to nearest.",
  scalar: either(as(arith.mulf), ({ attrs }) => {
    const shift = BigInt(attrs.shift as number);
    const round = shift > 0n ? 1n << (shift - 1n) : 0n;
    return (a: Num, b: Num) => (BigInt(a) * BigInt(b) + round) >> shift;
  }),
  operands: [one("input1", NumberTensor), one("input2", NumberTensor)],
  attrs: { shift: attr.i8 },
  results: [one("output", NumberTensor)],
  traits: [Pure, Commutative],
  assembly: functional,
  evaluate: ({ input1, input2 }, run) => mapStretched([input1, input2], run),
});

export const arithmetic_right_shift = defineOp("tosa.arithmetic_right_shift", {
  doc: "Shift to the right, copies of the sign from the left; may round to nearest.",
  scalar: (info) => {
    const shift = as(arith.shrsi)(info) as (a: Num, b: Num) => Num;
    if (!info.attrs.round) return shift;
    return (a: Num, b: Num) => {
      const amount = BigInt(b);
      const last = amount > 0n ? (BigInt(a) >> (amount - 1n)) & 1n : 0n;
      return BigInt(shift(a, b)) + last;
    };
  },
  operands: [one("input1", NumberTensor), one("input2", NumberTensor)],
  attrs: { round: attr.bool },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input1, input2 }, run) => mapStretched([input1, input2], run),
});

// --- one operand --------------------------------------------------------------------------------------------------

export const abs = unary("abs", "The magnitude.", either(as(math.absf), as(math.absi)));
export const bitwise_not = unary(
  "bitwise_not",
  "All bits flipped.",
  of((a: Num) => (typeof a === "bigint" ? ~a : ~a)),
);
export const ceil = unary("ceil", "The least integer that is not smaller.", as(math.ceil));
export const floor = unary("floor", "The greatest integer that is not larger.", as(math.floor));
export const clz = unary("clz", "How many zero bits stand above the highest set one.", as(math.ctlz));
export const exp = unary("exp", "e to a power.", as(math.exp));
export const log = unary("log", "Natural logarithm.", as(math.log));
export const reciprocal = unary(
  "reciprocal",
  "One over a number.",
  of((a: number) => 1 / a),
);
export const rsqrt = unary("rsqrt", "One over the square root.", as(math.rsqrt));
export const identity = unary(
  "identity",
  "The operand.",
  of((a: Num) => a),
);
export const cos = unary("cos", "Cosine.", as(math.cos), "input");
export const sin = unary("sin", "Sine.", as(math.sin), "input");
export const erf = unary("erf", "The error function.", of(erfOf), "input");
export const sigmoid = unary(
  "sigmoid",
  "1 / (1 + e^-x).",
  of((a: number) => 1 / (1 + Math.exp(-a))),
  "input",
);
export const tanh = unary("tanh", "Hyperbolic tangent.", as(math.tanh), "input");
export const cast = unary(
  "cast",
  "To another element type; floats are rounded to even and saturate.",
  castKernel,
  "input",
);

export const logical_not = defineOp("tosa.logical_not", {
  doc: "Whether it does not hold.",
  scalar: of((a: number) => 1 - a),
  operands: [one("input1", BoolTensor)],
  results: [one("output", BoolTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input1 }, run) => mapStretched([input1], run),
});

function castKernel(info: ScalarInfo): ScalarKernel {
  const [from, to] = [info.operands[0]!, info.results[0]!];
  if (to.kind === "integer" && to.width === 1) return (a: Num) => (Number(a) !== 0 ? 1 : 0);
  if (isFloat(from) && !isFloat(to)) {
    const truncate = as(arith.fptosi)(info) as (a: number) => Num;
    return (a: number) => truncate(roundEven(a));
  }
  if (!isFloat(from) && isFloat(to)) return widthOf(from) === 1 ? (a: Num) => a : as(arith.sitofp)(info);
  return (a: Num) => a;
}

export const negate = defineOp("tosa.negate", {
  doc: "The number with the other sign; of quantized ones, about their zero points.",
  scalar: either(as(arith.negf), ({ attrs, results: [type] }) => {
    const info = attrs.quantization_info as never;
    const points = zeroPoint(info, "input_zp") + zeroPoint(info, "output_zp");
    if (points === 0) return (a: Num) => -a;
    // What leaves the type saturates.
    const high = 2 ** (widthOf(type!) - 1) - 1;
    return (a: Num) => Math.min(Math.max(points - Number(a), -high - 1), high);
  }),
  operands: [one("input1", NumberTensor)],
  attrs: { quantization_info: quantization("unary_quant") },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input1 }, run) => mapStretched([input1], run),
});

const anyFloat = attr.where("arbitrary float attribute", (a) => a.kind === "float");
/** I64Attr whose values may be beyond those of a number. */
const exactInteger = attr.custom<bigint>(
  "64-bit signless integer attribute",
  { kind: "untyped", type: i64 },
  (v) => integerAttribute(v, i64),
  (a) => (a.kind === "integer" && a.type === i64 ? a.value : undefined),
);

export const clamp = defineOp("tosa.clamp", {
  doc: "The number, but not below a least and not above a greatest one.",
  scalar: ({ operands: [type], attrs }) => {
    if (isFloat(type)) {
      const [low, high] = [attrs.min_fp, attrs.max_fp].map((a) => (a as { readonly value: number }).value);
      return (a: number) => Math.min(Math.max(a, low!), high!);
    }
    const [low, high] = [attrs.min_int as bigint, attrs.max_int as bigint];
    const unsigned = type?.kind === "integer" && type.signedness === "unsigned";
    return (a: Num) => {
      const v = unsigned ? unsignedOf(type, a) : a;
      return v < low ? low : v > high ? high : v;
    };
  },
  operands: [one("input", NumberTensor)],
  attrs: { min_int: exactInteger, max_int: exactInteger, min_fp: anyFloat, max_fp: anyFloat },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input }, run) => mapStretched([input], run),
});

// --- three operands -----------------------------------------------------------------------------------------------

export const select = defineOp("tosa.select", {
  doc: "One of two values: the first where the condition holds.",
  scalar: of((c: number, yes: Num, no: Num) => (c ? yes : no)),
  operands: [one("pred", BoolTensor), one("on_true", NumberTensor), one("on_false", NumberTensor)],
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: "operands attr-dict `:` `(` type($pred) `,` type($on_true) `,` type($on_false) `)` `->` type($output)",
  evaluate: ({ pred, on_true, on_false }, run) => mapStretched([pred, on_true, on_false], run),
});
