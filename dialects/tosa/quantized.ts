/** @file Rescaling of quantized numbers, and look-up tables. */
import { attr } from "../../ir/attributes.ts";
import { SignlessIntegerLike } from "../../ir/constraints.ts";
import { isBig, widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Elementwise, Pure } from "../../ir/traits.ts";
import { elementOf, i8, type Type } from "../../ir/types.ts";
import { computed, functional, integerView, NumberTensor, tensorOfRank } from "./common.ts";

/** value · multiplier / 2^shift, rounded to nearest; with double rounding as two steps would (TOSA, apply_scale_32). */
export function applyScale(value: Num, multiplier: Num, shift: number, doubleRound: boolean): bigint {
  const v = BigInt(value);
  let round = 1n << BigInt(shift - 1);
  if (doubleRound && shift > 31) round += v >= 0n ? 1n << 30n : -(1n << 30n);
  return (v * BigInt(multiplier) + round) >> BigInt(shift);
}

export const apply_scale = defineOp("tosa.apply_scale", {
  doc: "Multiplies by a fixed-point factor: value * multiplier / 2^shift, rounded.",
  scalar: ({ attrs }) => {
    const doubleRound = attrs.double_round as boolean;
    return (value: Num, multiplier: Num, shift: Num) => applyScale(value, multiplier, Number(shift), doubleRound);
  },
  operands: [
    one("value", SignlessIntegerLike),
    one("multiplier", SignlessIntegerLike),
    one("shift", SignlessIntegerLike),
  ],
  attrs: { double_round: attr.bool },
  results: [one("output", SignlessIntegerLike)],
  traits: [Pure, Elementwise],
  assembly: functional,
});

/** The least and greatest integer of an element type. */
function rangeOf(t: Type): readonly [bigint, bigint] {
  const width = BigInt(widthOf(t));
  const unsigned = t.kind === "integer" && t.signedness === "unsigned";
  return unsigned ? [0n, (1n << width) - 1n] : [-(1n << (width - 1n)), (1n << (width - 1n)) - 1n];
}

/** DenseArrayAttr of i8. */
const i8s = attr.custom<readonly number[]>(
  "i8 dense array attribute",
  { kind: "list" },
  (v) => ({ kind: "denseArray", element: i8, values: v }),
  (a) => (a.kind === "denseArray" && a.element === i8 ? a.values.map(Number) : undefined),
);

export const rescale = defineOp("tosa.rescale", {
  doc: "Brings quantized numbers to another scale and zero point; what leaves the type saturates.",
  operands: [one("input", NumberTensor)],
  attrs: {
    input_zp: attr.i32,
    output_zp: attr.i32,
    multiplier: attr.i32s,
    shift: i8s,
    scale32: attr.bool,
    double_round: attr.bool,
    per_channel: attr.bool,
  },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, input_zp, output_zp, multiplier, shift, double_round, per_channel, scale32 }, run) {
    const view = integerView(run.op, 0);
    const [low, high] = rangeOf(elementOf(run.resultType(0)));
    return computed(run, input.shape, (index) => {
      const channel = per_channel ? (index[index.length - 1] ?? 0) : 0;
      const value = BigInt(view(input.get(index))) - BigInt(input_zp);
      const scaled = applyScale(value, multiplier[channel]!, shift[channel]!, double_round && scale32);
      const moved = scaled + BigInt(output_zp);
      return moved < low ? low : moved > high ? high : moved;
    });
  },
});

export const table = defineOp("tosa.table", {
  doc: "Looks numbers up: 8-bit ones directly, 16-bit ones between the two nearest entries.",
  operands: [one("input", NumberTensor), one("table", tensorOfRank(1))],
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: "$input `,` $table attr-dict `:` `(` type($input) `,` type($table) `)` `->` type($output)",
  evaluate: ({ input, table: entries }, run) =>
    computed(run, input.shape, (index) => {
      const v = Number(input.get(index));
      if (widthOf(elementOf(run.operandType(0))) === 8) return entries.get([v + 128]);
      const position = v + 32768;
      const [at, rest] = [position >> 7, position & 127];
      const [base, next] = [Number(entries.get([at])), Number(entries.get([at + 1]))];
      const value = base * 128 + (next - base) * rest;
      return isBig(elementOf(run.resultType(0))) ? BigInt(value) : value;
    }),
});
