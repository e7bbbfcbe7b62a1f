/** @file How arithmetic is written, on scalars and vectors alike: one row per op. */
import * as affine from "../../dialects/affine/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import { widensHalf } from "../../dialects/halves.ts";
import * as math from "../../dialects/math.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { atom, call, type Expr, infix, prefix } from "../source.ts";
import { affineText, isCount, number, Sum, sumText } from "./addresses.ts";
import { controlRows } from "./rows-control.ts";
import { isPacked, memoryRows, unsignedBytes } from "./rows-memory.ts";
import { subgroupRows } from "./rows-subgroups.ts";
import { carrierOf, isFast, lanesOf, narrowWidth, Unsupported } from "./types.ts";
import type { KernelWriter, Row, Rows } from "./writer.ts";

/** The operands' expressions. Constants alone are named, so that nothing is computed while the shader is compiled. */
function operands(op: Operation, w: KernelWriter): Expr[] {
  const texts = op.operands.map((v) => w.use(v));
  if (op.operands.every(isLiteral) && texts.length > 0) {
    const name = w.fresh();
    w.line(`var ${name} = ${w.typeOf(op.operand(0).type, op)}(${texts[0]!.text});`);
    texts[0] = atom(name);
  }
  return texts;
}

/** A constant, alone or in every lane. */
const isLiteral = (v: Value): boolean => {
  const spread = vector.broadcast.match(v);
  return spread ? isLiteral(spread.source) : v.definingOp?.def.isConstant === true;
};

/** An integer that a sum or a product is the same with or without. */
function isNeutral(v: Value, symbol: string): boolean {
  const neutral = symbol === "+" ? 0n : symbol === "*" ? 1n : undefined;
  const spread = vector.broadcast.match(v);
  const value = arith.constant.match(spread ? spread.source : v)?.value;
  return neutral !== undefined && value?.kind === "integer" && value.value === neutral;
}

const isFloat = (t: Type): boolean => carrierOf(t) === "f32";
const isBool = (t: Type): boolean => carrierOf(t) === "bool";

function needFloat(op: Operation): void {
  if (!op.operands.every((v) => isFloat(v.type) || isBool(v.type)))
    throw new Unsupported(op, `'${op.name}' on floats of this width`);
}

/** The number in every lane of a type. */
const splat = (n: number, t: Type, op: Operation, w: KernelWriter): Expr =>
  lanesOf(t) === 1 ? number(n) : atom(`${w.typeOf(t, op)}(${n})`);

const unsignedName = (t: Type): string => (lanesOf(t) === 1 ? "u32" : `vec${lanesOf(t)}u`);
const signedName = (t: Type): string => (lanesOf(t) === 1 ? "i32" : `vec${lanesOf(t)}i`);
const floatName = (t: Type): string => (lanesOf(t) === 1 ? "f32" : `vec${lanesOf(t)}f`);

/** Back into the range of a narrow integer, sign-extended. */
function wrap(e: Expr, t: Type): Expr {
  const width = narrowWidth(t);
  if (width === undefined) return e;
  const shift = atom(lanesOf(t) === 1 ? `${32 - width}u` : `vec${lanesOf(t)}u(${32 - width})`);
  return infix(">>", infix("<<", e, shift), shift);
}

/** The bits of an integer read as unsigned. */
function unsigned(e: Expr, t: Type): Expr {
  const width = narrowWidth(t);
  // A negative literal is no unsigned number; its bits are.
  const literal = /^-?\d+$/.test(e.text) ? atom(`${Number(e.text) >>> 0}u`) : undefined;
  const bits = literal ?? call(unsignedName(t), e);
  if (width === undefined) return bits;
  const mask = 2 ** width - 1;
  return infix("&", bits, atom(lanesOf(t) === 1 ? `${mask}u` : `vec${lanesOf(t)}u(${mask})`));
}

const signed = (e: Expr, t: Type): Expr => call(signedName(t), e);

const integer =
  (symbol: string, bool?: string): Row =>
  (op, w) => {
    const [a, b] = operands(op, w) as [Expr, Expr];
    const { type } = op.result();
    if (isBool(type)) {
      if (!bool) throw new Unsupported(op, `'${op.name}' on i1`);
      return infix(bool, a, b);
    }
    const known = [op.operand(1), op.operand(0)].findIndex((v) => isNeutral(v, symbol));
    if (known >= 0) return known === 0 ? a : b;
    // A number below zero is taken away instead of added, and the other way round.
    const turned = symbol === "+" ? "-" : symbol === "-" ? "+" : undefined;
    if (turned && /^-\d+$/.test(b.text)) return wrap(infix(turned, a, atom(b.text.slice(1))), type);
    return wrap(infix(symbol, a, b), type);
  };

