/**
 * @file Constants that are kept as floats of 16 bits and computed with as floats of 32: the `arith.extf` that widens what is
 * read of them carries this attribute, and targets that can read two of them out of a word do so.
 */

import { isIdentityMap } from "../ir/affine.ts";
import type { Operation } from "../ir/core.ts";
import * as arith from "./arith/ops.ts";
import * as linalg from "./linalg/index.ts";
import { type Structure, structureOf } from "./linalg/structure.ts";

export const halvesAttribute = "halves";

/** Widens an element of a constant that is kept in 16 bits. */
export const widensHalf = (op: Operation): boolean => arith.extf.is(op) && op.attributes?.has(halvesAttribute) === true;

/** The structured op that is such a constant, widened and multiplied by a number, element by element. */
export function widenedHalves(op: Operation): Structure | undefined {
  const s = linalg.generic.is(op) ? structureOf(op) : undefined;
  const [only] = s?.body ?? [];
  return s && only && widensHalf(only) && isIdentityMap(s.outputs[0]!.map) ? s : undefined;
}
