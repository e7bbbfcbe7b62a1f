/** @file Integer arithmetic of the arith dialect: two's complement, wrapping; signs are in the op, not in the type. */

import { attr } from "../../ir/attributes.ts";
import { SignlessIntegerLike } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { isBig, unsignedOf, widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num, ScalarFactory, ScalarInfo } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Commutative, Elementwise, Idempotent, Pure, sameTypes, type Trait } from "../../ir/traits.ts";
import type { Type } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { signedLess, unsignedLess } from "./compare.ts";
import { overflow } from "./flags.ts";

type Number2 = (a: number, b: number) => number;
type Big2 = (a: bigint, b: bigint) => bigint;

const typeOf = (info: ScalarInfo): Type => info.operands[0]!;

/** The kernel for numbers (index and up to 32 bits), or the one for bigints. */
const either =
  (small: Number2, big: Big2): ScalarFactory =>
  (info) =>
    isBig(typeOf(info)) ? big : small;

/** As `either`; operands are seen with their sign, which only i1 (0 or 1 at run time) does not show by itself. */
const signed =
  (make: (info: ScalarInfo) => { small: Number2; big: Big2 }): ScalarFactory =>
  (info) => {
    const { small, big } = make(info);
    if (isBig(typeOf(info))) return big;
    return widthOf(typeOf(info)) === 1 ? (a: number, b: number) => small(-a, -b) : small;
  };

/** As `either`; operands are seen without sign. Index is given as bigint where it is negative. */
const unsigned =
  (make: (info: ScalarInfo) => { small: Number2; big: Big2 }): ScalarFactory =>
  (info) => {
    const { small, big } = make(info);
    const type = typeOf(info);
    const width = widthOf(type);
    if (isBig(type)) return (a: bigint, b: bigint) => big(BigInt.asUintN(width, a), BigInt.asUintN(width, b));
    if (type.kind === "index") {
      return (a: number, b: number) =>
        a >= 0 && b >= 0
          ? small(a, b)
          : BigInt.asIntN(64, big(BigInt.asUintN(64, BigInt(a)), BigInt.asUintN(64, BigInt(b))));
    }
    return (a: number, b: number) => small(unsignedOf(type, a) as number, unsignedOf(type, b) as number);
  };

const binary = <const N extends string>(name: N, doc: string, scalar: ScalarFactory, ...traits: readonly Trait[]) =>
  defineOp(`arith.${name}`, {
    doc,
    scalar,
    operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
    results: [one("result", SignlessIntegerLike)],
    traits: [Elementwise, sameTypes("lhs", "rhs", "result"), ...traits],
    infer: ({ lhs }) => [lhs.type],
    assembly: "$lhs `,` $rhs attr-dict `:` type($result)",
    // Not all of these are pure: a division may not be moved to where it did not run.
    effects: () => [],
  });

/** With the promise that nothing is lost: a division without remainder, a shift that drops only zeros. */
const exactable = <const N extends string>(name: N, doc: string, scalar: ScalarFactory, ...traits: readonly Trait[]) =>
  defineOp(`arith.${name}`, {
    doc,
    scalar,
    operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
    attrs: { isExact: attr.unit.since22() },
    results: [one("result", SignlessIntegerLike)],
    traits: [Elementwise, sameTypes("lhs", "rhs", "result"), ...traits],
    infer: ({ lhs }) => [lhs.type],
    assembly: "$lhs `,` $rhs (`exact` $isExact^)? attr-dict `:` type($result)",
    effects: () => [],
  });

/** With flags that promise that nothing overflows. */
const overflowing = <const N extends string>(
  name: N,
  doc: string,
  scalar: ScalarFactory,
  ...traits: readonly Trait[]
) =>
  defineOp(`arith.${name}`, {
    doc,
    scalar,
    operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
    attrs: { overflowFlags: overflow.default([]) },
    results: [one("result", SignlessIntegerLike)],
    traits: [Pure, Elementwise, sameTypes("lhs", "rhs", "result"), ...traits],
    infer: ({ lhs }) => [lhs.type],
    assembly: overflowingAssembly,
  });
const overflowingAssembly = "$lhs `,` $rhs (`overflow` `` $overflowFlags^)? attr-dict `:` type($result)";

