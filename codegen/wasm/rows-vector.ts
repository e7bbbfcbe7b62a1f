/** @file How arithmetic on 128-bit vectors is written. A vector of i1 is a mask: all bits of a lane, or none. */
import * as arith from "../../dialects/arith/ops.ts";
import * as math from "../../dialects/math.ts";
import * as vector from "../../dialects/vector/index.ts";
import * as wasm from "../../dialects/wasm.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, type Type, type VectorType } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import type { Plain } from "./function-builder.ts";
import { isHeldWider, laneShape, laneShapeOf, normalizeLanes, unsignedLanes } from "./narrow.ts";
import { floatTests, normalize, type Row, type Rows, unsupported, widthOf } from "./rows-scalar.ts";
import type { FunctionWriter } from "./writer.ts";

const isMask = (t: Type): boolean => {
  const e = elementOf(t);
  return e.kind === "integer" && e.width === 1;
};

const binary =
  (name: string): Row =>
  (op, w) => {
    w.push(op.operand(0));
    w.push(op.operand(1));
    w.f.op(`${laneShape(op.result().type, op)}.${name}` as Plain);
    normalizeLanes(w, op.result().type);
    w.set(op.result());
  };

/** Of numbers that are not changed by it. */
const choose =
  (name: string): Row =>
  (op, w) => {
    w.push(op.operand(0));
    w.push(op.operand(1));
    w.f.op(`${laneShape(op.result().type, op)}.${name}` as Plain);
    w.set(op.result());
  };

const bitwise =
  (name: Plain): Row =>
  (op, w) => {
    w.push(op.operand(0));
    w.push(op.operand(1));
    w.f.op(name);
    w.set(op.result());
  };

const unary =
  (name: string): Row =>
  (op, w) => {
    w.push(op.operand(0));
    w.f.op(`${laneShape(op.result().type, op)}.${name}` as Plain);
    w.set(op.result());
  };

const ternary =
  (name: string): Row =>
  (op, w) => {
    for (const v of op.operands) w.push(v);
    w.f.op(`${laneShape(op.result().type, op)}.${name}` as Plain);
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
  if (isMask(lhs.type) && predicate !== "eq" && predicate !== "ne") unsupported(op);
  w.push(lhs);
  w.push(rhs);
  w.f.op(`${laneShape(lhs.type, op)}.${integerTests[predicate]}` as Plain);
  w.set(op.result());
};

const compareFloats: Row = (op, w) => {
  const { predicate, lhs, rhs } = arith.cmpf.of(op);
  const shape = laneShape(lhs.type, op);
  const pair = (a: Value, b: Value, name: string): void => {
    w.push(a);
    w.push(b);
    w.f.op(`${shape}.${name}` as Plain);
  };
  const simple = floatTests[predicate];
  if (simple) {
    pair(lhs, rhs, simple[0]);
    if (simple[1]) w.f.op("v128.not");
  } else if (predicate === "true" || predicate === "false")
    w.f.v128Const(new Int32Array(4).fill(predicate === "true" ? -1 : 0));
  else {
    pair(lhs, lhs, "eq");
    pair(rhs, rhs, "eq");
    w.f.op("v128.and");
    if (predicate === "uno" || predicate === "ueq") w.f.op("v128.not");
    if (predicate === "one") {
      pair(lhs, rhs, "ne");
      w.f.op("v128.and");
    }
    if (predicate === "ueq") {
      pair(lhs, rhs, "eq");
      w.f.op("v128.or");
    }
  }
  w.set(op.result());
};

const select: Row = (op, w) => {
  const [condition, yes, no] = op.operands as [Value, Value, Value];
  w.push(yes);
  w.push(no);
  w.push(condition);
  if (condition.type.kind === "vector") w.f.op("v128.bitselect");
  else w.f.select();
  w.set(op.result());
};

const shift =
  (name: string): Row =>
  (op, w) => {
    // The instructions shift all lanes alike: the amount must be a splat of a constant.
    const amount = splatConstant(op.operand(1));
    if (amount === undefined) return unsupported(op);
    w.push(op.operand(0));
    w.f.i32Const(Number(amount)).op(`${laneShape(op.result().type, op)}.${name}` as Plain);
    normalizeLanes(w, op.result().type);
    w.set(op.result());
  };

