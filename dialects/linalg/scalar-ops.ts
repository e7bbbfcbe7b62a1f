/** @file The scalar functions that bodies of named ops are made of, chosen by element type as MLIR chooses them. */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import type { Type } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";

/** MLIR's `TypeFn`: how integers are widened. */
export const castFunctions = ["cast_signed", "cast_unsigned"] as const;
export type CastFunction = (typeof castFunctions)[number];

type Build1 = (b: Builder, x: Value) => Value;
type Build2 = (b: Builder, x: Value, y: Value) => Value;

const unaryBuilders = {
  exp: math.exp,
  log: math.log,
  abs: math.absf,
  ceil: math.ceil,
  floor: math.floor,
  negf: arith.negf,
  reciprocal: (b, x) => arith.divf(b, arith.constantFloat(b, 1, x.type), x),
  round: math.round,
  sqrt: math.sqrt,
  rsqrt: math.rsqrt,
  square: (b, x) => arith.mulf(b, x, x),
  tanh: math.tanh,
  erf: math.erf,
} as const satisfies Record<string, Build1>;

/** MLIR's `UnaryFn`: functions of one float. */
export type UnaryFunction = keyof typeof unaryBuilders;
export const unaryFunctions = Object.keys(unaryBuilders) as UnaryFunction[];

interface Variants {
  readonly float?: Build2;
  readonly int?: Build2;
  /** On i1. */
  readonly bool?: Build2;
}

const binaryBuilders = {
  add: { float: arith.addf, int: arith.addi, bool: arith.ori },
  sub: { float: arith.subf, int: arith.subi },
  mul: { float: arith.mulf, int: arith.muli, bool: arith.andi },
  div: { float: arith.divf, int: arith.divsi },
  div_unsigned: { int: arith.divui },
  max_signed: { float: arith.maximumf, int: arith.maxsi, bool: arith.maxsi },
  min_signed: { float: arith.minimumf, int: arith.minsi, bool: arith.minsi },
  max_unsigned: { float: arith.maximumf, int: arith.maxui, bool: arith.maxui },
  min_unsigned: { float: arith.minimumf, int: arith.minui, bool: arith.minui },
  powf: { float: math.powf },
} as const satisfies Record<string, Variants>;

/** MLIR's `BinaryFn`. */
export type BinaryFunction = keyof typeof binaryBuilders;
export const binaryFunctions = Object.keys(binaryBuilders) as BinaryFunction[];

/** A body asks for a function that its element types do not have. */
export class NoSuchFunction extends Error {}

const kindOf = (t: Type): keyof Variants | undefined => {
  if (t.kind === "float") return "float";
  if (t.kind === "integer") return t.width === 1 ? "bool" : "int";
  return undefined;
};

export function unary(b: Builder, name: UnaryFunction, x: Value): Value {
  if (x.type.kind !== "float") throw new NoSuchFunction(`'${name}' needs a floating-point element type`);
  return unaryBuilders[name](b, x);
}

export function binary(b: Builder, name: BinaryFunction, x: Value, y: Value): Value {
  const kind = x.type === y.type ? kindOf(x.type) : undefined;
  const variants: Variants = binaryBuilders[name];
  const build = kind && variants[kind];
  if (!build) throw new NoSuchFunction(`'${name}' is not defined on these element types`);
  return build(b, x, y);
}

/** The value in another type: widened, narrowed or rounded; itself if it has the type or there is no conversion. */
export function cast(b: Builder, fn: CastFunction, x: Value, to: Type): Value {
  const from = x.type;
  const unsigned = fn === "cast_unsigned";
  const types = { types: [to] };
  if (from === to) return x;
  if (to.kind === "integer") {
    if (from.kind === "float") return (unsigned ? arith.fptoui : arith.fptosi)(b, x, types);
    if (from.kind === "index") return arith.index_cast(b, x, types);
    if (from.kind !== "integer") return x;
    if (to.width > from.width) return (unsigned ? arith.extui : arith.extsi)(b, x, types);
    return to.width < from.width ? arith.trunci(b, x, types) : x;
  }
  if (to.kind !== "float") return x;
  if (from.kind === "integer") return (unsigned ? arith.uitofp : arith.sitofp)(b, x, types);
  if (from.kind !== "float") return x;
  if (to.width > from.width) return arith.extf(b, x, types);
  return to.width < from.width ? arith.truncf(b, x, types) : x;
}
