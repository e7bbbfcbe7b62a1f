/**
 * @file How arithmetic on vectors is written with the vector types of gcc and clang. A vector of i1 is a mask: all bits of
 * a lane, or none. Each row means, lane by lane, what the row of scalars means.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as math from "../../dialects/math.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, type Type, type VectorType } from "../../ir/types.ts";
import { atom, call, type Expr, infix, prefix } from "../source.ts";
import { isNarrowVector, narrowHelpers } from "./narrow.ts";
import { againstConstant, cast, floatTests, integerTests, type Row, type Rows } from "./rows-scalar.ts";
import { shortName, widthOf } from "./types.ts";

export const lanesOf = (t: Type): number => (t as VectorType).shape.reduce((n, d) => n * d, 1);

/** `f32x4`, `i32x8`; masks, bytes and halves of words lie in vectors of i32. */
export const vectorName = (t: Type): string => `${isNarrowVector(t) ? "i32" : shortName(t)}x${lanesOf(t)}`;

const isMask = (t: Type): boolean => {
  const e = elementOf(t);
  return e.kind === "integer" && e.width === 1;
};

/** Vectors that have a type in C: of words and masks, and what lies in the lanes of words. */
export const isWordVector = (t: Type): boolean => {
  if (isNarrowVector(t)) return true;
  if (t.kind !== "vector" || t.shape.length !== 1 || ![2, 4, 8, 16].includes(lanesOf(t))) return false;
  const e = t.element;
  if (e.kind === "float") return e.width === 32;
  return e.kind === "index" || (e.kind === "integer" && (e.width === 32 || e.width === 1));
};

const typed = (name: string, e: Expr): Expr => cast(`$${name}`, e);
const signedName = (t: Type): string => `i32x${lanesOf(t)}`;
const unsignedName = (t: Type): string => `u32x${lanesOf(t)}`;

const plain =
  (operator: string): Row =>
  (_op, [a, b]) =>
    infix(operator, a!, b!);

const wrapping =
  (operator: string): Row =>
  (op, [a, b]) => {
    const t = op.result().type;
    return normalized(t, typed(vectorName(t), infix(operator, typed(unsignedName(t), a!), typed(unsignedName(t), b!))));
  };

/** What is above narrow elements becomes their sign. */
function normalized(t: Type, e: Expr): Expr {
  if (!isNarrowVector(t)) return e;
  const by = atom(String(32 - widthOf(t)));
  return infix(">>", typed(vectorName(t), infix("<<", typed(unsignedName(t), e), by)), by);
}

const unsignedShift: Row = (op, [a, b]) =>
  typed(vectorName(op.result().type), infix(">>", typed(unsignedName(op.result().type), a!), b!));

const compareIntegers: Row = (op, [a, b]) => {
  const { predicate, lhs } = arith.cmpi.of(op);
  const [operator, signed] = integerTests[predicate]!;
  const view = (e: Expr): Expr => (signed ? e : typed(unsignedName(lhs.type), e));
  return infix(operator, view(a!), view(b!));
};

const compareFloats: Row = (op, [a, b]) => {
  const { predicate } = arith.cmpf.of(op);
  const simple = floatTests[predicate];
  if (simple) {
    const test = infix(simple[0], a!, b!);
    return simple[1] ? prefix("~", test) : test;
  }
  const [less, greater] = [infix("<", a!, b!), infix(">", a!, b!)];
  switch (predicate) {
    case "true":
      return infix("==", typed(signedName(op.result().type), a!), typed(signedName(op.result().type), a!));
    case "false":
      return infix("!=", typed(signedName(op.result().type), a!), typed(signedName(op.result().type), a!));
    case "one":
      return infix("|", less, greater);
    case "ueq":
      return prefix("~", infix("|", less, greater));
    case "ord":
      return infix("&", infix("==", a!, a!), infix("==", b!, b!));
    default:
      return infix("|", infix("!=", a!, a!), infix("!=", b!, b!));
  }
};

const named =
  (name: string): Row =>
  (op, args, cx) =>
    call(cx.helper(`${name}_${vectorName(op.result().type)}`), ...args);

const select: Row = (op, args, cx) => {
  const [c, a, b] = args as [Expr, Expr, Expr];
  const name = cx.helper(`select_${vectorName(op.result().type)}`);
  if (op.operand(0).type.kind === "vector") return call(name, c, a, b);
  // One condition for all lanes: 0 or 1.
  return call(name, infix("-", typed(signedName(op.result().type), atom("{0}")), c), a, b);
};

