/**
 * @file The math dialect: functions of numbers, alone or element by element. They are computed in doubles and rounded to
 * their type; how near a target must come is a table of its own.
 */
import type { Builder } from "../ir/builder.ts";
import { FloatLike, SignlessIntegerLike } from "../ir/constraints.ts";
import type { Operation, Value } from "../ir/core.ts";
import { isBig, widthOf } from "../ir/datum.ts";
import { defineDialect, defineOp, type OpInfo } from "../ir/define.ts";
import type { Num, ScalarFactory } from "../ir/evaluate.ts";
import { one } from "../ir/fields.ts";
import { allTypesMatch, Elementwise, Idempotent, Pure, sameTypes, type Trait } from "../ir/traits.ts";
import { type FloatType, unitAttribute } from "../ir/types.ts";
import { any, law, literal } from "../rewrite/law.ts";
import { isFloatKind } from "../support/float.ts";
import { fma as fusedMultiplyAdd } from "../support/fma.ts";
import { copySign, erf as erfOf, pow, roundAway, roundEven } from "../support/special.ts";
import { fastmath, fastmathAssembly } from "./arith/flags.ts";
import { addf, mulf, negf, subf } from "./arith/floats.ts";

const unary = <const N extends string>(
  name: N,
  doc: string,
  kernel: (x: number) => number,
  ...traits: readonly Trait[]
) =>
  defineOp(`math.${name}`, {
    doc,
    scalar: () => kernel,
    operands: [one("operand", FloatLike)],
    attrs: { fastmath: fastmath.default([]) },
    results: [one("result", FloatLike)],
    traits: [Pure, Elementwise, sameTypes("operand", "result"), ...traits],
    infer: ({ operand }) => [operand.type],
    assembly: `$operand ${fastmathAssembly} attr-dict \`:\` type($result)`,
  });

const binary = <const N extends string>(name: N, doc: string, kernel: (x: number, y: number) => number) =>
  defineOp(`math.${name}`, {
    doc,
    scalar: () => kernel,
    operands: [one("lhs", FloatLike), one("rhs", FloatLike)],
    attrs: { fastmath: fastmath.default([]) },
    results: [one("result", FloatLike)],
    traits: [Pure, Elementwise, sameTypes("lhs", "rhs", "result")],
    infer: ({ lhs }) => [lhs.type],
    assembly: `$lhs \`,\` $rhs ${fastmathAssembly} attr-dict \`:\` type($result)`,
  });

const integerUnary = <const N extends string>(
  name: N,
  doc: string,
  scalar: ScalarFactory,
  ...traits: readonly Trait[]
) =>
  defineOp(`math.${name}`, {
    doc,
    scalar,
    operands: [one("operand", SignlessIntegerLike)],
    results: [one("result", SignlessIntegerLike)],
    traits: [Pure, Elementwise, sameTypes("operand", "result"), ...traits],
    infer: ({ operand }) => [operand.type],
    assembly: "$operand attr-dict `:` type($result)",
  });

// --- rounding and sign ----------------------------------------------------------------------------------------

export const absf = unary("absf", "The magnitude of a number.", Math.abs, Idempotent);
export const ceil = unary("ceil", "The least integer that is not smaller.", Math.ceil, Idempotent);
export const floor = unary("floor", "The greatest integer that is not larger.", Math.floor, Idempotent);
export const trunc = unary("trunc", "The integer towards zero.", Math.trunc, Idempotent);
export const round = unary("round", "The nearest integer; halves go away from zero.", roundAway, Idempotent);
export const roundeven = unary("roundeven", "The nearest integer; halves go to the even one.", roundEven, Idempotent);
export const copysign = binary("copysign", "The magnitude of the first number with the sign of the second.", copySign);

// --- roots, powers, logarithms --------------------------------------------------------------------------------

export const sqrt = unary("sqrt", "Square root.", Math.sqrt);
export const rsqrt = unary("rsqrt", "One over the square root.", (x) => 1 / Math.sqrt(x));
export const cbrt = unary("cbrt", "Cube root.", Math.cbrt);
export const exp = unary("exp", "e to a power.", Math.exp);

/** On an op whose operand is known not to be positive (or NaN), as a number less the largest of them is. */
const nonPositive = "sluice.nonpositive";
export const isNonPositive = (op: Operation): boolean => op.attributes?.has(nonPositive) === true;
/** e to a power that is known not to be positive: machines without the function need no care for large ones. */
export const expOfNonPositive = (b: Builder, x: Value): Value =>
  exp(b, x, { extra: new Map([[nonPositive, unitAttribute]]) });
