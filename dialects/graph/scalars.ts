/**
 * @file Scalar code by element type: one way to say "add" or "less" of floats, signed and unsigned integers. Values are of
 * signless types; the sign is known from the type that a graph op gives its elements.
 */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { f32, type IntegerType, i1, i32, type Type } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import { unrealized_conversion_cast } from "../builtin.ts";
import * as math from "../math.ts";
import { isUnsigned, signless } from "./op.ts";

type Test = "eq" | "ne" | "lt" | "le" | "gt" | "ge";
const floatTests = { eq: "oeq", ne: "une", lt: "olt", le: "ole", gt: "ogt", ge: "oge" } as const;
const signedTests = { eq: "eq", ne: "ne", lt: "slt", le: "sle", gt: "sgt", ge: "sge" } as const;
const unsignedTests = { eq: "eq", ne: "ne", lt: "ult", le: "ule", gt: "ugt", ge: "uge" } as const;

/** Sums and products whose order ONNX does not fix. */
export const freely = { fastmath: ["reassoc", "contract"] } as const;

export class Scalars {
  readonly b: Builder;
  /** As tensors have it, with its sign. */
  readonly element: Type;
  /** As scalars have it. */
  readonly type: Type;
  readonly float: boolean;
  readonly unsigned: boolean;

  constructor(b: Builder, element: Type) {
    this.b = b;
    this.element = element;
    this.type = signless(element);
    this.float = element.kind === "float";
    this.unsigned = isUnsigned(element);
  }

  num(v: number | bigint): Value {
    if (this.float) return arith.constantFloat(this.b, Number(v), this.type);
    if (this.type.kind === "index") return arith.constantIndex(this.b, Number(v));
    const bits = BigInt(typeof v === "number" ? Math.trunc(v) : v);
    const { type } = this;
    return arith.constantInteger(this.b, type === i1 ? bits : BigInt.asIntN(widthOf(type), bits), type as IntegerType);
  }

  add(x: Value, y: Value): Value {
    return this.float ? arith.addf(this.b, x, y) : arith.addi(this.b, x, y);
  }
  sub(x: Value, y: Value): Value {
    return this.float ? arith.subf(this.b, x, y) : arith.subi(this.b, x, y);
  }
  mul(x: Value, y: Value): Value {
    return this.float ? arith.mulf(this.b, x, y) : arith.muli(this.b, x, y);
  }
  /** acc + x * y, in any order and with one rounding or two. */
  multiplyAdd(acc: Value, x: Value, y: Value): Value {
    if (!this.float) return this.add(acc, this.mul(x, y));
    return arith.addf(this.b, acc, arith.mulf(this.b, x, y, freely), freely);
  }
  /** x + y in any order. */
  accumulate(x: Value, y: Value): Value {
    return this.float ? arith.addf(this.b, x, y, freely) : arith.addi(this.b, x, y);
  }
  /** Integers are rounded towards zero. */
  div(x: Value, y: Value): Value {
    if (this.float) return arith.divf(this.b, x, y);
    return this.unsigned ? arith.divui(this.b, x, y) : arith.divsi(this.b, x, y);
  }
  /** Has the sign of x. */
  rem(x: Value, y: Value): Value {
    if (this.float) return arith.remf(this.b, x, y);
    return this.unsigned ? arith.remui(this.b, x, y) : arith.remsi(this.b, x, y);
  }
  max(x: Value, y: Value): Value {
    if (this.float) return arith.maximumf(this.b, x, y);
    return this.unsigned ? arith.maxui(this.b, x, y) : arith.maxsi(this.b, x, y);
  }
  min(x: Value, y: Value): Value {
    if (this.float) return arith.minimumf(this.b, x, y);
    return this.unsigned ? arith.minui(this.b, x, y) : arith.minsi(this.b, x, y);
  }
  neg(x: Value): Value {
    return this.float ? arith.negf(this.b, x) : arith.subi(this.b, this.num(0), x);
  }
  abs(x: Value): Value {
    if (this.float) return math.absf(this.b, x);
    return this.unsigned ? x : math.absi(this.b, x);
  }
  is(test: Test, x: Value, y: Value): Value {
    if (this.float) return arith.cmpf(this.b, x, y, { predicate: floatTests[test] });
    return arith.cmpi(this.b, x, y, { predicate: (this.unsigned ? unsignedTests : signedTests)[test] });
  }
  select(condition: Value, x: Value, y: Value): Value {
    return arith.select(this.b, condition, x, y);
  }
  /** 1 / (1 + e^-x). */
  sigmoid(x: Value): Value {
    return this.div(this.num(1), this.add(this.num(1), math.exp(this.b, this.neg(x))));
  }
}

/** A value of a tensor as scalar code takes it: without a sign in its type. */
export function plain(b: Builder, v: Value): Value {
  const to = signless(v.type);
  return to === v.type ? v : unrealized_conversion_cast(b, [v], { types: [to] })[0]!;
}

/** A scalar as an element of a tensor. */
export function signed(b: Builder, v: Value, element: Type): Value {
  return v.type === element ? v : unrealized_conversion_cast(b, [v], { types: [element] })[0]!;
}

/** A number of a tensor's element type. */
export const number = (b: Builder, v: number | bigint, element: Type): Value =>
  signed(b, new Scalars(b, element).num(v), element);

/** The type in which elements are summed: half precision is widened. */
export const sumType = (element: Type): Type => (element.kind === "float" && element.width < 32 ? f32 : element);

/** A scalar of one element type as another; floats become integers by cutting off, anything but 0 is true. */
export function convertScalar(b: Builder, x: Value, from: Type, to: Type): Value {
  const [source, target] = [signless(from), signless(to)];
  if (source === target && to !== i1) return x;
  const e = new Scalars(b, from);
  if (to === i1) return from === i1 ? x : e.is("ne", x, e.num(0));
  const types = { types: [target] };
  if (target.kind === "float") {
    if (source.kind !== "float") return e.unsigned ? arith.uitofp(b, x, types) : arith.sitofp(b, x, types);
    if (source.width === target.width) return convertScalar(b, convertScalar(b, x, from, f32), f32, to);
    return target.width > source.width ? arith.extf(b, x, types) : arith.truncf(b, x, types);
  }
  if (source.kind === "float") {
    // Narrow integers wrap what they cannot hold, as numpy's casts do.
    if (widthOf(target) < 32) return arith.trunci(b, arith.fptosi(b, x, { types: [i32] }), types);
    return isUnsigned(to) ? arith.fptoui(b, x, types) : arith.fptosi(b, x, types);
  }
  const [narrow, wide] = [widthOf(source), widthOf(target)];
  if (wide < narrow) return arith.trunci(b, x, types);
  return e.unsigned ? arith.extui(b, x, types) : arith.extsi(b, x, types);
}

const widthOf = (t: Type): number => (t.kind === "integer" || t.kind === "float" ? t.width : 64);