const unsignedInteger =
  (symbol: string): Row =>
  (op, w) => {
    const [a, b] = operands(op, w) as [Expr, Expr];
    const { type } = op.result();
    return wrap(signed(infix(symbol, unsigned(a, type), unsigned(b, type)), type), type);
  };

/** Indices that are not below zero: their signs do not count. */
const areCounts = (op: Operation): boolean => op.operands.every((v) => v.type.kind === "index" && isCount(v));

const extreme =
  (name: "min" | "max", isUnsigned: boolean): Row =>
  (op, w) => {
    const [a, b] = operands(op, w) as [Expr, Expr];
    const { type } = op.result();
    if (isUnsigned && areCounts(op)) return call(name, a, b);
    // An i1 that is set is -1 where signs count.
    if (isBool(type)) return infix((name === "max") === isUnsigned ? "|" : "&", a, b);
    return isUnsigned ? wrap(signed(call(name, unsigned(a, type), unsigned(b, type)), type), type) : call(name, a, b);
  };

const shift =
  (symbol: "<<" | ">>", isUnsigned: boolean): Row =>
  (op, w) => {
    const [a, b] = operands(op, w) as [Expr, Expr];
    const { type } = op.result();
    const amount = call(unsignedName(type), b);
    const value = isUnsigned ? signed(infix(symbol, unsigned(a, type), amount), type) : infix(symbol, a, amount);
    return wrap(value, type);
  };

const float =
  (symbol: string): Row =>
  (op, w) => {
    needFloat(op);
    const [a, b] = operands(op, w) as [Expr, Expr];
    return infix(symbol, a, b);
  };

/** A product that may be fused with the sum around it, if it is one. */
function product(v: Value, w: KernelWriter): readonly [Value, Value] | undefined {
  const op = w.pending(v);
  if (!op || !arith.mulf.is(op) || !contracts(op)) return undefined;
  return [op.operand(0), op.operand(1)];
}

const contracts = (op: Operation): boolean => isFast(op, "contract");

/** The scalar in every lane of a value; WGSL multiplies vectors by scalars as they are. */
function scalarOf(v: Value, w: KernelWriter): Expr | undefined {
  const spread = vector.broadcast.match(v);
  return spread && spread.source.type.kind !== "vector" ? w.use(spread.source) : undefined;
}

const sum: Row = (op, w) => {
  needFloat(op);
  if (contracts(op)) {
    for (const [i, j] of [
      [1, 0],
      [0, 1],
    ] as const) {
      const factors = product(op.operand(i), w);
      if (!factors) continue;
      const [a, b] = factors.map((v) => scalarOf(v, w) ?? w.use(v)) as [Expr, Expr];
      if (factors.some((v) => scalarOf(v, w))) return infix("+", w.use(op.operand(j)), infix("*", a, b));
      return call("fma", a, b, w.use(op.operand(j)));
    }
  }
  return float("+")(op, w);
};

const floatCall =
  (name: string): Row =>
  (op, w) => {
    needFloat(op);
    return call(name, ...operands(op, w));
  };

const not = (e: Expr): Expr => prefix("!", e);

/** Whether floats differ, as NaN does from everything: what `!=` of NaN is the language leaves open, and some say false. */
const differ = (a: Expr, b: Expr): Expr => not(infix("==", a, b));

/** NaN wins, as IEEE 754-2019 has it. */
const extremeFloat =
  (symbol: "<" | ">"): Row =>
  (op, w) => {
    needFloat(op);
    const [x, y] = op.operands as [Value, Value];
    if (isFast(op, "nnan")) return call(symbol === ">" ? "max" : "min", w.use(x), w.use(y));
    const known = [x, y].findIndex((v) => isNumber(v));
    if (known >= 0) {
      // The other one stays unless the number beats it: NaN is not beaten.
      const n = w.use(known === 0 ? x : y);
      const other = w.named(w.use(known === 0 ? y : x));
      return call("select", other, n, infix(symbol, n, other));
    }
    const a = w.named(w.use(x));
    const b = w.named(w.use(y));
    return call("select", b, a, infix("|", infix(symbol, a, b), differ(a, a)));
  };

