/**
 * @file How arithmetic on scalars is written in C99: one row per op, from the text of its operands to the text of its
 * result. Signed integers wrap by way of unsigned ones; min, max, rounding and conversions mean what the IR says, on any
 * machine, and use no function of the mathematical library but fabs, sqrt and copysign, which are exact everywhere.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as math from "../../dialects/math.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { fault } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { atom, binding, call, conditional, type Expr, infix, prefix, within } from "../source.ts";
import { roundingOf } from "./rounding.ts";
import { bitsOf, unsignedType, valueType, widthOf } from "./types.ts";

export interface RowContext {
  /** The name of a helper function, which is written out once it has been asked for. */
  helper(name: string): string;
}

export type Row = (op: Operation, args: readonly Expr[], cx: RowContext) => Expr;
export type Rows = ReadonlyMap<OpInfo, Row>;

export const cast = (type: string, e: Expr): Expr => ({
  text: `(${type})${within(e, binding.unary)}`,
  level: binding.unary,
});

const isBit = (t: Type): boolean => {
  const e = elementOf(t);
  return e.kind === "integer" && e.width === 1;
};
const isIndex = (t: Type): boolean => elementOf(t).kind === "index";

/** Brings an int32 (or wider) expression back into the range of a narrow type. */
function narrow(t: Type, e: Expr): Expr {
  if (isBit(t)) return infix("&", e, atom("1"));
  const width = widthOf(t);
  const bits = bitsOf(t);
  if (width === bits) return cast(valueType(t), e);
  // An odd width: its sign bit is moved to the top and back.
  const shift = atom(String(bits - width));
  const up = infix("<<", cast(unsignedType(t), e), shift);
  return cast(valueType(t), infix(">>", cast(valueType(t), up), shift));
}

/** The value read as unsigned, in a type that holds it. */
function unsigned(t: Type, e: Expr): Expr {
  if (isBit(t)) return cast("uint32_t", e);
  const width = widthOf(t);
  const bits = bitsOf(t);
  const wide = cast(unsignedType(t), e);
  if (width === bits) return wide;
  const mask = (1n << BigInt(width)) - 1n;
  return cast(unsignedType(t), infix("&", wide, atom(bits === 64 ? `UINT64_C(${mask})` : `${mask}u`)));
}

const plain =
  (operator: string): Row =>
  (_op, [a, b]) =>
    infix(operator, a!, b!);

/** Sum, difference, product: modulo 2^width. Indices never leave their range. */
const wrapping =
  (operator: string): Row =>
  (op, [a, b]) => {
    const t = op.result().type;
    if (isIndex(t)) return infix(operator, a!, b!);
    if (bitsOf(t) < 32) return narrow(t, infix(operator, cast("int32_t", a!), cast("int32_t", b!)));
    const sum = infix(operator, cast(unsignedType(t), a!), cast(unsignedType(t), b!));
    return isBit(t) ? cast("int32_t", infix("&", sum, atom("1u"))) : narrow(t, cast(valueType(t), sum));
  };

const bitwise =
  (operator: string): Row =>
  (op, [a, b]) => {
    const e = infix(operator, a!, b!);
    return bitsOf(op.result().type) < 32 ? cast(valueType(op.result().type), e) : e;
  };

const shift =
  (operator: "<<" | ">>", signed: boolean): Row =>
  (op, [a, b]) => {
    const t = op.result().type;
    const bits = bitsOf(t);
    const amount = knownInteger(op.operand(1)) === undefined ? infix("&", b!, atom(String(bits - 1))) : b!;
    const left = signed ? a! : unsigned(t, a!);
    return narrow(t, cast(valueType(t), infix(operator, left, amount)));
  };

export function knownInteger(v: Value): bigint | undefined {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? value.value : undefined;
}

/** The number that a constant is, or that all lanes of a constant hold. */
export function knownFloat(v: Value): number | undefined {
  const spread = vector.broadcast.match(v)?.source;
  const value = arith.constant.match(spread ?? v)?.value;
  if (value?.kind === "float") return Number(value.value);
  if (value?.kind === "dense" && value.splat) return Number((datumOfAttribute(value) as NDArray).getData(0));
  return undefined;
}

/** Quotients and remainders. Division by zero gives 0 instead of stopping the program, and -2^31 / -1 wraps. */
const divide =
  (operator: "/" | "%", signed: boolean): Row =>
  (op, [a, b], cx) => {
    const t = op.result().type;
    const by = knownInteger(op.operand(1));
    if (by !== undefined && by > 0n) {
      return signed
        ? narrow(t, infix(operator, a!, b!))
        : narrow(t, cast(valueType(t), infix(operator, unsigned(t, a!), unsigned(t, b!))));
    }
    const bits = Math.max(32, bitsOf(t));
    const name = cx.helper(`${signed ? "s" : "u"}${operator === "/" ? "div" : "rem"}${bits}`);
    if (signed) return narrow(t, call(name, a!, b!));
    return narrow(t, cast(bits === 64 ? "int64_t" : "int32_t", call(name, unsigned(t, a!), unsigned(t, b!))));
  };

