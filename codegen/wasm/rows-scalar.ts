/** @file How arithmetic on scalars is written. Integers below 32 bits are kept sign-extended (i1: 0 or 1) in an i32. */
import * as arith from "../../dialects/arith/ops.ts";
import * as math from "../../dialects/math.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { fault } from "../../support/diagnostic.ts";
import type { Plain } from "./function-builder.ts";
import { type FunctionWriter, wasmType } from "./writer.ts";

export type Row = (op: Operation, w: FunctionWriter) => void;
export type Rows = ReadonlyMap<OpInfo, Row>;

export const widthOf = (t: Type): number => {
  const e = elementOf(t);
  return e.kind === "integer" || e.kind === "float" ? e.width : 32;
};
const carrier = (t: Type): "i32" | "i64" | "f32" | "f64" => wasmType(elementOf(t)) as "i32" | "i64" | "f32" | "f64";

export function unsupported(op: Operation): never {
  const types = [...op.operands, ...op.results].map((v) => elementOf(v.type).kind).join(", ");
  throw fault("pass/failed", op.loc, `'${op.name}' on ${types} has no WebAssembly instruction`, {
    help: "run the legalizing passes of the target first (wasm-legalize)",
  });
}

/** Brings an i32 on the stack into the canonical form of a narrow integer. */
export function normalize(w: FunctionWriter, t: Type): void {
  const e = elementOf(t);
  if (e.kind !== "integer" || e.width === 32 || e.width === 64) return;
  if (e.width === 1) w.f.i32Const(1).op("i32.and");
  else if (e.width === 8) w.f.op("i32.extend8_s");
  else if (e.width === 16) w.f.op("i32.extend16_s");
  else if (e.width < 32)
    w.f
      .i32Const(32 - e.width)
      .op("i32.shl")
      .i32Const(32 - e.width)
      .op("i32.shr_s");
  else
    w.f
      .i64Const(64 - e.width)
      .op("i64.shl")
      .i64Const(64 - e.width)
      .op("i64.shr_s");
}

/** Pushes an integer read as unsigned. */
function pushUnsigned(w: FunctionWriter, v: Value): void {
  w.push(v);
  const width = widthOf(v.type);
  if (width < 32 && width > 1) w.f.i32Const(2 ** width - 1).op("i32.and");
  else if (width > 32 && width < 64) w.f.i64Const((1n << BigInt(width)) - 1n).op("i64.and");
}

const binary =
  (name: string, options: { readonly unsigned?: boolean; readonly wraps?: boolean } = {}): Row =>
  (op, w) => {
    const type = op.result().type;
    const push = options.unsigned ? pushUnsigned : (x: FunctionWriter, v: Value): void => x.push(v);
    push(w, op.operand(0));
    push(w, op.operand(1));
    w.f.op(`${carrier(type)}.${name}` as Plain);
    if (options.wraps !== false) normalize(w, type);
    w.set(op.result());
  };

const unary =
  (name: string): Row =>
  (op, w) => {
    w.push(op.operand(0));
    w.f.op(`${carrier(op.result().type)}.${name}` as Plain);
    w.set(op.result());
  };

/** min and max of integers: compare and select. */
const choose =
  (test: string, unsigned: boolean): Row =>
  (op, w) => {
    const t = carrier(op.result().type);
    w.push(op.operand(0));
    w.push(op.operand(1));
    const push = unsigned ? pushUnsigned : (x: FunctionWriter, v: Value): void => x.push(v);
    // An i1 holds 0 or 1 where two's complement has 0 or -1: signed order turns round.
    const swap = !unsigned && widthOf(op.result().type) === 1;
    push(w, op.operand(swap ? 1 : 0));
    push(w, op.operand(swap ? 0 : 1));
    w.f.op(`${t}.${test}` as Plain).select();
    w.set(op.result());
  };

const integerTests: Readonly<Record<string, string>> = {
  eq: "eq",
  ne: "ne",
  slt: "lt_s",
  sle: "le_s",
  sgt: "gt_s",
  sge: "ge_s",
  ult: "lt_u",
  ule: "le_u",
  ugt: "gt_u",
  uge: "ge_u",
};

const compareIntegers: Row = (op, w) => {
  const { predicate, lhs, rhs } = arith.cmpi.of(op);
  const unsigned = predicate.startsWith("u");
  // An i1 holds 0 or 1 where two's complement has 0 or -1: signed order turns round.
  const swap = widthOf(lhs.type) === 1 && predicate.startsWith("s");
  const push = unsigned ? pushUnsigned : (x: FunctionWriter, v: Value): void => x.push(v);
  push(w, swap ? rhs : lhs);
  push(w, swap ? lhs : rhs);
  w.f.op(`${carrier(lhs.type)}.${integerTests[predicate]}` as Plain);
  w.set(op.result());
};

