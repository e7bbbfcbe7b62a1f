/**
 * @file Writes the steps of marked loops out in a row. The mark is the discardable attribute `unroll` that the schedule
 * puts on a loop (its value is the factor); loops whose count is no multiple keep a loop for the rest.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as scf from "../../dialects/scf/ops.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { definePass } from "../../rewrite/pass.ts";
import { unrollAttribute } from "../linalg/schedule-attribute.ts";

export const unroll = definePass("kernel-unroll", {
  doc: "Writes out the steps of loops that the schedule marks with `unroll`.",
  on: func.func,
  options: {},
  run(fn) {
    const marked: Operation[] = [];
    fn.walk((op) => {
      if (scf.for.is(op) && op.attributes?.has(unrollAttribute)) marked.push(op);
    });
    for (const op of marked) {
      const factor = op.attributes!.get(unrollAttribute)!;
      op.setAttribute(unrollAttribute, undefined);
      if (factor.kind === "integer") unrollLoop(op, Number(factor.value));
    }
  },
});

const known = (v: Value): number | undefined => {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
};

function unrollLoop(op: Operation, wanted: number): void {
  const { lowerBound, upperBound, step, initArgs, region } = scf.for.of(op);
  const low = known(lowerBound);
  const high = known(upperBound);
  const by = known(step);
  if (low === undefined || high === undefined || by === undefined) return;
  const count = Math.max(0, Math.ceil((high - low) / by));
  const factor = bestFactor(count, wanted);
  if (factor <= 1) return;
  const whole = Math.floor(count / factor);
  const b = Builder.before(op);
  const body = region.entry;
  const copies = (inner: Builder, counter: Value, carried: readonly Value[], n: number): readonly Value[] => {
    let values = carried;
    for (let i = 0; i < n; i++) {
      const at = i === 0 ? counter : arith.addi(inner, counter, arith.constantIndex(inner, i * by));
      values = copyBody(inner, body.args, body.first, [at, ...values]);
    }
    return values;
  };
  let values: readonly Value[] = initArgs;
  if (whole > 1) {
    values = scf.for(
      b,
      lowerBound,
      arith.constantIndex(b, low + whole * factor * by),
      arith.constantIndex(b, by * factor),
      values,
      {
        region: (inner, counter, ...carried) => copies(inner, counter!, carried, factor),
      },
    );
  } else values = copies(b, arith.constantIndex(b, low), values, factor);
  // What is left is less than one turn of the new loop.
  const rest = count - whole * factor;
  if (rest > 0) values = copies(b, arith.constantIndex(b, low + whole * factor * by), values, rest);
  op.results.forEach((r, i) => r.replaceAllUsesWith(values[i]!));
  op.erase();
}

/** A factor that leaves nothing over, if one is near; else the wanted one. */
function bestFactor(count: number, wanted: number): number {
  if (count <= wanted) return count;
  for (let f = wanted; f >= Math.ceil(wanted / 2); f--) if (count % f === 0) return f;
  return wanted;
}

/** One copy of a loop body; answers what it hands to the next turn. */
function copyBody(
  b: Builder,
  args: readonly Value[],
  first: Operation | null,
  values: readonly Value[],
): readonly Value[] {
  const map = new Map<Value, Value>(args.map((a, i) => [a, values[i]!]));
  for (let o = first; o; o = o.next) {
    if (o.def.isTerminator) return o.operands.map((v) => map.get(v) ?? v);
    b.insert(o.clone(map));
  }
  return [];
}