/** The number in all lanes of a constant vector, or of a broadcast constant. */
function splatConstant(v: Value): number | bigint | undefined {
  const spread = vector.broadcast.match(v)?.source.definingOp;
  const op = v.definingOp?.def.isConstant ? v.definingOp : spread?.def.isConstant ? spread : undefined;
  if (!op) return undefined;
  const value = arith.constant.match(op)?.value;
  if (value?.kind === "integer" || value?.kind === "float") return value.value;
  if (value?.kind === "dense" && value.splat) return (datumOfAttribute(value) as NDArray).getData(0);
  return undefined;
}

const convert =
  (name: Plain): Row =>
  (op, w) => {
    const from = elementOf(op.operand(0).type);
    w.push(op.operand(0));
    if (isHeldWider(op.operand(0).type)) {
      if (name.endsWith("_u")) unsignedLanes(w, op.operand(0).type as VectorType);
    } else if (from.kind === "integer" && from.width === 1) {
      // A mask is 0 or -1: take one bit for unsigned.
      if (name.endsWith("_u")) w.f.v128Const(new Int32Array(4).fill(1)).op("v128.and");
    } else if (from.kind !== "integer" || from.width !== 32) unsupported(op);
    w.f.op(name);
    w.set(op.result());
  };

const truncate =
  (name: Plain): Row =>
  (op, w) => {
    if (laneShape(op.operand(0).type, op) !== "f32x4" || laneShape(op.result().type, op) !== "i32x4") unsupported(op);
    w.push(op.operand(0));
    w.f.op(name);
    w.set(op.result());
  };

/** To elements that lie in the same lanes, which hold their sign already. */
const widen =
  (signed: boolean): Row =>
  (op, w) => {
    const from = op.operand(0).type;
    w.push(op.operand(0));
    if (isMask(from)) {
      if (laneShape(op.result().type, op) !== "i32x4") unsupported(op);
      if (!signed) w.f.v128Const(new Int32Array(4).fill(1)).op("v128.and");
    } else if (!signed) unsignedLanes(w, from as VectorType);
    w.set(op.result());
  };

/** Into the same lanes; stores take the low bits by themselves. */
const narrow: Row = (op, w) => {
  const r = op.result();
  w.push(op.operand(0));
  if (![...r.uses()].every((u) => wasm.store.is(u.owner))) normalizeLanes(w, r.type);
  w.set(r);
};

const keepBits: Row = (op, w) => {
  w.push(op.operand(0));
  w.set(op.result());
};

const broadcast: Row = (op, w) => {
  const [source] = op.operands as [Value];
  if (source.type.kind === "vector") {
    if (
      source.type.shape.reduce((n, d) => n * d, 1) !== (op.result().type as VectorType).shape.reduce((n, d) => n * d, 1)
    )
      unsupported(op);
    return keepBits(op, w);
  }
  const shape = laneShape(op.result().type, op);
  const known = splatConstant(op.result());
  if (known !== undefined && (shape === "f32x4" || shape === "i32x4") && !isMask(op.result().type)) {
    const bits = isHeldWider(op.result().type)
      ? Number(BigInt.asIntN(widthOf(op.result().type), BigInt(known)))
      : Number(known);
    w.f.v128Const(shape === "f32x4" ? new Float32Array(4).fill(bits) : new Int32Array(4).fill(bits));
    w.set(op.result());
    return;
  }
  if (isMask(op.result().type)) {
    w.f.i32Const(0);
    w.push(source);
    w.f.op("i32.sub");
  } else w.push(source);
  w.f.op(`${shape}.splat` as Plain);
  w.set(op.result());
};

const extract: Row = (op, w) => {
  const { vector: source, static_position: position } = vector.extract.of(op);
  const type = op.result().type;
  if (type.kind === "vector" || position.length !== 1 || position[0]! < 0) unsupported(op);
  const shape = laneShape(source.type, op);
  w.push(source);
  const narrow = shape === "i8x16" || shape === "i16x8";
  w.f.lane(`${shape}.extract_lane${narrow ? "_s" : ""}` as never, position[0]!);
  if (isMask(source.type)) w.f.i32Const(1).op("i32.and");
  w.set(op.result());
};