const chosen =
  (operator: "<" | ">", signed: boolean): Row =>
  (op, [a, b], cx) => {
    const t = op.result().type;
    if (signed && isMask(t)) return infix(operator === "<" ? "|" : "&", a!, b!);
    const view = (e: Expr): Expr => (signed && !isMask(t) ? e : typed(unsignedName(t), e));
    return call(cx.helper(`select_${vectorName(t)}`), infix(operator, view(a!), view(b!)), a!, b!);
  };

const extreme =
  (operator: ">" | "<", helper: string): Row =>
  (op, args, cx) => {
    const known = againstConstant(op, operator);
    if (!known) return named(helper)(op, args, cx);
    const [a, b] = [args[1 - known.at]!, args[known.at]!];
    return call(cx.helper(`select_${vectorName(op.result().type)}`), infix(known.operator, b, a), b, a);
  };

const convert =
  (signed: boolean): Row =>
  (op, [a]) => {
    const from = op.operand(0).type;
    const to = `$${vectorName(op.result().type)}`;
    // A mask that is set is -1.
    if (isMask(from)) return call("__builtin_convertvector", signed ? a! : prefix("-", a!), atom(to));
    return call("__builtin_convertvector", signed ? a! : typed(unsignedName(from), a!), atom(to));
  };

const bits: Row = (op, [a]) => typed(vectorName(op.result().type), a!);
const same: Row = (_op, [a]) => a!;

/** A mask that is set is 1; of narrow elements their bits. */
const withoutSign: Row = (op, [a]) => {
  const from = op.operand(0).type;
  if (isMask(from)) return prefix("-", a!);
  const mask = infix("&", a!, atom(String(2 ** widthOf(from) - 1)));
  return isNarrowVector(op.result().type) && widthOf(op.result().type) === widthOf(from) ? a! : mask;
};

/** Stores take the low bits by themselves. */
const truncated: Row = (op, [a]) => {
  const r = op.result();
  return [...r.uses()].every((u) => vector.store.is(u.owner)) ? a! : normalized(r.type, a!);
};

export const vectorRows: Rows = new Map<OpInfo, Row>([
  [arith.addi, wrapping("+")],
  [arith.subi, wrapping("-")],
  [arith.muli, wrapping("*")],
  [arith.andi, plain("&")],
  [arith.ori, plain("|")],
  [arith.xori, plain("^")],
  [arith.shli, wrapping("<<")],
  [arith.shrsi, plain(">>")],
  [arith.shrui, unsignedShift],
  [arith.maxsi, chosen(">", true)],
  [arith.minsi, chosen("<", true)],
  [arith.maxui, chosen(">", false)],
  [arith.minui, chosen("<", false)],
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
  [arith.sitofp, convert(true)],
  [arith.uitofp, convert(false)],
  [arith.fptosi, (op, args, cx) => call(cx.helper(`f32_to_i32x${lanesOf(op.result().type)}`), ...args)],
  [arith.bitcast, bits],
  [arith.index_cast, same],
  [arith.index_castui, same],
  [arith.extsi, same],
  [arith.extui, withoutSign],
  [arith.trunci, truncated],
  [math.absf, named("absolute")],
  [math.sqrt, named("sqrt")],
  [math.copysign, named("copysign")],
  [math.floor, named("floor")],
  [math.ceil, named("ceil")],
  [math.trunc, named("trunc")],
  [math.roundeven, named("roundeven")],
]);

/** Ask for more than the lanes hold of elements that are narrower. Order without sign is kept by what signs fill. */
const wantsWhole: ReadonlySet<OpInfo> = new Set<OpInfo>([
  arith.shrui,
  arith.bitcast,
  arith.index_cast,
  arith.index_castui,
  arith.uitofp,
  arith.fptosi,
]);

/** Whether an elementwise op on vectors has a form on vector types: of words and masks alone. */
export function hasVectorForm(op: Operation): boolean {
  if (!vectorRows.has(op.def)) return false;
  const values = [...op.operands, ...op.results];
  if (values.some((v) => v.type.kind === "vector" && !isWordVector(v.type))) return false;
  if (arith.trunci.is(op)) return isNarrowVector(op.result().type);
  if (arith.extsi.is(op) || arith.extui.is(op)) {
    const from = op.operand(0).type;
    return isNarrowVector(from) || (isMask(from) && !isMask(op.result().type));
  }
  if (values.some((v) => isNarrowVector(v.type)) && wantsWhole.has(op.def)) return false;
  // A mask has no order of its own as an unsigned number, and no shifts.
  const onMask = isMask(op.operand(0).type);
  if (arith.cmpi.is(op) && onMask) return ["eq", "ne"].includes(arith.cmpi.of(op).predicate);
  if (arith.shli.is(op) || arith.shrsi.is(op) || arith.shrui.is(op) || arith.muli.is(op)) return !onMask;
  if (arith.addi.is(op) || arith.subi.is(op)) return !onMask;
  return true;
}

