/** @file Named ops: one scalar function on every element, copies and fills. */
import { attr } from "../../ir/attributes.ts";
import type { Operation } from "../../ir/core.ts";
import type { Fail } from "../../ir/traits.ts";
import { f64, i32, i64, integerAttribute } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import { index } from "./generic.ts";
import { apply1, apply2, convert } from "./named-bodies.ts";
import { castAttr, namedOp } from "./named-op.ts";
import {
  type BinaryFunction,
  binary,
  binaryFunctions,
  cast,
  NoSuchFunction,
  type UnaryFunction,
  unary,
  unaryFunctions,
} from "./scalar-ops.ts";
import { isArray } from "./structure.ts";

const one = <const N extends UnaryFunction>(name: N, doc: string) =>
  namedOp(name, { doc, loops: "*", accesses: "x; y", body: apply1(name), attrs: {} });

const two = <const N extends string>(name: N, fn: BinaryFunction, doc: string) =>
  namedOp(name, { doc, loops: "*", accesses: "x; y; z", body: apply2(fn), attrs: {} });

export const exp = one("exp", "Exponential of every element.");
export const log = one("log", "Natural logarithm of every element.");
export const abs = one("abs", "Magnitude of every element.");
export const ceil = one("ceil", "Every element rounded up to a whole number.");
export const floor = one("floor", "Every element rounded down to a whole number.");
export const negf = one("negf", "Every element with the other sign.");
export const reciprocal = one("reciprocal", "One divided by every element.");
export const round = one("round", "Every element rounded to the nearest whole number, halves away from zero.");
export const sqrt = one("sqrt", "Square root of every element.");
export const rsqrt = one("rsqrt", "One divided by the square root of every element.");
export const square = one("square", "Every element times itself.");
export const tanh = one("tanh", "Hyperbolic tangent of every element.");
export const erf = one("erf", "Error function of every element.");

export const add = two("add", "add", "Sums of elements.");
export const sub = two("sub", "sub", "Differences of elements.");
export const mul = two("mul", "mul", "Products of elements.");
export const div = two("div", "div", "Quotients of elements; of integers, with sign and rounded towards zero.");
export const div_unsigned = two("div_unsigned", "div_unsigned", "Quotients of integer elements without sign.");
export const max = two("max", "max_signed", "The larger of two elements.");
export const min = two("min", "min_signed", "The smaller of two elements.");
export const powf = two("powf", "powf", "Elements raised to the power of others.");

export const select = namedOp("select", {
  doc: "For every element of a condition, the element of one input or the other.",
  loops: "*",
  accesses: "c; x; y; z",
  attrs: {},
  body: (b, [condition, x, y]) => {
    if (condition!.type.kind !== "integer" || condition!.type.width !== 1 || x!.type !== y!.type) {
      throw new NoSuchFunction("'select' needs an i1 condition and two inputs of one element type");
    }
    return arith.select(b, condition!, x!, y!);
  },
});

export const copy = namedOp("copy", {
  doc: "Every element, converted to the element type of the output.",
  loops: "*",
  accesses: "x; y",
  body: convert,
  attrs: castAttr,
});

export const elemwise_unary = namedOp("elemwise_unary", {
  doc: "A function of one element, chosen by an attribute (exp by default), on every element.",
  loops: "*",
  accesses: "x; y",
  attrs: { fun: attr.enumAttr("linalg.unary_fn", unaryFunctions).optional(), ...castAttr },
  body: (b, [x, out], options) => {
    const fn = unaryFunctions.find((f) => f === options.fun) ?? "exp";
    return unary(b, fn, cast(b, options.cast, x!, out!.type));
  },
});

export const elemwise_binary = namedOp("elemwise_binary", {
  doc: "A function of two elements, chosen by an attribute (add by default), on every pair of elements.",
  loops: "*",
  accesses: "x; y; z",
  attrs: { fun: attr.enumAttr("linalg.binary_fn", binaryFunctions).optional(), ...castAttr },
  body: (b, [x, y, out], options) => {
    const fn = binaryFunctions.find((f) => f === options.fun) ?? "add";
    return binary(b, fn, cast(b, options.cast, x!, out!.type), cast(b, options.cast, y!, out!.type));
  },
});

export const fill = namedOp("fill", {
  doc: "One number in every element of the output.",
  loops: "*",
  accesses: "v; y",
  body: (b, [v, out]) => cast(b, "cast_signed", v!, out!.type),
  attrs: {},
  precondition(op: Operation, fail: Fail): boolean {
    const [inputs, outputs] = op.operandSegments!;
    if (inputs !== 1 || outputs !== 1) {
      fail("expected op with 1 input and 1 output");
      return false;
    }
    if (isArray(op.operand(0).type)) {
      fail("expected op with scalar input");
      return false;
    }
    return true;
  },
});

export const fill_rng_2d = namedOp("fill_rng_2d", {
  doc: "Pseudo random numbers between two bounds: two steps of a linear congruential generator seeded by row and column.",
  loops: "i j",
  accesses: "; ; ; i j",
  attrs: {},
  body: (b, [low, high, seed, out]) => {
    const known = (value: number) => arith.constant(b, { value: integerAttribute(value, i64) });
    const turn = (loop: number) => cast(b, "cast_signed", index(b, { dim: loop }), i32);
    const advance = (x: ReturnType<typeof cast>) => {
      const scaled = binary(b, "mul", x, cast(b, "cast_signed", known(1103515245), i32));
      return binary(b, "add", scaled, cast(b, "cast_signed", known(12345), i32));
    };
    const offset = cast(b, "cast_signed", known(2147483647), f64);
    const column = turn(1);
    const state = advance(binary(b, "add", column, advance(binary(b, "add", turn(0), seed!))));
    const positive = binary(b, "add", offset, cast(b, "cast_signed", state, f64));
    const range = binary(b, "sub", high!, low!);
    const scale = binary(b, "mul", range, arith.constantFloat(b, 2.3283063999999999e-10, f64));
    return cast(b, "cast_signed", binary(b, "add", binary(b, "mul", positive, scale), low!), out!.type);
  },
});