const insert: Row = (op, w) => {
  const { source, dest, static_position: position } = vector.insert.of(op);
  if (source.type.kind === "vector" || position.length !== 1 || position[0]! < 0) unsupported(op);
  w.push(dest);
  pushLane(w, source);
  w.f.lane(`${laneShape(dest.type, op)}.replace_lane` as never, position[0]!);
  w.set(op.result());
};

/** A scalar as it stands in a lane: an i1 as a mask. */
function pushLane(w: FunctionWriter, v: Value): void {
  if (!isMask(v.type)) {
    w.push(v);
    return;
  }
  w.f.i32Const(0);
  w.push(v);
  w.f.op("i32.sub");
}

const fromElements: Row = (op, w) => {
  const shape = laneShape(op.result().type, op);
  pushLane(w, op.operand(0));
  w.f.op(`${shape}.splat` as Plain);
  for (let i = 1; i < op.operandCount; i++) {
    pushLane(w, op.operand(i));
    w.f.lane(`${shape}.replace_lane` as never, i);
  }
  w.set(op.result());
};

const combining: Readonly<Record<string, readonly [scalarRow: OpInfo, vectorName: string]>> = {
  add: [arith.addf, "add"],
  mul: [arith.mulf, "mul"],
  maximumf: [arith.maximumf, "max"],
  minimumf: [arith.minimumf, "min"],
  maxsi: [arith.maxsi, "max_s"],
  minsi: [arith.minsi, "min_s"],
  maxui: [arith.maxui, "max_u"],
  minui: [arith.minui, "min_u"],
  and: [arith.andi, "and"],
  or: [arith.ori, "or"],
  xor: [arith.xori, "xor"],
};

/** Folds the upper half onto the lower one, twice. */
const reduction: Row = (op, w) => {
  const { kind, vector: source, acc } = vector.reduction.of(op);
  const shape = laneShape(source.type, op);
  const row = combining[kind];
  if (!row || acc || (shape !== "f32x4" && shape !== "i32x4")) return unsupported(op);
  const name = (["and", "or", "xor"].includes(kind) ? `v128.${row[1]}` : `${shape}.${row[1]}`) as Plain;
  const t = w.scratch("v128");
  const halves = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
  const words = [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11];
  w.push(source);
  w.f
    .localTee(t)
    .localGet(t)
    .localGet(t)
    .shuffle(halves)
    .op(name)
    .localTee(t)
    .localGet(t)
    .localGet(t)
    .shuffle(words)
    .op(name);
  w.f.lane(`${shape}.extract_lane` as never, 0);
  normalize(w, source.type);
  w.freeScratch(t);
  w.set(op.result());
};

const shuffle: Row = (op, w) => {
  const { v1, v2, mask } = vector.shuffle.of(op);
  const shape = laneShape(op.result().type, op);
  if (laneShape(v1.type, op) !== shape || laneShape(v2.type, op) !== shape) unsupported(op);
  const bytes = 16 / mask.length;
  w.push(v1);
  w.push(v2);
  w.f.shuffle(mask.flatMap((m) => Array.from({ length: bytes }, (_, i) => Number(m) * bytes + i)));
  w.set(op.result());
};

/** Vector constants live in a local that is set where the constant stands: outside of loops. */
const constant: Row = (op, w) => {
  const value = arith.constant.of(op).value;
  const array = datumOfAttribute(value) as NDArray;
  const lanes = array.values();
  const shape = laneShape(op.result().type, op);
  const mask = isMask(op.result().type);
  const bytes =
    shape === "f32x4"
      ? Float32Array.from(lanes, Number)
      : shape === "f64x2"
        ? Float64Array.from(lanes, Number)
        : shape === "i64x2"
          ? BigInt64Array.from(lanes, (l) => (mask ? -BigInt(l) : BigInt(l)))
          : shape === "i32x4"
            ? Int32Array.from(lanes, (l) => (mask ? -Number(l) : Number(l)))
            : shape === "i16x8"
              ? Int16Array.from(lanes, (l) => (mask ? -Number(l) : Number(l)))
              : Int8Array.from(lanes, (l) => (mask ? -Number(l) : Number(l)));
  w.f.v128Const(bytes);
  w.set(op.result());
};