/** Vector types and helpers for a number of lanes. `$` stands for the prefix of the model. */
export function vectorHelpers(lanes: number): Readonly<Record<string, string>> {
  const template: Readonly<Record<string, string>> = {
    "select_f32x@": `static inline $f32x@ $select_f32x@($i32x@ c, $f32x@ a, $f32x@ b) {
  return ($f32x@)((c & ($i32x@)a) | (~c & ($i32x@)b));
}`,
    "select_i32x@": `static inline $i32x@ $select_i32x@($i32x@ c, $i32x@ a, $i32x@ b) {
  return (c & a) | (~c & b);
}`,
    "maximum_f32x@": `static inline $f32x@ $maximum_f32x@($f32x@ a, $f32x@ b) {
  const $f32x@ equal = ($f32x@)(($i32x@)a & ($i32x@)b);
  const $f32x@ greater = $select_f32x@(a > b, a, $select_f32x@(a < b, b, equal));
  return $select_f32x@((a == a) & (b == b), greater, a + b);
}`,
    "minimum_f32x@": `static inline $f32x@ $minimum_f32x@($f32x@ a, $f32x@ b) {
  const $f32x@ equal = ($f32x@)(($i32x@)a | ($i32x@)b);
  const $f32x@ smaller = $select_f32x@(a < b, a, $select_f32x@(a > b, b, equal));
  return $select_f32x@((a == a) & (b == b), smaller, a + b);
}`,
    "absolute_f32x@": `static inline $f32x@ $absolute_f32x@($f32x@ a) {
  return ($f32x@)(($i32x@)a & 0x7fffffff);
}`,
    "copysign_f32x@": `static inline $f32x@ $copysign_f32x@($f32x@ a, $f32x@ b) {
  return ($f32x@)((($i32x@)a & 0x7fffffff) | (($i32x@)b & (-0x7fffffff - 1)));
}`,
    "sqrt_f32x@": `static inline $f32x@ $sqrt_f32x@($f32x@ a) {
  $f32x@ r = a;
  for (int32_t i = 0; i < @; i++) r[i] = sqrtf(a[i]);
  return r;
}`,
    "roundeven_f32x@": `static inline $f32x@ $roundeven_f32x@($f32x@ a) {
  const $f32x@ size = $absolute_f32x@(a);
  const $f32x@ whole = (size + 8388608.0f) - 8388608.0f;
  return $copysign_f32x@($select_f32x@(size < 8388608.0f, whole, a), a);
}`,
    "floor_f32x@": `static inline $f32x@ $floor_f32x@($f32x@ a) {
  const $f32x@ r = $roundeven_f32x@(a);
  return $select_f32x@(r > a, r - 1.0f, r);
}`,
    "ceil_f32x@": `static inline $f32x@ $ceil_f32x@($f32x@ a) {
  const $f32x@ r = $roundeven_f32x@(a);
  return $copysign_f32x@($select_f32x@(r < a, r + 1.0f, r), a);
}`,
    "trunc_f32x@": `static inline $f32x@ $trunc_f32x@($f32x@ a) {
  return $copysign_f32x@($floor_f32x@($absolute_f32x@(a)), a);
}`,
    "f32_to_i32x@": `static inline $i32x@ $f32_to_i32x@($f32x@ a) {
  const $i32x@ inside = (a > -2147483648.0f) & (a < 2147483648.0f);
  const $i32x@ whole = __builtin_convertvector(($f32x@)(inside & ($i32x@)a), $i32x@);
  const $i32x@ high = (a >= 2147483648.0f) & 0x7fffffff;
  const $i32x@ low = (a <= -2147483648.0f) & (-0x7fffffff - 1);
  return whole | high | low;
}`,
  };
  const own = Object.entries(template).map(([k, v]) => [k.replaceAll("@", `${lanes}`), v.replaceAll("@", `${lanes}`)]);
  return { ...Object.fromEntries(own), ...narrowHelpers(lanes) };
}

/** The vector types of a number of lanes; those of unaligned memory end in `u`. */
export const vectorTypes = (lanes: number): string =>
  [
    `typedef float $f32x@ __attribute__((vector_size(${4 * lanes})));`,
    `typedef int $i32x@ __attribute__((vector_size(${4 * lanes})));`,
    `typedef unsigned $u32x@ __attribute__((vector_size(${4 * lanes})));`,
    `typedef float $f32x@u __attribute__((vector_size(${4 * lanes}), aligned(4), may_alias));`,
    `typedef int $i32x@u __attribute__((vector_size(${4 * lanes}), aligned(4), may_alias));`,
  ]
    .join("\n")
    .replaceAll("@", `${lanes}`);
