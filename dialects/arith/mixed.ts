/** @file Index arithmetic on mixed operands: plain numbers are computed at once, values become ops. */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { constant, constantIndex } from "./constant.ts";
import { addi, muli, subi } from "./integers.ts";

/** A number known now, or an index value. */
export type Mixed = Value | number;

/** The number, if it is known: given as one, or an `arith.constant`. */
export function known(x: Mixed): number | undefined {
  if (typeof x === "number") return x;
  const value = constant.match(x)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
}

/** The operand as a value. */
export const asValue = (b: Builder, x: Mixed): Value => (typeof x === "number" ? constantIndex(b, x) : x);

export function addMixed(b: Builder, x: Mixed, y: Mixed): Mixed {
  const [p, q] = [known(x), known(y)];
  if (p !== undefined && q !== undefined) return p + q;
  if (p === 0) return y;
  return q === 0 ? x : addi(b, asValue(b, x), asValue(b, y));
}

export function subMixed(b: Builder, x: Mixed, y: Mixed): Mixed {
  const [p, q] = [known(x), known(y)];
  if (p !== undefined && q !== undefined) return p - q;
  if (x === y) return 0;
  return q === 0 ? x : subi(b, asValue(b, x), asValue(b, y));
}

export function mulMixed(b: Builder, x: Mixed, y: Mixed): Mixed {
  const [p, q] = [known(x), known(y)];
  if (p !== undefined && q !== undefined) return p * q;
  if (p === 0 || q === 0) return 0;
  if (p === 1) return y;
  return q === 1 ? x : muli(b, asValue(b, x), asValue(b, y));
}