/** The ordered comparison and whether it is negated: unordered predicates are negations of ordered ones. */
export const floatTests: Readonly<Record<string, readonly [string, boolean]>> = {
  oeq: ["eq", false],
  ogt: ["gt", false],
  oge: ["ge", false],
  olt: ["lt", false],
  ole: ["le", false],
  une: ["ne", false],
  ugt: ["le", true],
  uge: ["lt", true],
  ult: ["ge", true],
  ule: ["gt", true],
};

const compareFloats: Row = (op, w) => {
  const { predicate, lhs, rhs } = arith.cmpf.of(op);
  const t = carrier(lhs.type);
  const simple = floatTests[predicate];
  const pair = (a: Value, b: Value, name: string): void => {
    w.push(a);
    w.push(b);
    w.f.op(`${t}.${name}` as Plain);
  };
  if (simple) {
    pair(lhs, rhs, simple[0]);
    if (simple[1]) w.f.op("i32.eqz");
  } else if (predicate === "true" || predicate === "false") w.f.i32Const(predicate === "true" ? 1 : 0);
  else {
    // Ordered: both equal themselves.
    pair(lhs, lhs, "eq");
    pair(rhs, rhs, "eq");
    w.f.op("i32.and");
    if (predicate === "uno" || predicate === "ueq") w.f.op("i32.eqz");
    if (predicate === "one") {
      pair(lhs, rhs, "ne");
      w.f.op("i32.and");
    }
    if (predicate === "ueq") {
      pair(lhs, rhs, "eq");
      w.f.op("i32.or");
    }
  }
  w.set(op.result());
};

const select: Row = (op, w) => {
  const { condition, trueValue, falseValue } = selectParts(op);
  w.push(trueValue);
  w.push(falseValue);
  w.push(condition);
  w.f.select();
  w.set(op.result());
};
const selectParts = (op: Operation) => ({
  condition: op.operand(0),
  trueValue: op.operand(1),
  falseValue: op.operand(2),
});

/** Widens, narrows or keeps an integer between carriers. */
const castInteger =
  (signed: boolean): Row =>
  (op, w) => {
    const from = op.operand(0).type;
    const to = op.result().type;
    const a = carrier(from);
    const b = carrier(to);
    if (signed) {
      w.push(op.operand(0));
      // An i1 that is set is -1.
      if (widthOf(from) === 1 && elementOf(from).kind === "integer" && widthOf(to) > 1)
        w.f
          .op(`${a}.eqz` as Plain)
          .i32Const(1)
          .op("i32.sub");
    } else pushUnsigned(w, op.operand(0));
    if (a === "i32" && b === "i64") w.f.op(signed ? "i64.extend_i32_s" : "i64.extend_i32_u");
    if (a === "i64" && b === "i32") w.f.op("i32.wrap_i64");
    if (widthOf(to) < widthOf(from) || (!signed && widthOf(to) < 32)) normalize(w, to);
    w.set(op.result());
  };

const toFloat =
  (signed: boolean): Row =>
  (op, w) => {
    const from = op.operand(0);
    if (signed) w.push(from);
    else pushUnsigned(w, from);
    if (signed && widthOf(from.type) === 1) w.f.op("i32.eqz").i32Const(1).op("i32.sub");
    w.f.op(`${carrier(op.result().type)}.convert_${carrier(from.type)}_${signed ? "s" : "u"}` as Plain);
    w.set(op.result());
  };

const fromFloat =
  (signed: boolean): Row =>
  (op, w) => {
    w.push(op.operand(0));
    const to = op.result().type;
    w.f.op(`${carrier(to)}.trunc_sat_${carrier(op.operand(0).type)}_${signed ? "s" : "u"}` as Plain);
    normalize(w, to);
    w.set(op.result());
  };

const bitcast: Row = (op, w) => {
  const a = carrier(op.operand(0).type);
  const b = carrier(op.result().type);
  w.push(op.operand(0));
  if (a !== b) w.f.op(`${b}.reinterpret_${a}` as Plain);
  else normalize(w, op.result().type);
  w.set(op.result());
};

const floor: Row = (op, w) => {
  // floordivsi: the quotient rounded down. q = a / b; q - (a % b != 0 && (a < 0) != (b < 0)).
  const t = carrier(op.result().type) as "i32" | "i64";
  const [a, b] = [op.operand(0), op.operand(1)];
  w.push(a);
  w.push(b);
  w.f.op(`${t}.div_s`);
  w.push(a);
  w.push(b);
  w.f.op(`${t}.rem_s`).op(`${t}.eqz`).op("i32.eqz");
  w.push(a);
  w.push(b);
  w.f.op(`${t}.xor`);
  if (t === "i32") w.f.i32Const(0).op("i32.lt_s");
  else w.f.i64Const(0).op("i64.lt_s");
  w.f.op("i32.and");
  if (t === "i64") w.f.op("i64.extend_i32_u");
  w.f.op(`${t}.sub`);
  w.set(op.result());
};

