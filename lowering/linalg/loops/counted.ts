/** @file Loops that carry values. */
import * as scf from "../../../dialects/scf/ops.ts";
import type { AffineExpr } from "../../../ir/affine.ts";
import type { Value } from "../../../ir/core.ts";
import { i64, integerAttribute } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { unrollAttribute } from "../schedule-attribute.ts";
import type { KernelValues } from "./values.ts";

/** A loop of `count` steps (or only those within `bounds`) that carries values; the body gets the counter's expression. */
export function counted(
  values: KernelValues,
  count: number,
  carried: readonly Value[],
  body: (counter: AffineExpr, carried: readonly Value[]) => readonly Value[],
  unroll = 1,
  bounds?: readonly [first: Value, end: Value],
): readonly Value[] {
  const { nest } = values;
  const zero = bounds?.[0] ?? nest.constant(0);
  const end = bounds?.[1] ?? nest.constant(count);
  const one = nest.constant(1);
  const { b } = nest;
  return scf.for(b, zero, end, one, carried, {
    ...(unroll > 1 ? { extra: new Map([[unrollAttribute, integerAttribute(unroll, i64)]]) } : {}),
    region: (inner, counter, ...args) => {
      invariant(inner.block && counter, "the body of a loop has a block");
      const e = nest.open(inner.block, counter, count);
      const next = body(e, args);
      nest.close();
      return next;
    },
  });
}
