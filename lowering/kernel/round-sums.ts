/**
 * @file Numbers that are rounded into a small range of integers: they are brought into the range as floats, where adding a
 * large number rounds them, in place of rounding them first and of conversions that have to care for all floats.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as math from "../../dialects/math.ts";
import * as vector from "../../dialects/vector/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { elementOf, f32, i32, type Type, withElement } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import type { NDArray } from "../../support/ndarray.ts";

export const roundSums = definePass("kernel-round-sums", {
  doc:
    "Vectors of sums of integers, scaled, rounded to even and kept in a range of integers: they are kept in the range first " +
    "and rounded by adding 1.5 * 2^23, whose last bit is 1. What is truncated and widened again within its range stays as it is, and " +
    "so does what is added and taken away again.",
  on: func.func,
  options: {
    /** By adding; else only what is truncated and widened again is left out, of scalars too. */
    adding: attr.bool.default(true),
  },
  run(fn, { adding }, pass) {
    const ops: Operation[] = [];
    fn.walk((op) => {
      if (op.results.length === 1 && (!adding || op.result().type.kind === "vector")) ops.push(op);
    });
    let found = 0;
    for (const op of ops) if (widenAgain(op) || takeAway(op)) found++;
    if (adding) for (const op of ops) if (op.block && roundByAdding(op)) found++;
    for (const op of ops.reverse()) if (op.block && isTriviallyDead(op)) op.erase();
    pass.count("rewritten", found);
    return found > 0;
  },
});

interface Range {
  readonly low: number;
  readonly high: number;
}

/** The number in all lanes of a constant. */
function splat(v: Value): number | undefined {
  const source = vector.broadcast.match(v)?.source ?? v;
  const value = arith.constant.match(source)?.value;
  if (value?.kind === "integer" || value?.kind === "float") return Number(value.value);
  if (value?.kind === "dense" && value.splat) return Number((datumOfAttribute(value) as NDArray).getData(0));
  return undefined;
}

/** What lies between two constants, and the value that was brought there. */
function clampOf(v: Value): (Range & { readonly of: Value }) | undefined {
  const parts = (op: { lhs: Value; rhs: Value } | undefined): readonly [Value, number] | undefined => {
    if (!op) return undefined;
    const [a, b] = [splat(op.lhs), splat(op.rhs)];
    return b !== undefined ? [op.lhs, b] : a !== undefined ? [op.rhs, a] : undefined;
  };
  const upper = parts(arith.minsi.match(v));
  const lower = parts(arith.maxsi.match(upper?.[0]));
  if (upper && lower) return { of: lower[0], low: lower[1], high: upper[1] };
  const most = parts(arith.maxsi.match(v));
  const least = parts(arith.minsi.match(most?.[0]));
  return most && least ? { of: least[0], low: most[1], high: least[1] } : undefined;
}

function rangeOf(v: Value): Range | undefined {
  const sum = arith.addi.match(v);
  const by = sum && splat(sum.rhs);
  const inner = sum && by !== undefined ? rangeOf(sum.lhs) : undefined;
  if (inner) return { low: inner.low + by!, high: inner.high + by! };
  return clampOf(v);
}

const widthOf = (t: Type): number => {
  const e = elementOf(t);
  return e.kind === "integer" ? e.width : 0;
};

/** ext(trunc x) = x, where x is in the range of what it is truncated to. */
function widenAgain(op: Operation): boolean {
  const signed = arith.extsi.is(op);
  if (!signed && !arith.extui.is(op)) return false;
  const narrow = arith.trunci.match(op.operand(0));
  const range = narrow && rangeOf(narrow.in);
  if (!narrow || !range) return false;
  const width = widthOf(narrow.out.type);
  const [low, high] = signed ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1];
  const to = op.result().type;
  if (range.low < low || range.high > high || widthOf(to) > widthOf(narrow.in.type)) return false;
  const same = to === narrow.in.type;
  op.result().replaceAllUsesWith(same ? narrow.in : arith.trunci(Builder.before(op), narrow.in, { types: [to] }));
  op.erase();
  return true;
}

/** x + n - n = x. */
function takeAway(op: Operation): boolean {
  const difference = arith.subi.match(op);
  const sum = difference && arith.addi.match(difference.lhs);
  const [more, less] = [sum && splat(sum.rhs), difference && splat(difference.rhs)];
  if (!sum || more === undefined || more !== less) return false;
  op.result().replaceAllUsesWith(sum.lhs);
  op.erase();
  return true;
}

/** Integers up to here are exact where adding rounds. */
const largest = 2 ** 21;
const magic = 1.5 * 2 ** 23;
const magicBits = 0x4b400000;

/** A sum of integers times a number: no NaN, however large. */
const isScaledSum = (v: Value): boolean => {
  const product = arith.mulf.match(v);
  return product !== undefined && (arith.sitofp.match(product.lhs) ?? arith.sitofp.match(product.rhs)) !== undefined;
};

function roundByAdding(op: Operation): boolean {
  const clamp = clampOf(op.result());
  const whole = arith.fptosi.match(clamp?.of);
  const rounded = whole && math.roundeven.match(whole.in);
  if (!clamp || !rounded || Math.abs(clamp.low) > largest || Math.abs(clamp.high) > largest) return false;
  const x = rounded.operand;
  if (elementOf(x.type) !== f32 || op.result().type !== withElement(x.type as never, i32) || !isScaledSum(x))
    return false;
  const b = Builder.before(op);
  const spread = (scalar: Value): Value =>
    vector.broadcast(b, scalar, { types: [withElement(x.type as never, scalar.type)] });
  const number = (n: number): Value => spread(arith.constantFloat(b, n, f32));
  const kept = arith.minimumf(b, arith.maximumf(b, x, number(clamp.low)), number(clamp.high));
  const bits = arith.bitcast(b, arith.addf(b, kept, number(magic)), { types: [op.result().type] });
  op.result().replaceAllUsesWith(arith.addi(b, bits, spread(arith.constantInteger(b, -magicBits, i32))));
  op.erase();
  return true;
}
