/** @file Rules of scf.for: loops that run never or once, values that the loop does not change. */
import type { Value } from "../../ir/core.ts";
import { Region } from "../../ir/core.ts";
import type { RuleLike, ViewOf } from "../../ir/define.ts";
import { isOutside, knownInteger } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { for as for_ } from "./loops.ts";

type For = ViewOf<typeof for_>;

/** How often the loop runs, if its bounds tell. */
function tripCount({ lowerBound, upperBound, step, unsignedCmp }: For): bigint | undefined {
  if (lowerBound === upperBound) return 0n;
  const [low, high, by] = [knownInteger(lowerBound), knownInteger(upperBound), knownInteger(step)];
  if (low === undefined || high === undefined || by === undefined || by <= 0n || unsignedCmp) return undefined;
  return high <= low ? 0n : (high - low + by - 1n) / by;
}

/** What the body hands to the next turn. */
const yields = ({ region }: For): readonly Value[] => region.entry.last!.operands;

/** The same loop with only some of its carried values; `kept` are their positions. The body moves into the new one. */
function withCarried(view: For, kept: readonly number[], rw: Rewriter): readonly Value[] {
  const { op, initArgs, region, lowerBound, upperBound, step, unsignedCmp } = view;
  const block = region.entry;
  const end = block.last!;
  const handed = end.operands;
  rw.setOperands(
    end,
    kept.map((i) => handed[i]!),
  );
  for (let i = initArgs.length - 1; i >= 0; i--) if (!kept.includes(i)) block.eraseArgument(i + 1);
  const body = new Region();
  body.takeBlocks(region);
  return for_(
    rw,
    lowerBound,
    upperBound,
    step,
    kept.map((i) => initArgs[i]!),
    {
      region: body,
      unsignedCmp,
      types: kept.map((i) => op.results[i]!.type),
      ...(op.attributes ? { extra: op.attributes } : {}),
    },
  );
}

/** Drops carried values; `stand` are the values to use for their results. */
function dropCarried(view: For, dropped: ReadonlyMap<number, Value>, rw: Rewriter): readonly Value[] {
  const { initArgs } = view;
  const kept = initArgs.map((_, i) => i).filter((i) => !dropped.has(i));
  const results = withCarried(view, kept, rw);
  return initArgs.map((_, i) => dropped.get(i) ?? results[kept.indexOf(i)]!);
}

const trivial = rule(for_, "a loop that never runs, or once", (view, rw) => {
  const { op, initArgs, region, lowerBound } = view;
  const trips = tripCount(view);
  if (trips === 0n) return initArgs;
  if (trips !== 1n) return undefined;
  rw.replaceWithRegion(op, region, [lowerBound, ...initArgs]);
  return true;
});

const unchanged = rule(for_, "values that every turn hands on as they were", (view, rw) => {
  const { initArgs, region } = view;
  const { args } = region.entry;
  const handed = yields(view);
  const dropped = new Map<number, Value>();
  for (let i = 0; i < initArgs.length; i++) {
    const init = initArgs[i]!;
    if (handed[i] !== args[i + 1] && handed[i] !== init) continue;
    rw.replaceUses(args[i + 1]!, init);
    dropped.set(i, init);
  }
  return dropped.size > 0 && dropCarried(view, dropped, rw);
});

const unused = rule(for_, "carried values that nobody looks at", (view, rw) => {
  const { op, initArgs, region } = view;
  const { args, last } = region.entry;
  const dropped = new Map<number, Value>();
  for (let i = 0; i < initArgs.length; i++) {
    if (op.results[i]!.hasUses) continue;
    const arg = args[i + 1]!;
    // Nobody, or only what is handed on in its own place.
    let other = false;
    for (const u of arg.uses()) if (u.owner !== last || u.index !== i) other = true;
    if (!other) dropped.set(i, initArgs[i]!);
  }
  if (dropped.size === 0) return undefined;
  for (const i of dropped.keys()) rw.replaceUses(args[i + 1]!, initArgs[i]!);
  return dropCarried(view, dropped, rw);
});

const equal = rule(for_, "carried values that are always equal", (view, rw) => {
  const { initArgs, region } = view;
  const { args } = region.entry;
  const handed = yields(view);
  for (let i = 1; i < initArgs.length; i++) {
    for (let k = 0; k < i; k++) {
      if (initArgs[i] !== initArgs[k] || handed[i] !== handed[k]) continue;
      rw.replaceUses(args[i + 1]!, args[k + 1]!);
      const results = dropCarried(view, new Map([[i, initArgs[i]!]]), rw);
      return results.map((v, n) => (n === i ? results[k]! : v));
    }
  }
  return undefined;
});

const constantResults = rule(
  for_,
  "a loop that only hands out what is known before it, and runs at least once",
  (view) => {
    const { initArgs, region } = view;
    const trips = tripCount(view);
    const block = region.entry;
    if (initArgs.length === 0 || trips === undefined || trips === 0n || block.first !== block.last) return undefined;
    const handed = yields(view);
    return handed.every((v) => isOutside(v, region)) ? handed : undefined;
  },
);

export const forRules: readonly RuleLike[] = [trivial, unchanged, unused, equal, constantResults];
