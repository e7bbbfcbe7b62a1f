/** @file Floating-point arithmetic of the arith dialect: one rounding per op; freedom only by flags. */

import { FloatLike } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Commutative, Elementwise, Idempotent, Involution, Pure, sameTypes, type Trait } from "../../ir/traits.ts";
import { fastmath, fastmathAssembly } from "./flags.ts";

const binary = <const N extends string>(
  name: N,
  doc: string,
  kernel: (a: number, b: number) => number,
  ...traits: readonly Trait[]
) =>
  defineOp(`arith.${name}`, {
    doc,
    scalar: () => kernel,
    operands: [one("lhs", FloatLike), one("rhs", FloatLike)],
    attrs: { fastmath: fastmath.default([]) },
    results: [one("result", FloatLike)],
    traits: [Pure, Elementwise, sameTypes("lhs", "rhs", "result"), ...traits],
    infer: ({ lhs }) => [lhs.type],
    assembly: `$lhs \`,\` $rhs ${fastmathAssembly} attr-dict \`:\` type($result)`,
  });

export const addf = binary("addf", "Floating-point addition.", (a, b) => a + b, Commutative);
export const subf = binary("subf", "Floating-point subtraction.", (a, b) => a - b);
export const mulf = binary("mulf", "Floating-point multiplication.", (a, b) => a * b, Commutative);
export const divf = binary("divf", "Floating-point division.", (a, b) => a / b);
export const remf = binary(
  "remf",
  "The remainder of division rounded towards zero; exact, with the sign of the dividend.",
  (a, b) => a % b,
);
export const minimumf = binary(
  "minimumf",
  "The smaller of two numbers; NaN if either is, and -0 is smaller than +0 (IEEE 754-2019 minimum).",
  (a, b) => Math.min(a, b),
  Commutative,
  Idempotent,
);
export const maximumf = binary(
  "maximumf",
  "The larger of two numbers; NaN if either is, and +0 is larger than -0 (IEEE 754-2019 maximum).",
  (a, b) => Math.max(a, b),
  Commutative,
  Idempotent,
);
export const minnumf = binary(
  "minnumf",
  "The smaller of two numbers; the other one if one is NaN (IEEE 754-2008 minNum).",
  (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)),
  Commutative,
  Idempotent,
);
export const maxnumf = binary(
  "maxnumf",
  "The larger of two numbers; the other one if one is NaN (IEEE 754-2008 maxNum).",
  (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)),
  Commutative,
  Idempotent,
);

export const negf = defineOp("arith.negf", {
  doc: "Flips the sign, of zeros and NaNs too.",
  scalar: () => (a: number) => -a,
  operands: [one("operand", FloatLike)],
  attrs: { fastmath: fastmath.default([]) },
  results: [one("result", FloatLike)],
  traits: [Pure, Elementwise, Involution, sameTypes("operand", "result")],
  infer: ({ operand }) => [operand.type],
  assembly: `$operand ${fastmathAssembly} attr-dict \`:\` type($result)`,
});