export const addi = overflowing(
  "addi",
  "Integer addition; wraps around.",
  either(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Commutative,
);
export const subi = overflowing(
  "subi",
  "Integer subtraction; wraps around.",
  either(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
);
export const muli = defineOp("arith.muli", {
  doc: "Integer multiplication; the low half of the product.",
  scalar: (info) => {
    if (isBig(typeOf(info))) return (a: bigint, b: bigint) => a * b;
    return typeOf(info).kind === "index" ? (a: number, b: number) => a * b : Math.imul;
  },
  operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
  attrs: { overflowFlags: overflow.default([]) },
  results: [one("result", SignlessIntegerLike)],
  traits: [Pure, Elementwise, Commutative, sameTypes("lhs", "rhs", "result")],
  infer: ({ lhs }) => [lhs.type],
  assembly: overflowingAssembly,
  names: ({ lhs, rhs }) => [scaledName(lhs, rhs) ?? scaledName(rhs, lhs)],
});

/** `%c4_vscale`: a constant times the run-time factor of scalable vectors, by whose name MLIR looks, too. */
function scaledName(factor: Value, scale: Value): string | undefined {
  if (factor.type.kind !== "index" || scale.definingOp?.name !== "vector.vscale") return undefined;
  const known = constantOf(factor);
  return known?.kind === "integer" ? `c${known.value}_vscale` : undefined;
}

// --- division -------------------------------------------------------------------------------------------------

const noZero = (info: ScalarInfo): never => info.fail("division by zero");

/** Checks what division leaves undefined: a zero divisor, and a signed quotient that is too large by one. */
const divide = (info: ScalarInfo, small: Number2, big: Big2): { readonly small: Number2; readonly big: Big2 } => {
  const width = widthOf(typeOf(info));
  const least = -(2 ** (width - 1));
  const leastBig = -(1n << BigInt(width - 1));
  return {
    small: (a, b) => {
      if (b === 0) noZero(info);
      if (b === -1 && a === least) info.fail("signed division overflows");
      return small(a, b);
    },
    big: (a, b) => {
      if (b === 0n) noZero(info);
      if (b === -1n && a === leastBig) info.fail("signed division overflows");
      return big(a, b);
    },
  };
};

// Remainders of doubles are exact where quotients would round.
const truncated: Number2 = (a, b) => (a - (a % b)) / b;

export const divsi = exactable(
  "divsi",
  "Signed division, rounded towards zero. Division by zero is undefined.",
  signed((info) => divide(info, truncated, (a, b) => a / b)),
);
export const divui = exactable(
  "divui",
  "Unsigned division, rounded down. Division by zero is undefined.",
  unsigned((info) => divide(info, truncated, (a, b) => a / b)),
);
export const remsi = binary(
  "remsi",
  "Remainder of signed division; has the sign of the dividend. Division by zero is undefined.",
  signed((info) =>
    divide(
      info,
      (a, b) => a % b,
      (a, b) => a % b,
    ),
  ),
);
export const remui = binary(
  "remui",
  "Remainder of unsigned division. Division by zero is undefined.",
  unsigned((info) =>
    divide(
      info,
      (a, b) => a % b,
      (a, b) => a % b,
    ),
  ),
);
export const floordivsi = binary(
  "floordivsi",
  "Signed division, rounded towards negative infinity. Division by zero is undefined.",
  signed((info) =>
    divide(
      info,
      (a, b) => {
        const r = a % b;
        return (a - (r !== 0 && r < 0 !== b < 0 ? r + b : r)) / b;
      },
      (a, b) => {
        const r = a % b;
        return (a - (r !== 0n && r < 0n !== b < 0n ? r + b : r)) / b;
      },
    ),
  ),
);
const up: { readonly small: Number2; readonly big: Big2 } = {
  small: (a, b) => {
    const r = a % b;
    return (a - (r !== 0 && r < 0 === b < 0 ? r - b : r)) / b;
  },
  big: (a, b) => {
    const r = a % b;
    return (a - (r !== 0n && r < 0n === b < 0n ? r - b : r)) / b;
  },
};
export const ceildivsi = binary(
  "ceildivsi",
  "Signed division, rounded towards positive infinity. Division by zero is undefined.",
  signed((info) => divide(info, up.small, up.big)),
);
export const ceildivui = binary(
  "ceildivui",
  "Unsigned division, rounded up. Division by zero is undefined.",
  unsigned((info) => divide(info, up.small, up.big)),
);

// --- bits -----------------------------------------------------------------------------------------------------

/** Index may exceed what the operators of numbers hold. */
const bitwise = (small: Number2, big: Big2): ScalarFactory => {
  const wide: Number2 = (a, b) =>
    (a | 0) === a && (b | 0) === b ? small(a, b) : Number(BigInt.asIntN(64, big(BigInt(a), BigInt(b))));
  return (info) => (isBig(typeOf(info)) ? big : typeOf(info).kind === "index" ? wide : small);
};

export const andi = binary(
  "andi",
  "Bitwise and.",
  bitwise(
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  Pure,
  Commutative,
  Idempotent,
);
export const ori = binary(
  "ori",
  "Bitwise or.",
  bitwise(
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  Pure,
  Commutative,
  Idempotent,
);
export const xori = binary(
  "xori",
  "Bitwise exclusive or.",
  bitwise(
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  Pure,
  Commutative,
);

/** Shift amounts are without sign, and those of the width or more have no meaning. */
const shift =
  (make: (width: number) => { index: Number2; small: Number2; big: Big2 }): ScalarFactory =>
  (info) => {
    const type = typeOf(info);
    const width = widthOf(type);
    const { index, small, big } = make(width);
    const check = (amount: Num): void => {
      if (amount < 0 || amount >= width) info.fail(`shift by ${unsignedOf(type, amount)} of ${width} bits`);
    };
    if (isBig(type)) {
      return (a: bigint, b: bigint) => {
        check(b);
        return big(a, b);
      };
    }
    const shiftOne = type.kind === "index" ? index : small;
    return (a: number, b: number) => {
      check(b);
      return shiftOne(a, b);
    };
  };

export const shli = overflowing(
  "shli",
  "Shift to the left, zeros from the right. Shifting by the width or more is undefined.",
  shift(() => ({
    index: (a, b) => Number(BigInt.asIntN(64, BigInt(a) << BigInt(b))),
    small: (a, b) => a << b,
    big: (a, b) => a << b,
  })),
);
export const shrsi = exactable(
  "shrsi",
  "Shift to the right, copies of the sign from the left. Shifting by the width or more is undefined.",
  shift(() => ({ index: (a, b) => Math.floor(a / 2 ** b), small: (a, b) => a >> b, big: (a, b) => a >> b })),
  Pure,
);
export const shrui = exactable(
  "shrui",
  "Shift to the right, zeros from the left. Shifting by the width or more is undefined.",
  shift((width) => ({
    index: (a, b) => Number(BigInt.asIntN(64, BigInt.asUintN(64, BigInt(a)) >> BigInt(b))),
    small: (a, b) => (width === 32 ? a >>> b : (a & (2 ** width - 1)) >>> b),
    big: (a, b) => BigInt.asUintN(width, a) >> b,
  })),
  Pure,
);

// --- order ----------------------------------------------------------------------------------------------------

export const minsi = binary(
  "minsi",
  "The smaller of two signed integers.",
  signed(() => ({ small: Math.min, big: (a, b) => (signedLess(b, a) ? b : a) })),
  Pure,
  Commutative,
  Idempotent,
);
export const maxsi = binary(
  "maxsi",
  "The larger of two signed integers.",
  signed(() => ({ small: Math.max, big: (a, b) => (signedLess(a, b) ? b : a) })),
  Pure,
  Commutative,
  Idempotent,
);
export const minui = binary(
  "minui",
  "The smaller of two unsigned integers.",
  either(
    (a, b) => (unsignedLess(a, b) ? a : b),
    (a, b) => (unsignedLess(a, b) ? a : b),
  ),
  Pure,
  Commutative,
  Idempotent,
);
export const maxui = binary(
  "maxui",
  "The larger of two unsigned integers.",
  either(
    (a, b) => (unsignedLess(b, a) ? a : b),
    (a, b) => (unsignedLess(b, a) ? a : b),
  ),
  Pure,
  Commutative,
  Idempotent,
);