const multiplyAdd: Row = (op, w) => {
  for (const v of op.operands) w.push(v);
  w.f.op(`${laneShape(op.result().type, op)}.relaxed_madd` as Plain);
  w.set(op.result());
};

const dot: Row = (op, w) => {
  for (const v of op.operands) w.push(v);
  w.f.op("i32x4.dot_i16x8_s");
  w.set(op.result());
};

const relaxedDot: Row = (op, w) => {
  for (const v of op.operands) w.push(v);
  w.f.op("i32x4.relaxed_dot_i8x16_i7x16_add_s");
  w.set(op.result());
};

export const vectorRows: Rows = new Map<OpInfo, Row>([
  [wasm.dot, dot],
  [wasm.relaxed_dot, relaxedDot],
  [wasm.relaxed_madd, multiplyAdd],
  [arith.constant, constant],
  [arith.addi, binary("add")],
  [arith.subi, binary("sub")],
  [arith.muli, binary("mul")],
  [arith.andi, bitwise("v128.and")],
  [arith.ori, bitwise("v128.or")],
  [arith.xori, bitwise("v128.xor")],
  [arith.shli, shift("shl")],
  [arith.shrsi, shift("shr_s")],
  [arith.shrui, shift("shr_u")],
  [arith.maxsi, choose("max_s")],
  [arith.minsi, choose("min_s")],
  [arith.maxui, choose("max_u")],
  [arith.minui, choose("min_u")],
  [arith.addf, binary("add")],
  [arith.subf, binary("sub")],
  [arith.mulf, binary("mul")],
  [arith.divf, binary("div")],
  [arith.maximumf, binary("max")],
  [arith.minimumf, binary("min")],
  [wasm.pmax, binary("pmax")],
  [wasm.pmin, binary("pmin")],
  [arith.negf, unary("neg")],
  [arith.cmpi, compareIntegers],
  [arith.cmpf, compareFloats],
  [arith.select, select],
  [arith.sitofp, convert("f32x4.convert_i32x4_s")],
  [arith.uitofp, convert("f32x4.convert_i32x4_u")],
  [arith.fptosi, truncate("i32x4.trunc_sat_f32x4_s")],
  [arith.fptoui, truncate("i32x4.trunc_sat_f32x4_u")],
  [arith.bitcast, keepBits],
  [arith.index_cast, keepBits],
  [arith.index_castui, keepBits],
  [arith.extui, widen(false)],
  [arith.extsi, widen(true)],
  [arith.trunci, narrow],
  [math.absf, unary("abs")],
  [math.sqrt, unary("sqrt")],
  [math.floor, unary("floor")],
  [math.ceil, unary("ceil")],
  [math.trunc, unary("trunc")],
  [math.roundeven, unary("nearest")],
  [vector.broadcast, broadcast],
  [vector.extract, extract],
  [vector.insert, insert],
  [vector.from_elements, fromElements],
  [vector.reduction, reduction],
  [vector.shuffle, shuffle],
  [vector.bitcast, keepBits],
  [vector.shape_cast, keepBits],
  [wasm.relaxed_madd, ternary("relaxed_madd")],
]);

/** Ask for more than the lanes hold of elements that are narrower. Order without sign is kept by what signs fill. */
const wantsWhole: ReadonlySet<OpInfo> = new Set<OpInfo>([
  arith.shrui,
  arith.bitcast,
  arith.index_cast,
  arith.index_castui,
  arith.fptosi,
  arith.fptoui,
]);

/** Whether an elementwise op on vectors has an instruction; shifts move all lanes alike. */
export function hasVectorForm(op: Operation): boolean {
  if (!vectorRows.has(op.def)) return false;
  const types = [...op.operands, ...op.results].map((v) => v.type).filter((t) => t.kind === "vector");
  if (types.some((t) => isHeldWider(t))) {
    const shapes = types.map(laneShapeOf);
    if (wantsWhole.has(op.def) || shapes.some((s) => s?.slice(1) !== shapes[0]?.slice(1))) return false;
  } else if (arith.trunci.is(op)) return false;
  else if ((arith.extsi.is(op) || arith.extui.is(op)) && !isMask(types[0]!)) return false;
  const isShift = arith.shli.is(op) || arith.shrsi.is(op) || arith.shrui.is(op);
  return !isShift || splatConstant(op.operand(1)) !== undefined;
}