const rounded =
  (which: "floor" | "ceil"): Row =>
  (op, [a, b], cx) =>
    narrow(op.result().type, call(cx.helper(`${which}div${Math.max(32, bitsOf(op.result().type))}`), a!, b!));

const choose =
  (operator: "<" | ">", signed: boolean): Row =>
  (op, [a, b]) => {
    const t = op.result().type;
    // A bit that is set is -1 to signed order.
    if (signed && isBit(t)) return infix(operator === "<" ? "|" : "&", a!, b!);
    const test = signed ? infix(operator, a!, b!) : infix(operator, unsigned(t, a!), unsigned(t, b!));
    const e = conditional(test, a!, b!);
    return bitsOf(t) < 32 ? cast(valueType(t), e) : e;
  };

export const integerTests: Readonly<Record<string, readonly [operator: string, signed: boolean]>> = {
  eq: ["==", true],
  ne: ["!=", true],
  slt: ["<", true],
  sle: ["<=", true],
  sgt: [">", true],
  sge: [">=", true],
  ult: ["<", false],
  ule: ["<=", false],
  ugt: [">", false],
  uge: [">=", false],
};

const compareIntegers: Row = (op, [a, b]) => {
  const { predicate, lhs } = arith.cmpi.of(op);
  const [operator, signed] = integerTests[predicate]!;
  if (!signed) return infix(operator, unsigned(lhs.type, a!), unsigned(lhs.type, b!));
  const swap = isBit(lhs.type) && predicate.startsWith("s");
  return swap ? infix(operator, b!, a!) : infix(operator, a!, b!);
};

/** Predicates as an operator, and whether it is negated: unordered ones are negations of ordered ones. */
export const floatTests: Readonly<Record<string, readonly [operator: string, negated: boolean]>> = {
  oeq: ["==", false],
  ogt: [">", false],
  oge: [">=", false],
  olt: ["<", false],
  ole: ["<=", false],
  une: ["!=", false],
  ugt: ["<=", true],
  uge: ["<", true],
  ult: [">=", true],
  ule: [">", true],
};

const compareFloats: Row = (op, [a, b]) => {
  const { predicate } = arith.cmpf.of(op);
  const simple = floatTests[predicate];
  if (simple) {
    const test = infix(simple[0], a!, b!);
    return simple[1] ? prefix("!", test) : test;
  }
  const less = infix("<", a!, b!);
  const greater = infix(">", a!, b!);
  switch (predicate) {
    case "true":
      return atom("1");
    case "false":
      return atom("0");
    case "one":
      return infix("||", less, greater);
    case "ueq":
      return prefix("!", infix("||", less, greater));
    case "ord":
      return infix("&&", infix("==", a!, a!), infix("==", b!, b!));
    default:
      return infix("||", infix("!=", a!, a!), infix("!=", b!, b!));
  }
};

const select: Row = (op, [c, a, b]) => {
  const e = conditional(infix("!=", c!, atom("0")), a!, b!);
  const t = op.result().type;
  return elementOf(t).kind !== "float" && bitsOf(t) < 32 ? cast(valueType(t), e) : e;
};

const isNarrowFloat = (t: Type): boolean => {
  const e = elementOf(t);
  return e.kind === "float" && e.width === 16;
};

const extend =
  (signed: boolean): Row =>
  (op, [a]) => {
    const from = op.operand(0).type;
    const to = op.result().type;
    if (isBit(from)) return cast(valueType(to), signed ? prefix("-", a!) : a!);
    return narrow(to, cast(valueType(to), signed ? a! : unsigned(from, a!)));
  };

const toFloat =
  (signed: boolean): Row =>
  (op, [a]) => {
    const from = op.operand(0).type;
    const to = valueType(op.result().type);
    if (isBit(from)) return cast(to, signed ? prefix("-", a!) : a!);
    return cast(to, signed ? a! : unsigned(from, a!));
  };

const fromFloat =
  (signed: boolean): Row =>
  (op, [a], cx) => {
    const rounding = op.operand(0).definingOp;
    const part = rounding && roundingOf(rounding);
    if (part?.kind === "rounded") return part.scaled ? a! : call(cx.helper("round_f32_to_i32"), a!);
    const from = bitsOf(op.operand(0).type);
    const to = op.result().type;
    const bits = widthOf(to) === 64 ? 64 : 32;
    const name = cx.helper(`f${from}_to_${signed ? "i" : "u"}${bits}`);
    const e = call(name, a!);
    return narrow(to, signed ? e : cast(`int${bits}_t`, e));
  };

const bitcast: Row = (op, [a], cx) => {
  const from = elementOf(op.operand(0).type);
  const to = elementOf(op.result().type);
  const real = (t: Type): boolean => t.kind === "float" && !isNarrowFloat(t);
  if (real(from) === real(to)) return a!;
  const bits = bitsOf(from);
  return call(cx.helper(real(from) ? `bits_of_f${bits}` : `f${bits}_of_bits`), a!);
};

const named =
  (name: string): Row =>
  (op, args, cx) =>
    call(cx.helper(`${name}_f${bitsOf(op.result().type)}`), ...args);

