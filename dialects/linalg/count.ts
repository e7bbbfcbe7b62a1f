/** @file How much there is to compute: the multiply-accumulates of a program's structured ops. */
import type { Operation } from "../../ir/core.ts";
import { isDynamic } from "../../ir/types.ts";
import { contractionBody } from "./analysis.ts";
import { extentsOf, structureOf } from "./structure.ts";

export interface Work {
  /** Multiply-accumulates, one per turn of all loops of each contraction. */
  readonly macs: number;
  /** Contractions whose size is known only at run time, and is not counted. */
  readonly unknown: number;
}

/** Counts the contractions (products of matrices, convolutions, sums of products) in an op, each once however often it runs. */
export function workOf(root: Operation): Work {
  let macs = 0;
  let unknown = 0;
  root.walk((op) => {
    const s = structureOf(op);
    if (!s || !contractionBody(s)) return;
    const extents = extentsOf(s);
    if (extents.some(isDynamic)) unknown++;
    else macs += extents.reduce((a, b) => a * b, 1);
  });
  return { macs, unknown };
}