/** A constant that is no NaN. */
function isNumber(v: Value): boolean {
  const spread = vector.broadcast.match(v);
  if (spread) return isNumber(spread.source);
  const value = arith.constant.match(v)?.value;
  if (value?.kind === "float") return !Number.isNaN(value.value);
  return value?.kind === "dense" && value.splat === true && v.type.kind === "vector";
}

const integerTests: Readonly<Record<string, string>> = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

/** An index where it is used: the sum that it is. */
function indexText(v: Value, w: KernelWriter): Expr {
  const sum = new Sum();
  sum.add(v, 1);
  return sum.isJust(v) ? w.use(v) : sumText(sum, 0, 1, w);
}

const compareIntegers: Row = (op, w) => {
  const { predicate, lhs } = arith.cmpi.of(op);
  let [a, b] = (lhs.type.kind === "index" ? op.operands.map((v) => indexText(v, w)) : operands(op, w)) as [Expr, Expr];
  const { type } = lhs;
  const plain = predicate === "eq" || predicate === "ne";
  const isUnsigned = predicate.startsWith("u");
  if (!plain && isBool(type)) {
    const one =
      lanesOf(type) === 1 ? atom(isUnsigned ? "1" : "-1") : atom(`vec${lanesOf(type)}i(${isUnsigned ? 1 : -1})`);
    const zero = lanesOf(type) === 1 ? atom("0") : atom(`vec${lanesOf(type)}i()`);
    [a, b] = [call("select", zero, one, a), call("select", zero, one, b)];
  } else if (isUnsigned && !plain && !areCounts(op)) [a, b] = [unsigned(a, type), unsigned(b, type)];
  return infix(integerTests[plain ? predicate : predicate.slice(1)]!, a, b);
};

function isNan(v: Value, op: Operation, w: KernelWriter): Expr {
  const lanes = lanesOf(v.type);
  const t = w.typeOf(v.type, op);
  const name = `nan${lanes}`;
  const [u, b] = lanes === 1 ? ["u32", "bool"] : [`vec${lanes}u`, `vec${lanes}<bool>`];
  w.helper(name, `fn ${name}(x: ${t}) -> ${b} { return (bitcast<${u}>(x) & ${u}(0x7fffffffu)) > ${u}(0x7f800000u); }`);
  return call(name, w.use(v));
}

const compareFloats: Row = (op, w) => {
  needFloat(op);
  const { predicate, lhs, rhs, result } = arith.cmpf.of(op);
  if (predicate === "true" || predicate === "false") {
    return lanesOf(result.type) === 1 ? atom(predicate) : atom(`${w.typeOf(result.type, op)}(${predicate})`);
  }
  const nan = (): Expr => (lhs === rhs ? isNan(lhs, op, w) : infix("|", isNan(lhs, op, w), isNan(rhs, op, w)));
  const test = predicate.slice(1);
  if (predicate === "uno") return nan();
  if (predicate === "ord") return not(nan());
  const [a, b] = operands(op, w) as [Expr, Expr];
  if (predicate === "oeq") return infix("==", a, b);
  if (predicate === "une") return differ(a, b);
  if (predicate === "ueq") return infix("|", infix("==", a, b), nan());
  if (predicate === "one") return infix("&", infix("!=", a, b), not(nan()));
  if (predicate.startsWith("o")) return infix(integerTests[test]!, a, b);
  const opposite: Readonly<Record<string, string>> = { lt: ">=", le: ">", gt: "<=", ge: "<" };
  return not(infix(opposite[test]!, a, b));
};

const absoluteInteger: Row = (op, w) => {
  const { type } = op.result();
  const [e] = operands(op, w) as [Expr];
  return isBool(type) ? e : wrap(call("abs", e), type);
};

const countBits: Row = (op, w) => {
  const { type } = op.result();
  const [e] = operands(op, w) as [Expr];
  if (isBool(type)) return e;
  // The upper half of a wide integer is not there.
  if (elementWidth(type) > 32) throw new Unsupported(op, `'${op.name}' on integers of more than 32 bits`);
  return signed(call("countOneBits", unsigned(e, type)), type);
};

const elementWidth = (t: Type): number => {
  const e = elementOf(t);
  return e.kind === "integer" ? e.width : 32;
};

