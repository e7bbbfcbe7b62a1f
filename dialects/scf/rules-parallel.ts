/** @file Rules of scf.parallel and scf.forall: dimensions that run once, boxes that are empty. */
import { Region, type Value } from "../../ir/core.ts";
import type { RuleLike } from "../../ir/define.ts";
import { isDynamic } from "../../ir/types.ts";
import { indexConstant, knownNumber } from "../../rewrite/matchers.ts";
import { rule } from "../../rewrite/rule.ts";
import { forall, in_parallel, parallel, reduce } from "./parallel.ts";

const trips = (low: number | undefined, high: number | undefined, step: number | undefined): number | undefined =>
  low === undefined || high === undefined || step === undefined || step <= 0
    ? undefined
    : Math.max(0, Math.ceil((high - low) / step));

const onceParallel = rule(parallel, "dimensions that run never or once", (view, rw) => {
  const { op, lowerBound, upperBound, step, initVals, region } = view;
  const counts = lowerBound.map((low, i) =>
    low === upperBound[i] ? 0 : trips(knownNumber(low), knownNumber(upperBound[i]!), knownNumber(step[i]!)),
  );
  if (counts.includes(0)) return initVals;
  if (!counts.includes(1)) return undefined;
  const kept = counts.map((_, i) => i).filter((i) => counts[i] !== 1);
  if (kept.length === 0 && !(initVals.length === 0 && reduce.is(region.entry.last!))) return undefined;
  const block = region.entry;
  if (kept.length === 0) {
    const end = block.last!;
    rw.inlineBlock(block, op, lowerBound);
    rw.erase(end);
    return [];
  }
  for (let i = counts.length - 1; i >= 0; i--) {
    if (counts[i] !== 1) continue;
    rw.replaceUses(block.args[i]!, lowerBound[i]!);
    block.eraseArgument(i);
  }
  const body = new Region();
  body.takeBlocks(region);
  const pick = (values: readonly Value[]): Value[] => kept.map((i) => values[i]!);
  return parallel(rw, pick(lowerBound), pick(upperBound), pick(step), initVals, {
    region: body,
    types: op.results.map((r) => r.type),
    ...(op.attributes ? { extra: op.attributes } : {}),
  });
});

/** Operands of a mixed list that turn out to be constants become static. */
function fold(
  statics: readonly number[],
  values: readonly Value[],
): { statics: number[]; values: Value[]; changed: boolean } {
  const out = { statics: statics.slice(), values: [] as Value[], changed: false };
  let n = 0;
  statics.forEach((s, i) => {
    if (!isDynamic(s)) return;
    const v = values[n++]!;
    const known = knownNumber(v);
    if (known === undefined) out.values.push(v);
    else {
      out.statics[i] = known;
      out.changed = true;
    }
  });
  return out;
}

const staticBounds = rule(forall, "bounds that are known", (view, rw) => {
  const { op, dynamicLowerBound, dynamicUpperBound, dynamicStep, outputs, region } = view;
  const low = fold(view.staticLowerBound, dynamicLowerBound);
  const high = fold(view.staticUpperBound, dynamicUpperBound);
  const step = fold(view.staticStep, dynamicStep);
  if (!low.changed && !high.changed && !step.changed) return undefined;
  const body = new Region();
  body.takeBlocks(region);
  return forall(rw, low.values, high.values, step.values, outputs, {
    staticLowerBound: low.statics,
    staticUpperBound: high.statics,
    staticStep: step.statics,
    mapping: view.mapping,
    region: body,
    types: op.results.map((r) => r.type),
    ...(op.attributes ? { extra: op.attributes } : {}),
  });
});

const onceForall = rule(forall, "dimensions that run never or once", (view, rw) => {
  const { op, outputs, region, mapping } = view;
  const { staticLowerBound: low, staticUpperBound: high, staticStep: step } = view;
  const count = low.map((l, i) => ([l, high[i]!, step[i]!].some(isDynamic) ? undefined : trips(l, high[i], step[i])));
  if (count.includes(0)) return outputs;
  const kept = count.map((_, i) => i).filter((i) => count[i] !== 1);
  // With a mapping each dimension means a thread; the last one is left where it is.
  if (kept.length === count.length || kept.length === 0 || mapping !== undefined) return undefined;
  const block = region.entry;
  for (let i = count.length - 1; i >= 0; i--) {
    if (count[i] !== 1) continue;
    rw.replaceUses(block.args[i]!, indexConstant(rw, low[i]!));
    block.eraseArgument(i);
  }
  const body = new Region();
  body.takeBlocks(region);
  const pick = (statics: readonly number[]): number[] => kept.map((i) => statics[i]!);
  return forall(rw, view.dynamicLowerBound, view.dynamicUpperBound, view.dynamicStep, outputs, {
    staticLowerBound: pick(low),
    staticUpperBound: pick(high),
    staticStep: pick(step),
    region: body,
    types: op.results.map((r) => r.type),
    ...(op.attributes ? { extra: op.attributes } : {}),
  });
});

const empty = rule(forall, "a box without results in which nothing happens", ({ op, region }) => {
  const end = region.entry.last!;
  return op.results.length === 0 && region.entry.first === end && in_parallel.is(end) ? [] : undefined;
});

export const parallelRules: readonly RuleLike[] = [onceParallel, staticBounds, onceForall, empty];