const negate: Row = unary("neg");
const absoluteInteger: Row = (op, w) => {
  const t = carrier(op.result().type) as "i32" | "i64";
  const v = op.operand(0);
  const zero = (): void => {
    if (t === "i32") w.f.i32Const(0);
    else w.f.i64Const(0);
  };
  zero();
  w.push(v);
  w.f.op(`${t}.sub`);
  w.push(v);
  w.push(v);
  zero();
  w.f.op(`${t}.lt_s`).select();
  normalize(w, op.result().type);
  w.set(op.result());
};

/** Bits of an integer counted in the carrier, whose upper bits are taken away or filled. */
const countBits =
  (name: "clz" | "ctz" | "popcnt"): Row =>
  (op, w) => {
    const { type } = op.result();
    const t = carrier(type) as "i32" | "i64";
    const [width, all] = [widthOf(type), t === "i32" ? 32 : 64];
    const number = (n: bigint): void => {
      if (t === "i32") w.f.i32Const(Number(BigInt.asIntN(32, n)));
      else w.f.i64Const(BigInt.asIntN(64, n));
    };
    pushUnsigned(w, op.operand(0));
    if (name === "ctz" && width < all) {
      number(1n << BigInt(width));
      w.f.op(`${t}.or`);
    }
    w.f.op(`${t}.${name}`);
    if (name === "clz" && width < all) {
      number(BigInt(all - width));
      w.f.op(`${t}.sub`);
    }
    normalize(w, type);
    w.set(op.result());
  };

const pass: Row = (op, w) => {
  w.push(op.operand(0));
  w.set(op.result());
};

export const scalarRows: Rows = new Map<OpInfo, Row>([
  [arith.addi, binary("add")],
  [arith.subi, binary("sub")],
  [arith.muli, binary("mul")],
  [arith.divsi, binary("div_s")],
  [arith.divui, binary("div_u", { unsigned: true })],
  [arith.remsi, binary("rem_s")],
  [arith.remui, binary("rem_u", { unsigned: true })],
  [arith.floordivsi, floor],
  [arith.andi, binary("and", { wraps: false })],
  [arith.ori, binary("or", { wraps: false })],
  [arith.xori, binary("xor", { wraps: false })],
  [arith.shli, binary("shl")],
  [arith.shrsi, binary("shr_s")],
  [arith.shrui, binary("shr_u", { unsigned: true })],
  [arith.maxsi, choose("gt_s", false)],
  [arith.minsi, choose("lt_s", false)],
  [arith.maxui, choose("gt_u", true)],
  [arith.minui, choose("lt_u", true)],
  [arith.addf, binary("add", { wraps: false })],
  [arith.subf, binary("sub", { wraps: false })],
  [arith.mulf, binary("mul", { wraps: false })],
  [arith.divf, binary("div", { wraps: false })],
  [arith.maximumf, binary("max", { wraps: false })],
  [arith.minimumf, binary("min", { wraps: false })],
  [arith.negf, negate],
  [arith.cmpi, compareIntegers],
  [arith.cmpf, compareFloats],
  [arith.select, select],
  [arith.extsi, castInteger(true)],
  [arith.extui, castInteger(false)],
  [arith.trunci, castInteger(true)],
  [arith.index_cast, castInteger(true)],
  [arith.index_castui, castInteger(false)],
  [arith.sitofp, toFloat(true)],
  [arith.uitofp, toFloat(false)],
  [arith.fptosi, fromFloat(true)],
  [arith.fptoui, fromFloat(false)],
  [arith.bitcast, bitcast],
  [
    arith.extf,
    (op, w) => {
      if (widthOf(op.operand(0).type) !== 32 || widthOf(op.result().type) !== 64) unsupported(op);
      w.push(op.operand(0));
      w.f.op("f64.promote_f32");
      w.set(op.result());
    },
  ],
  [
    arith.truncf,
    (op, w) => {
      if (widthOf(op.operand(0).type) !== 64 || widthOf(op.result().type) !== 32) unsupported(op);
      w.push(op.operand(0));
      w.f.op("f32.demote_f64");
      w.set(op.result());
    },
  ],
  [math.absf, unary("abs")],
  [math.sqrt, unary("sqrt")],
  [math.floor, unary("floor")],
  [math.ceil, unary("ceil")],
  [math.trunc, unary("trunc")],
  [math.roundeven, unary("nearest")],
  [math.copysign, binary("copysign", { wraps: false })],
  [math.absi, absoluteInteger],
  [math.ctpop, countBits("popcnt")],
  [math.ctlz, countBits("clz")],
  [math.cttz, countBits("ctz")],
]);

export const forward: Row = pass;
