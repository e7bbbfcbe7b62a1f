/** @file Chevrotain's own validation of the grammar, which the product skips for its start-up time. */
import { expect, test } from "vitest";
import { MlirParser } from "../../text/mlir-parser.ts";

type GroupBy = <K extends PropertyKey, V>(items: Iterable<V>, key: (item: V) => K) => Partial<Record<K, V[]>>;

/** Chevrotain's validation wants it; Node 20 does not have it. */
const groupBy: GroupBy = (items, key) => {
  const groups: ReturnType<GroupBy> = {};
  for (const item of items) {
    const k = key(item) as string;
    groups[k] ??= [];
    groups[k].push(item as never);
  }
  return groups as never;
};

test("the grammar has no ambiguity, no left recursion and no unreachable alternative", () => {
  const holder = Object as { groupBy?: GroupBy };
  const own = holder.groupBy;
  holder.groupBy ??= groupBy;
  try {
    expect(() => new MlirParser({ validate: true })).not.toThrow();
  } finally {
    if (!own) delete holder.groupBy;
  }
});
