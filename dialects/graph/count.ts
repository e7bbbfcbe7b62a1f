/** @file How many nodes a program has. */
import type { Operation } from "../../ir/core.ts";
import { ConstantLike } from "../../ir/traits.ts";

/** Counts the ops in an op that make values out of others: neither constants nor what only holds other ops. */
export function nodesOf(root: Operation): number {
  let nodes = 0;
  root.walk((op) => {
    if (op.results.length > 0 && !op.def.has(ConstantLike)) nodes++;
  });
  return nodes;
}
