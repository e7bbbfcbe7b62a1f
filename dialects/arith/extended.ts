/** @file Integer arithmetic of the arith dialect with two results: the low part, and what does not fit it. */
import { BoolLike, SignlessIntegerLike } from "../../ir/constraints.ts";
import { isBig, unsignedOf, widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { allTypesMatch, Commutative, Elementwise, Pure } from "../../ir/traits.ts";
import type { Type } from "../../ir/types.ts";
import { comparisonType } from "./compare.ts";

export const addui_extended = defineOp("arith.addui_extended", {
  doc: "Unsigned addition: the sum, and whether it overflowed.",
  operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
  results: [one("sum", SignlessIntegerLike), one("overflow", BoolLike)],
  traits: [Pure, Commutative, Elementwise, allTypesMatch("lhs", "rhs", "sum")],
  names: () => ["sum", "overflow"],
  infer: ({ lhs }) => [lhs.type, comparisonType(lhs.type)],
  assembly: "$lhs `,` $rhs attr-dict `:` type($sum) `,` type($overflow)",
  scalar: (info) => {
    const width = widthOf(info.operands[0]!);
    if (isBig(info.operands[0]!) || info.operands[0]!.kind === "index") {
      return (a: Num, b: Num) => {
        const sum = BigInt.asUintN(width, BigInt(a)) + BigInt.asUintN(width, BigInt(b));
        return [BigInt.asIntN(width, sum), sum >> BigInt(width) ? 1 : 0];
      };
    }
    const type = info.operands[0]!;
    return (a: number, b: number) => {
      const sum = (unsignedOf(type, a) as number) + (unsignedOf(type, b) as number);
      return [sum, sum >= 2 ** width ? 1 : 0];
    };
  },
});

const extendedProduct = <const N extends string>(name: N, doc: string, view: (type: Type, v: Num) => bigint) =>
  defineOp(`arith.${name}`, {
    doc,
    operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
    results: [one("low", SignlessIntegerLike), one("high", SignlessIntegerLike)],
    traits: [Pure, Commutative, Elementwise, allTypesMatch("lhs", "rhs", "low", "high")],
    names: () => ["low", "high"],
    infer: ({ lhs }) => [lhs.type, lhs.type],
    assembly: "$lhs `,` $rhs attr-dict `:` type($lhs)",
    scalar: (info) => {
      const type = info.operands[0]!;
      const width = BigInt(widthOf(type));
      return (a: Num, b: Num) => {
        const product = view(type, a) * view(type, b);
        return [BigInt.asIntN(Number(width), product), BigInt.asIntN(Number(width), product >> width)];
      };
    },
  });

export const mulsi_extended = extendedProduct(
  "mulsi_extended",
  "Signed multiplication: the low and the high half of the product.",
  (type, v) => BigInt.asIntN(widthOf(type), BigInt(v)),
);
export const mului_extended = extendedProduct(
  "mului_extended",
  "Unsigned multiplication: the low and the high half of the product.",
  (type, v) => BigInt.asUintN(widthOf(type), BigInt(v)),
);