export const exp2 = unary("exp2", "2 to a power.", (x) => 2 ** x);
export const expm1 = unary("expm1", "e to a power, less 1; accurate near 0.", Math.expm1);
export const log = unary("log", "Natural logarithm.", Math.log);
export const log2 = unary("log2", "Logarithm to base 2.", Math.log2);
export const log10 = unary("log10", "Logarithm to base 10.", Math.log10);
export const log1p = unary("log1p", "Natural logarithm of 1 plus a number; accurate near 0.", Math.log1p);
export const powf = binary("powf", "A number to a power, as C's pow.", pow);

export const fpowi = defineOp("math.fpowi", {
  doc: "A float to an integer power.",
  scalar: () => (x: number, n: Num) => pow(x, Number(n)),
  operands: [one("lhs", FloatLike), one("rhs", SignlessIntegerLike)],
  attrs: { fastmath: fastmath.default([]) },
  results: [one("result", FloatLike)],
  traits: [Pure, Elementwise, allTypesMatch("lhs", "result")],
  infer: ({ lhs }) => [lhs.type],
  assembly: `$lhs \`,\` $rhs ${fastmathAssembly} attr-dict \`:\` type($lhs) \`,\` type($rhs)`,
});

export const ipowi = defineOp("math.ipowi", {
  doc: "A signed integer to a signed integer power; wraps around. Of negative powers the part before the point is left.",
  scalar: (info) => {
    const width = widthOf(info.operands[0]!);
    const power = (x: Num, n: Num): bigint =>
      integerPower(BigInt.asIntN(width, BigInt(x)), BigInt.asIntN(width, BigInt(n)), width, info);
    return isBig(info.results[0]!) ? power : (x: Num, n: Num) => Number(power(x, n));
  },
  operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
  results: [one("result", SignlessIntegerLike)],
  traits: [Pure, Elementwise, sameTypes("lhs", "rhs", "result")],
  infer: ({ lhs }) => [lhs.type],
  assembly: "$lhs `,` $rhs attr-dict `:` type($result)",
});

function integerPower(base: bigint, exponent: bigint, width: number, info: Parameters<ScalarFactory>[0]): bigint {
  if (exponent < 0n) {
    if (base === 0n) info.fail("zero to a negative power");
    return base === 1n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  }
  let result = 1n;
  let square = base;
  for (let n = exponent; n > 0n; n >>= 1n) {
    if (n & 1n) result = BigInt.asIntN(width, result * square);
    square = BigInt.asIntN(width, square * square);
  }
  return result;
}

// --- trigonometry ---------------------------------------------------------------------------------------------

export const sin = unary("sin", "Sine.", Math.sin);
export const cos = unary("cos", "Cosine.", Math.cos);
export const tan = unary("tan", "Tangent.", Math.tan);
export const asin = unary("asin", "Arc sine.", Math.asin);
export const acos = unary("acos", "Arc cosine.", Math.acos);
export const atan = unary("atan", "Arc tangent.", Math.atan);
export const atan2 = binary("atan2", "The angle of the point whose ordinate is the first operand.", Math.atan2);
export const sinh = unary("sinh", "Hyperbolic sine.", Math.sinh);
export const cosh = unary("cosh", "Hyperbolic cosine.", Math.cosh);
export const tanh = unary("tanh", "Hyperbolic tangent.", Math.tanh);
export const asinh = unary("asinh", "Inverse hyperbolic sine.", Math.asinh);
export const acosh = unary("acosh", "Inverse hyperbolic cosine.", Math.acosh);
export const atanh = unary("atanh", "Inverse hyperbolic tangent.", Math.atanh);

// --- others ---------------------------------------------------------------------------------------------------

export const erf = unary("erf", "The error function.", erfOf);

export const fma = defineOp("math.fma", {
  doc: "a * b + c, rounded once.",
  scalar: ({ results: [type] }) => {
    const { name } = type as FloatType;
    const kind = isFloatKind(name) ? name : "f64";
    return (a: number, b: number, c: number) => fusedMultiplyAdd(kind, a, b, c);
  },
  operands: [one("a", FloatLike), one("b", FloatLike), one("c", FloatLike)],
  attrs: { fastmath: fastmath.default([]) },
  results: [one("result", FloatLike)],
  traits: [Pure, Elementwise, sameTypes("a", "b", "c", "result")],
  infer: ({ a }) => [a.type],
  assembly: `$a \`,\` $b \`,\` $c ${fastmathAssembly} attr-dict \`:\` type($result)`,
});