const library =
  (name: string): Row =>
  (op, args) =>
    call(bitsOf(op.result().type) === 32 ? `${name}f` : name, ...args);

/**
 * IEEE 754-2019 maximum and minimum against a constant, as `b op a ? b : a`: NaN passes, and of two zeros the greater
 * (smaller) one is taken. Answers the operator, and which operand is the constant.
 */
export function againstConstant(
  op: Operation,
  operator: ">" | "<",
): { readonly operator: string; readonly at: 0 | 1 } | undefined {
  // A reduction combines what it has computed.
  if (op.operandCount !== 2) return undefined;
  for (const at of [1, 0] as const) {
    const known = knownFloat(op.operand(at));
    if (known === undefined || Number.isNaN(known)) continue;
    const wins = Object.is(known, operator === ">" ? 0 : -0);
    return { operator: wins ? `${operator}=` : operator, at };
  }
  return undefined;
}

const extreme =
  (operator: ">" | "<", helper: string): Row =>
  (op, args, cx) => {
    const known = againstConstant(op, operator);
    if (!known) return named(helper)(op, args, cx);
    const [a, b] = [args[1 - known.at]!, args[known.at]!];
    return conditional(infix(known.operator, b, a), b, a);
  };

const absolute: Row = (op, [a]) => {
  const t = op.result().type;
  const minus = wrapping("-")(op, [atom("0"), a!], { helper: (n) => n });
  const e = conditional(infix("<", a!, atom("0")), minus, a!);
  return bitsOf(t) < 32 ? cast(valueType(t), e) : e;
};

export const scalarRows: Rows = new Map<OpInfo, Row>([
  [arith.addi, wrapping("+")],
  [arith.subi, wrapping("-")],
  [arith.muli, wrapping("*")],
  [arith.divsi, divide("/", true)],
  [arith.divui, divide("/", false)],
  [arith.remsi, divide("%", true)],
  [arith.remui, divide("%", false)],
  [arith.floordivsi, rounded("floor")],
  [arith.ceildivsi, rounded("ceil")],
  [arith.andi, bitwise("&")],
  [arith.ori, bitwise("|")],
  [arith.xori, bitwise("^")],
  [arith.shli, shift("<<", false)],
  [arith.shrsi, shift(">>", true)],
  [arith.shrui, shift(">>", false)],
  [arith.maxsi, choose(">", true)],
  [arith.minsi, choose("<", true)],
  [arith.maxui, choose(">", false)],
  [arith.minui, choose("<", false)],
  [arith.addf, plain("+")],
  [arith.subf, plain("-")],
  [arith.mulf, plain("*")],
  [arith.divf, plain("/")],
  [arith.maximumf, extreme(">", "maximum")],
  [arith.minimumf, extreme("<", "minimum")],
  [arith.negf, (_op, [a]) => prefix("-", a!)],
  [arith.cmpi, compareIntegers],
  [arith.cmpf, compareFloats],
  [arith.select, select],
  [arith.extsi, extend(true)],
  [arith.extui, extend(false)],
  [arith.trunci, (op, [a]) => narrow(op.result().type, a!)],
  [arith.index_cast, extend(true)],
  [arith.index_castui, extend(false)],
  [arith.sitofp, toFloat(true)],
  [arith.uitofp, toFloat(false)],
  [arith.fptosi, fromFloat(true)],
  [arith.fptoui, fromFloat(false)],
  [arith.bitcast, bitcast],
  [arith.extf, (_op, [a]) => cast("double", a!)],
  [arith.truncf, (_op, [a]) => cast("float", a!)],
  [math.absf, library("fabs")],
  [math.sqrt, library("sqrt")],
  [math.copysign, library("copysign")],
  [math.floor, named("floor")],
  [math.ceil, named("ceil")],
  [math.trunc, named("trunc")],
  [math.roundeven, named("roundeven")],
  [math.absi, absolute],
  [
    math.ctpop,
    (op, [a], cx) => narrow(op.result().type, call(cx.helper("popcount"), unsigned(op.operand(0).type, a!))),
  ],
]);

/** Ops whose rows name each operand once: what they read may be written in their place. */
export const onceReaders: ReadonlySet<OpInfo> = new Set<OpInfo>([
  arith.addf,
  arith.subf,
  arith.mulf,
  arith.divf,
  arith.negf,
  math.absf,
  math.sqrt,
]);

/** The op in whose text the op's own text stands: both are plain arithmetic, and there is no other reader. */
export function readerOf(op: Operation): Operation | undefined {
  if (!onceReaders.has(op.def) || op.results.length !== 1 || !op.result().hasOneUse) return undefined;
  const reader = op.result().firstUse!.owner;
  return onceReaders.has(reader.def) && reader.block === op.block ? reader : undefined;
}

export function unsupported(op: Operation): never {
  const types = [...op.operands, ...op.results].map((v) => elementOf(v.type).kind).join(", ");
  throw fault("pass/failed", op.loc, `'${op.name}' on ${types} has no row in the table of C`, {
    help: "run the legalizing passes of the target first (c-legalize)",
  });
}
