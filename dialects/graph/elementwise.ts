/**
 * @file Elementwise ops: how they are defined (a scalar meaning, a scalar body), and arithmetic. Operands are broadcast
 * together after numpy; the body of the loops that they become addresses repeated dimensions with 0.
 */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Constraint } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { type Attrs, defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Commutative, Pure, type Trait } from "../../ir/traits.ts";
import { type IntegerType, i1, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { pow as powerOf } from "../../support/special.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";
import { type Kernel, mapBroadcast } from "./data.ts";
import { elementwise } from "./expand.ts";
import {
  AnyTensor,
  type AttrValues,
  BoolTensor,
  Broadcasts,
  broadcastAll,
  broadcastShape,
  FloatTensor,
  IntegerTensor,
  isFloat,
  NumberTensor,
  type TensorValue,
  verifyBroadcast,
  withElementType,
} from "./op.ts";
import { Scalars } from "./scalars.ts";

/** A function by what it is given: doubles for floats, numbers for integers to 32 bits, bigints for wider ones. */
export interface Kernels {
  readonly float?: Kernel;
  /** Where it is the same as for floats, it need not be given. */
  readonly small?: Kernel;
  readonly big?: Kernel;
}

export function pickKernel(k: Kernels, element: Type): Kernel {
  const found = isFloat(element)
    ? k.float
    : (element as IntegerType).width > 32
      ? (k.big ?? k.small ?? k.float)
      : (k.small ?? k.float);
  return found ?? (() => Number.NaN);
}

/** The shape that several arrays are broadcast to. */
const commonShape = (...arrays: readonly { readonly shape: readonly number[] }[]): number[] =>
  broadcastAll(arrays.map((a) => a.shape));

interface UnaryParts<A extends Attrs> {
  readonly doc: string;
  readonly on?: Constraint<TensorType>;
  readonly attrs?: A;
  readonly kernels: (attrs: AttrValues<A>, element: Type) => Kernels;
  /** The same on scalars of lower storeys. */
  readonly body: (e: Scalars, x: Value, attrs: AttrValues<A>) => Value;
  /** Elements of the result, where they are not those of the operand. */
  readonly result?: Type;
}

export function unary<const N extends string, const A extends Attrs = {}>(name: N, parts: UnaryParts<A>) {
  const { doc, on = FloatTensor, kernels, body, result } = parts;
  return defineOp(`graph.${name}`, {
    doc,
    operands: [one("x", on)],
    attrs: parts.attrs ?? ({} as A),
    results: [one("y", AnyTensor)],
    traits: [Pure, Broadcasts],
    infer: ({ x }) => [
      result ? withElementType((x as { type: TensorType }).type, result) : (x as { type: TensorType }).type,
    ],
    evaluate: (args, run) => {
      const x = (args as unknown as { x: Parameters<typeof mapBroadcast>[1][number] }).x;
      const { element } = run.operandType(0) as TensorType;
      const kernel = pickKernel(kernels(args as unknown as AttrValues<A>, element), element);
      return mapBroadcast(kernel, [x], x.shape, result ?? element);
    },
    expand(view, b) {
      const { x, y } = view as unknown as { readonly x: TensorValue; readonly y: TensorValue };
      const { element } = x.type;
      const run = (inner: Builder, v: Value): Value =>
        body(new Scalars(inner, element), v, view as unknown as AttrValues<A>);
      return [elementwise(b, y.type, [x], run)];
    },
  });
}

interface BinaryParts {
  readonly doc: string;
  readonly on?: Constraint<TensorType>;
  readonly kernels: Kernels | ((element: Type) => Kernels);
  readonly body: (e: Scalars, a: Value, b: Value) => Value;
  readonly result?: Type;
  readonly traits?: readonly Trait[];
}

export function binary<const N extends string>(name: N, parts: BinaryParts) {
  const { doc, on = NumberTensor, kernels, body, result, traits = [] } = parts;
  return defineOp(`graph.${name}`, {
    doc,
    operands: [one("a", on), one("b", on)],
    results: [one("y", AnyTensor)],
    traits: [Pure, Broadcasts, ...traits],
    infer: ({ a, b }) => [tensor(broadcastShape(a.type.shape, b.type.shape), result ?? a.type.element)],
    verify({ a, b }, fail) {
      if (a.type.element !== b.type.element) fail("a and b have different element types");
      verifyBroadcast([a, b], fail);
    },
    evaluate: ({ a, b }, run) => {
      const { element } = run.operandType(0) as TensorType;
      const k = typeof kernels === "function" ? kernels(element) : kernels;
      return mapBroadcast(pickKernel(k, element), [a, b], commonShape(a, b), result ?? element);
    },
    expand: ({ a, b: other, y }, b) => [
      elementwise(b, (y as TensorValue).type, [a, other], (inner, p, q) =>
        body(new Scalars(inner, a.type.element), p, q),
      ),
    ],
  });
}

// --- arithmetic ---------------------------------------------------------------------------------------------------

export const add = binary("add", {
  doc: "a + b.",
  kernels: { float: (a: number, b: number) => a + b, big: (a: bigint, b: bigint) => a + b },
  traits: [Commutative],
  body: (e, a, b) => e.add(a, b),
});
export const sub = binary("sub", {
  doc: "a - b.",
  kernels: { float: (a: number, b: number) => a - b, big: (a: bigint, b: bigint) => a - b },
  body: (e, a, b) => e.sub(a, b),
});
export const mul = binary("mul", {
  doc: "a * b.",
  kernels: { float: (a: number, b: number) => a * b, small: Math.imul, big: (a: bigint, b: bigint) => a * b },
  traits: [Commutative],
  body: (e, a, b) => e.mul(a, b),
});
export const div = binary("div", {
  doc: "a / b; integers are rounded towards zero.",
  kernels: {
    float: (a: number, b: number) => a / b,
    small: (a: number, b: number) => Math.trunc(a / b),
    big: (a: bigint, b: bigint) => (b === 0n ? 0n : a / b),
  },
  body: (e, a, b) => e.div(a, b),
});
export const maximum = binary("max", {
  doc: "The larger of a and b; NaN if either is.",
  kernels: { float: Math.max, big: (a: bigint, b: bigint) => (a > b ? a : b) },
  traits: [Commutative],
  body: (e, a, b) => e.max(a, b),
});
export const minimum = binary("min", {
  doc: "The smaller of a and b; NaN if either is.",
  kernels: { float: Math.min, big: (a: bigint, b: bigint) => (a < b ? a : b) },
  traits: [Commutative],
  body: (e, a, b) => e.min(a, b),
});
export const pow = binary("pow", {
  doc: "a to the power of b.",
  kernels: {
    float: powerOf,
    big: (a: bigint, b: bigint) => (b < 0n ? (a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n) : a ** b),
  },
  body: (e, a, b) => (e.float ? math.powf(e.b, a, b) : integerPower(e, a, b)),
});

/** a to the power of b by squaring, bit by bit of b; of negative powers nothing is left but what 1 and -1 give. */
function integerPower(e: Scalars, a: Value, b: Value): Value {
  const { width } = e.type as IntegerType;
  const [zero, one] = [e.num(0), e.num(1)];
  let result = one;
  let square = a;
  for (let bit = 0; bit < width; bit++) {
    const isSet = e.is("ne", arith.andi(e.b, b, e.num(1n << BigInt(bit))), zero);
    result = e.select(isSet, e.mul(result, square), result);
    square = e.mul(square, square);
  }
  if (e.unsigned) return result;
  const odd = e.is("ne", arith.andi(e.b, b, one), zero);
  const unit = e.select(e.is("eq", a, one), one, zero);
  const inverse = e.select(e.is("eq", a, e.num(-1)), e.select(odd, a, one), unit);
  return e.select(e.is("lt", b, zero), inverse, result);
}

export const remainder = binary("remainder", {
  doc: "What is left of a / b rounded towards zero: has the sign of a (ONNX Mod with fmod).",
  kernels: { float: (a: number, b: number) => a % b, big: (a: bigint, b: bigint) => (b === 0n ? 0n : a % b) },
  body: (e, a, b) => e.rem(a, b),
});
export const modulo = binary("modulo", {
  doc: "What is left of a / b rounded down: has the sign of b (ONNX Mod).",
  kernels: {
    float: (a: number, b: number) => {
      const r = a % b;
      return r !== 0 && r < 0 !== b < 0 ? r + b : r;
    },
    big: (a: bigint, b: bigint) => {
      if (b === 0n) return 0n;
      const r = a % b;
      return r !== 0n && r < 0n !== b < 0n ? r + b : r;
    },
  },
  body: (e, a, b) => {
    const r = e.rem(a, b);
    if (e.unsigned) return r;
    const zero = e.num(0);
    const apart = arith.cmpi(e.b, e.is("lt", r, zero), e.is("lt", b, zero), { predicate: "ne" });
    return e.select(arith.andi(e.b, e.is("ne", r, zero), apart), e.add(r, b), r);
  },
});

// --- comparison ---------------------------------------------------------------------------------------------------

const comparison = <const N extends string>(
  name: N,
  doc: string,
  kind: "eq" | "lt" | "le" | "gt" | "ge",
  test: (a: number | bigint, b: number | bigint) => boolean,
  on: Constraint<TensorType> = NumberTensor,
  traits: readonly Trait[] = [],
) =>
  binary(name, {
    doc: `${doc} Answers 0 or 1.`,
    on,
    kernels: { float: (a: number | bigint, b: number | bigint) => Number(test(a, b)) },
    body: (e, a, b) => e.is(kind, a, b),
    result: i1,
    traits,
  });

export const equal = comparison("equal", "a = b.", "eq", (a, b) => a === b, AnyTensor, [Commutative]);
export const less = comparison("less", "a < b.", "lt", (a, b) => a < b);
export const less_equal = comparison("less_equal", "a <= b.", "le", (a, b) => a <= b);
export const greater = comparison("greater", "a > b.", "gt", (a, b) => a > b);
export const greater_equal = comparison("greater_equal", "a >= b.", "ge", (a, b) => a >= b);

// --- bits ---------------------------------------------------------------------------------------------------------

export const and = binary("and", {
  doc: "Bitwise and; of i1 the logical and.",
  on: IntegerTensor,
  kernels: { small: (a: number, b: number) => a & b, big: (a: bigint, b: bigint) => a & b },
  traits: [Commutative],
  body: (e, a, b) => arith.andi(e.b, a, b),
});
export const or = binary("or", {
  doc: "Bitwise or; of i1 the logical or.",
  on: IntegerTensor,
  kernels: { small: (a: number, b: number) => a | b, big: (a: bigint, b: bigint) => a | b },
  traits: [Commutative],
  body: (e, a, b) => arith.ori(e.b, a, b),
});
export const xor = binary("xor", {
  doc: "Bitwise exclusive or; of i1 whether they differ.",
  on: IntegerTensor,
  kernels: { small: (a: number, b: number) => a ^ b, big: (a: bigint, b: bigint) => a ^ b },
  traits: [Commutative],
  body: (e, a, b) => arith.xori(e.b, a, b),
});
export const shift_left = binary("shift_left", {
  doc: "The bits of a moved b places up; 0 where b is the width or more.",
  on: IntegerTensor,
  kernels: (t) => ({
    small: (a: number, b: number) => (b >= (t as IntegerType).width ? 0 : a << b),
    big: (a: bigint, b: bigint) => (b >= 64n ? 0n : BigInt.asUintN(64, a << b)),
  }),
  body: (e, a, b) => {
    const shifted = arith.shli(e.b, a, inRange(e, b));
    return e.select(outOfRange(e, b), e.num(0), shifted);
  },
});
export const shift_right = binary("shift_right", {
  doc: "The bits of a moved b places down, filled with the sign of signed types; no bit of an unsigned one is left where b is the width or more.",
  on: IntegerTensor,
  kernels: (t) => ({
    small: (a: number, b: number) => {
      if (b >= (t as IntegerType).width) return a < 0 ? -1 : 0;
      return a < 0 ? a >> b : a >>> b;
    },
    big: (a: bigint, b: bigint) => (b >= 64n ? (a < 0n ? -1n : 0n) : a >> b),
  }),
  body: (e, a, b) => {
    const by = inRange(e, b);
    if (e.unsigned) return e.select(outOfRange(e, b), e.num(0), arith.shrui(e.b, a, by));
    const sign = e.select(e.is("lt", a, e.num(0)), e.num(-1), e.num(0));
    return e.select(outOfRange(e, b), sign, arith.shrsi(e.b, a, by));
  },
});

// --- one operand --------------------------------------------------------------------------------------------------

export const abs = unary("abs", {
  doc: "|x|.",
  on: NumberTensor,
  kernels: () => ({ float: Math.abs, big: (x: bigint) => (x < 0n ? -x : x) }),
  body: (e, x) => e.abs(x),
});
export const neg = unary("neg", {
  doc: "-x.",
  on: NumberTensor,
  kernels: () => ({ float: (x: number) => -x, big: (x: bigint) => -x }),
  body: (e, x) => e.neg(x),
});
export const sign = unary("sign", {
  doc: "-1, 0 or 1.",
  on: NumberTensor,
  kernels: () => ({ float: Math.sign, big: (x: bigint) => (x < 0n ? -1n : x > 0n ? 1n : 0n) }),
  body: (e, x) => {
    const zero = e.num(0);
    const negative = e.unsigned ? x : e.select(e.is("lt", x, zero), e.num(-1), x);
    return e.select(e.is("gt", x, zero), e.num(1), negative);
  },
});
export const not = unary("not", {
  doc: "Every bit turned over; of i1 the logical not.",
  on: IntegerTensor,
  kernels: (_, t) => ({
    small: (x: number) => ((t as IntegerType).width === 1 ? 1 - x : ~x),
    big: (x: bigint) => ~x,
  }),
  body: (e, x) => arith.xori(e.b, x, e.num(-1)),
});
export const relu = unary("relu", {
  doc: "max(x, 0).",
  on: NumberTensor,
  kernels: () => ({ float: (x: number) => Math.max(x, 0), big: (x: bigint) => (x > 0n ? x : 0n) }),
  body: (e, x) => e.max(x, e.num(0)),
});
export const clip = unary("clip", {
  doc: "x, but not below min and not above max.",
  on: NumberTensor,
  attrs: { min: attr.f64.default(Number.NEGATIVE_INFINITY), max: attr.f64.default(Number.POSITIVE_INFINITY) },
  kernels: ({ min, max }) => ({
    float: (x: number) => Math.min(Math.max(x, min), max),
    big: (x: bigint) => BigInt(Math.min(Math.max(Number(x), min), max)),
  }),
  body: (e, x, { min, max }) => {
    const low = Number.isFinite(min) ? e.max(x, e.num(min)) : x;
    return Number.isFinite(max) ? e.min(low, e.num(max)) : low;
  },
});

export const select = defineOp("graph.select", {
  doc: "a where the condition is true, else b (ONNX Where).",
  operands: [one("condition", BoolTensor), one("a", AnyTensor), one("b", AnyTensor)],
  results: [one("y", AnyTensor)],
  traits: [Pure, Broadcasts],
  infer: ({ condition, a, b }) => [
    tensor(broadcastAll([condition.type.shape, a.type.shape, b.type.shape]), a.type.element),
  ],
  verify({ condition, a, b }, fail) {
    if (a.type.element !== b.type.element) fail("a and b have different element types");
    verifyBroadcast([condition, a, b], fail);
  },
  evaluate: ({ condition, a, b }, run) =>
    mapBroadcast(
      (c: number, x: number, y: number) => (c ? x : y),
      [condition, a, b],
      commonShape(condition, a, b),
      (run.resultType(0) as TensorType).element,
    ),
  expand: ({ condition, a, b: other, y }, b) => [
    elementwise(b, y.type, [condition, a, other], (inner, c, p, q) => arith.select(inner, c, p, q)),
  ],
});

/** Shifts by the width or more have no meaning below: they are made shifts by less, and their result replaced. */
const inRange = (e: Scalars, by: Value): Value => arith.andi(e.b, by, e.num((e.type as IntegerType).width - 1));
const outOfRange = (e: Scalars, by: Value): Value =>
  arith.cmpi(e.b, by, e.num((e.type as IntegerType).width), { predicate: "uge" });