export const absi = integerUnary(
  "absi",
  "The magnitude of a signed integer; the least one is its own.",
  ({ operands: [type] }) => (isBig(type!) ? (v: bigint) => (v < 0n ? -v : v) : (v: number) => Math.abs(v)),
  Idempotent,
);

/** The kernel for numbers of up to 32 bits, given without sign, or the one for the bits as text, highest first. */
const bits =
  (small: (v: number, width: number) => number, text: (digits: string, width: number) => number): ScalarFactory =>
  ({ operands: [type] }) => {
    const width = widthOf(type!);
    if (width <= 32) return (v: number) => small(width === 32 ? v >>> 0 : v & (2 ** width - 1), width);
    const big = isBig(type!);
    return (v: Num) => {
      const n = BigInt.asUintN(width, BigInt(v));
      const count = text(n === 0n ? "" : n.toString(2), width);
      return big ? BigInt(count) : count;
    };
  };

export const ctlz = integerUnary(
  "ctlz",
  "How many zero bits stand above the highest set one.",
  bits(
    (v, width) => Math.clz32(v) - (32 - width),
    (digits, width) => width - digits.length,
  ),
);
export const cttz = integerUnary(
  "cttz",
  "How many zero bits stand below the lowest set one.",
  bits(
    (v, width) => (v === 0 ? width : 31 - Math.clz32(v & -v)),
    (digits, width) => (digits === "" ? width : digits.length - 1 - digits.lastIndexOf("1")),
  ),
);
export const ctpop = integerUnary(
  "ctpop",
  "How many bits are set.",
  bits((v) => ones(v.toString(2)), ones),
);

function ones(digits: string): number {
  let n = 0;
  for (const d of digits) if (d === "1") n++;
  return n;
}

const ops: readonly OpInfo[] = [
  ...[absf, absi, ceil, floor, trunc, round, roundeven, copysign],
  ...[sqrt, rsqrt, cbrt, exp, exp2, expm1, log, log2, log10, log1p, powf, fpowi, ipowi],
  ...[sin, cos, tan, asin, acos, atan, atan2, sinh, cosh, tanh, asinh, acosh, atanh],
  ...[erf, fma, ctlz, cttz, ctpop],
];

// --- laws -----------------------------------------------------------------------------------------------------------

const x = any("x");
const y = any("y");
const z = any("z");
const plusOne = literal(1);

/** Functions that answer whole numbers, and leave those alone. */
const toWhole = [ceil, floor, trunc, round, roundeven];

const laws = [
  law(
    (b) => absf(b, negf(b, x)),
    (b) => absf(b, x),
  ),
  law(
    (b) => absf(b, copysign(b, x, y)),
    (b) => absf(b, x),
  ),
  ...toWhole.flatMap((outer) =>
    toWhole.map((inner) =>
      law(
        (b) => outer(b, inner(b, x)),
        (b) => inner(b, x),
      ),
    ),
  ),
  ...[cos, cosh].map((even) =>
    law(
      (b) => even(b, negf(b, x)),
      (b) => even(b, x),
    ),
  ),
  law(
    (b) => powf(b, x, plusOne),
    () => x,
  ),
  law(
    (b) => ipowi(b, x, plusOne),
    () => x,
  ),
  law(
    (b) => fma(b, x, plusOne, y),
    (b) => addf(b, x, y),
  ),
  law(
    (b) => fma(b, x, literal(-1), y),
    (b) => subf(b, y, x),
  ),
  law(
    (b) => fma(b, x, y, literal(-0)),
    (b) => mulf(b, x, y),
  ),
  law(
    (b) => copysign(b, x, x),
    () => x,
  ),
  ...[absf, negf].map((magnitude) =>
    law(
      (b) => copysign(b, magnitude(b, x), y),
      (b) => copysign(b, x, y),
    ),
  ),
  law(
    (b) => copysign(b, copysign(b, x, z), y),
    (b) => copysign(b, x, y),
  ),
];

export const dialect = defineDialect("math", {
  doc: "Functions of numbers beyond arithmetic; alone, or element by element on vectors and tensors.",
  ops,
  rules: laws,
});