const select: Row = (op, w) => {
  const [c, yes, no] = op.operands.map((v) => w.use(v)) as [Expr, Expr, Expr];
  const { type } = op.result();
  const texts = [no, yes].map((e) =>
    /^[-\d(]/.test(e.text) && lanesOf(type) === 1 ? atom(`${w.typeOf(type, op)}(${e.text})`) : e,
  );
  return call("select", texts[0]!, texts[1]!, c);
};

/** bool as 0 and 1 (or -1), or as 0. and 1. */
function ofBool(op: Operation, w: KernelWriter, name: string, set: number): Expr {
  const t = op.result().type;
  const one = lanesOf(t) === 1 ? atom(`${name}(${set})`) : atom(`${name}(${set})`);
  return call("select", atom(`${name}(0)`), one, w.use(op.operand(0)));
}

const extend =
  (isSigned: boolean): Row =>
  (op, w) => {
    const from = op.operand(0).type;
    const to = op.result().type;
    if (isBool(to)) return w.use(op.operand(0));
    if (isBool(from)) return ofBool(op, w, signedName(to), isSigned ? -1 : 1);
    const bytes = isSigned ? undefined : unsignedBytes(op.operand(0), w);
    if (bytes) return signed(bytes, to);
    const e = w.use(op.operand(0));
    return isSigned || narrowWidth(from) === undefined ? e : signed(unsigned(e, from), to);
  };

/** What is read of constants that are kept in 16 bits is in 32 as it is read. */
const widen: Row = (op, w) => {
  if (!widensHalf(op)) throw new Unsupported(op, "floats of 64 bits");
  return w.use(op.operand(0));
};

const truncate: Row = (op, w) => {
  const to = op.result().type;
  const e = w.use(op.operand(0));
  if (isBool(op.operand(0).type)) return e;
  if (isPacked(op, w)) return e;
  if (!isBool(to)) return wrap(e, to);
  return infix("!=", infix("&", e, splat(1, op.operand(0).type, op, w)), splat(0, op.operand(0).type, op, w));
};

const castIndex =
  (isSigned: boolean): Row =>
  (op, w) => {
    const width = (t: Type): number =>
      elementOf(t).kind === "integer" ? (elementOf(t) as { width: number }).width : 64;
    return width(op.operand(0).type) > width(op.result().type) ? truncate(op, w) : extend(isSigned)(op, w);
  };

const toFloat =
  (isSigned: boolean): Row =>
  (op, w) => {
    const to = op.result().type;
    const from = op.operand(0).type;
    if (!isFloat(to)) throw new Unsupported(op, `'${op.name}' to floats of this width`);
    if (isBool(from)) return ofBool(op, w, floatName(to), isSigned ? -1 : 1);
    const bytes = isSigned ? undefined : unsignedBytes(op.operand(0), w);
    if (bytes) return call(floatName(to), bytes);
    const e = w.use(op.operand(0));
    // Wide integers are carried with their sign.
    const bits = isSigned || (elementOf(from) as { width: number }).width > 32 ? e : unsigned(e, from);
    return call(floatName(to), bits);
  };

const fromFloat =
  (isSigned: boolean): Row =>
  (op, w) => {
    const to = op.result().type;
    if (!isFloat(op.operand(0).type)) throw new Unsupported(op, `'${op.name}' from floats of this width`);
    const e = w.use(op.operand(0));
    const wide = (elementOf(to) as { width: number }).width > 32;
    const bits = isSigned || wide ? call(signedName(to), e) : signed(call(unsignedName(to), e), to);
    if (isBool(to)) return infix("!=", infix("&", bits, splat(1, op.operand(0).type, op, w)), number(0));
    return wrap(bits, to);
  };

const bitcast: Row = (op, w) => {
  const from = op.operand(0).type;
  const to = op.result().type;
  const e = w.use(op.operand(0));
  if (carrierOf(from) === carrierOf(to)) return e;
  if (isBool(from) || isBool(to)) throw new Unsupported(op, "bits of i1");
  if (op.operand(0).definingOp?.def.isConstant) {
    const name = w.fresh();
    w.line(`var ${name} = ${w.typeOf(from, op)}(${e.text});`);
    return atom(`bitcast<${w.typeOf(to, op)}>(${name})`);
  }
  return atom(`bitcast<${w.typeOf(to, op)}>(${e.text})`);
};

const floorDivide: Row = (op, w) => {
  const [x, y] = operands(op, w) as [Expr, Expr];
  const t = w.typeOf(op.result().type, op);
  if (t !== "i32") throw new Unsupported(op, "vectors divided and rounded down");
  const name = w.helper(
    "floordiv",
    "fn floordiv(a: i32, b: i32) -> i32 { let q = a / b; return select(q, q - 1, (a % b != 0) && ((a < 0) != (b < 0))); }",
  );
  return call(name, x, y);
};

const power: Row = (op, w) => {
  needFloat(op);
  return call("pow", ...operands(op, w));
};

const copySign: Row = (op, w) => {
  needFloat(op);
  const { type } = op.result();
  const [x, y] = op.operands.map((v) => w.named(w.use(v))) as [Expr, Expr];
  const u = unsignedName(type);
  const mask = (bits: string): string => (lanesOf(type) === 1 ? `${bits}u` : `${u}(${bits}u)`);
  return atom(
    `bitcast<${w.typeOf(type, op)}>((bitcast<${u}>(${x.text}) & ${mask("0x7fffffff")}) | (bitcast<${u}>(${y.text}) & ${mask("0x80000000")}))`,
  );
};

/** Negation of the sign bit, so that zero and NaN keep to the rule. */
const negate: Row = (op, w) => {
  needFloat(op);
  return prefix("-", operands(op, w)[0]!);
};

const apply: Row = (op, w) => {
  const { map, mapOperands, result } = affine.apply.of(op);
  const e = map.results[0]!;
  const s = new Sum();
  s.add(result, 1);
  // A division, or the number of the thread.
  return s.terms.size === 1 && s.isJust(result) ? affineText(e, mapOperands, w) : sumText(s, 0, 1, w);
};

const arithmetic: readonly (readonly [OpInfo, Row])[] = [
  [arith.addi, integer("+", "!=")],
  [arith.subi, integer("-", "!=")],
  [arith.muli, integer("*", "&")],
  [arith.divsi, integer("/")],
  [arith.remsi, integer("%")],
  [arith.divui, unsignedInteger("/")],
  [arith.remui, unsignedInteger("%")],
  [arith.floordivsi, floorDivide],
  [arith.andi, integer("&", "&")],
  [arith.ori, integer("|", "|")],
  [arith.xori, integer("^", "!=")],
  [arith.shli, shift("<<", false)],
  [arith.shrsi, shift(">>", false)],
  [arith.shrui, shift(">>", true)],
  [arith.maxsi, extreme("max", false)],
  [arith.minsi, extreme("min", false)],
  [arith.maxui, extreme("max", true)],
  [arith.minui, extreme("min", true)],
  [arith.addf, sum],
  [arith.subf, float("-")],
  [arith.mulf, float("*")],
  [arith.divf, float("/")],
  [arith.negf, negate],
  [arith.maximumf, extremeFloat(">")],
  [arith.minimumf, extremeFloat("<")],
  [arith.cmpi, compareIntegers],
  [arith.cmpf, compareFloats],
  [arith.select, select],
  [arith.extf, widen],
  [arith.extsi, extend(true)],
  [arith.extui, extend(false)],
  [arith.trunci, truncate],
  [arith.index_cast, castIndex(true)],
  [arith.index_castui, castIndex(false)],
  [arith.sitofp, toFloat(true)],
  [arith.uitofp, toFloat(false)],
  [arith.fptosi, fromFloat(true)],
  [arith.fptoui, fromFloat(false)],
  [arith.bitcast, bitcast],
  [math.absf, floatCall("abs")],
  [math.absi, absoluteInteger],
  [math.ctpop, countBits],
  [math.sqrt, floatCall("sqrt")],
  [math.rsqrt, floatCall("inverseSqrt")],
  [math.floor, floatCall("floor")],
  [math.ceil, floatCall("ceil")],
  [math.trunc, floatCall("trunc")],
  [math.roundeven, floatCall("round")],
  [math.exp, floatCall("exp")],
  [math.exp2, floatCall("exp2")],
  [math.log, floatCall("log")],
  [math.log2, floatCall("log2")],
  [math.fma, floatCall("fma")],
  [math.powf, power],
  [math.copysign, copySign],
  [affine.apply, apply],
];

export const rows: Rows = new Map<OpInfo, Row>([...arithmetic, ...memoryRows, ...controlRows, ...subgroupRows]);
