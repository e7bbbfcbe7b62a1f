/** @file Small questions that rules ask of values: what is known of them, and where they come from. */
import type { Operation, Region, Value } from "../ir/core.ts";
import { datumOfAttribute } from "../ir/datum.ts";
import type { Num } from "../ir/evaluate.ts";
import { type Attribute, boolAttribute, i1, index, integerAttribute, isShaped, type Type } from "../ir/types.ts";
import { constantOf } from "./constants.ts";
import type { Rewriter } from "./rewriter.ts";
import { scalarOf } from "./scalars.ts";

/** The integer (or index) that a value is known to be. */
export function knownInteger(value: Value): bigint | undefined {
  const a = constantOf(value);
  if (a?.kind !== "integer" && a?.kind !== "bool") return undefined;
  const n = scalarOf(a);
  return typeof n === "bigint" ? n : undefined;
}

/** The same as a number, if it is one that a number can be exactly. */
export function knownNumber(value: Value): number | undefined {
  const n = knownInteger(value);
  return n !== undefined && n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER ? Number(n) : undefined;
}

/** The number that a value is known to be, in its run-time form (ir/evaluate.ts): what interfaces ask for. */
export function knownDatum(value: Value): Num | undefined {
  const a = constantOf(value);
  const datum = a && !isShaped(value.type) ? datumOfAttribute(a) : undefined;
  return typeof datum === "object" ? undefined : datum;
}

/** The truth that a value of type i1 is known to have. */
export function knownTruth(value: Value): boolean | undefined {
  const n = value.type === i1 ? knownInteger(value) : undefined;
  return n === undefined ? undefined : n !== 0n;
}

export const indexConstant = (rw: Rewriter, value: number): Value =>
  constantFor(rw, integerAttribute(value, index), index);
export const truthConstant = (rw: Rewriter, value: boolean): Value => constantFor(rw, boolAttribute(value), i1);

/** A constant that some dialect of every context can write. */
function constantFor(rw: Rewriter, a: Attribute, type: Type): Value {
  const made = rw.constant(a, type);
  if (!made) throw new TypeError("no dialect of the context writes integers");
  return made;
}

/** The value is defined outside of the region. */
export const isOutside = (value: Value, region: Region): boolean => value.block?.parent?.isInside(region) !== true;

/** The value is defined outside of all regions of an operation, and not by it. */
export const isOutsideOf = (value: Value, op: Operation): boolean =>
  value.definingOp !== op && op.regions.every((r) => isOutside(value, r));
