/** @file Rules of scf.while: what its condition tells, values that it does not change, results that nobody uses. */
import { Region, type Value } from "../../ir/core.ts";
import type { RuleLike, ViewOf } from "../../ir/define.ts";
import { isOutsideOf, knownTruth, truthConstant } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { while as while_ } from "./loops.ts";

type While = ViewOf<typeof while_>;

/** What the first region hands to the second, and to the results. */
const handedOver = ({ before }: While): readonly Value[] => before.entry.last!.operands.slice(1);

/** The same loop with other initial values and results; its regions move into the new one. */
function rebuild(view: While, inits: readonly Value[], types: readonly Value[], rw: Rewriter): readonly Value[] {
  const take = (from: Region): Region => {
    const to = new Region();
    to.takeBlocks(from);
    return to;
  };
  return while_(rw, inits, {
    before: take(view.before),
    after: take(view.after),
    types: types.map((v) => v.type),
    ...(view.op.attributes ? { extra: view.op.attributes } : {}),
  });
}

/** Drops results, with the arguments of the second region; `stand` are values to use in their place. */
function dropResults(view: While, stand: ReadonlyMap<number, Value>, rw: Rewriter): readonly Value[] {
  const { op, inits, before, after } = view;
  const handed = handedOver(view);
  const kept = op.results.map((_, i) => i).filter((i) => !stand.has(i));
  const end = before.entry.last!;
  rw.setOperands(end, [end.operand(0), ...kept.map((i) => handed[i]!)]);
  for (let i = op.results.length - 1; i >= 0; i--) if (stand.has(i)) after.entry.eraseArgument(i);
  const results = rebuild(
    view,
    inits,
    kept.map((i) => op.results[i]!),
    rw,
  );
  return op.results.map((_, i) => stand.get(i) ?? results[kept.indexOf(i)]!);
}

const truth = rule(while_, "in the second region the condition is true", (view, rw) => {
  const { before, after } = view;
  const condition = before.entry.last!.operand(0);
  if (knownTruth(condition) !== undefined) return undefined;
  let changed = false;
  handedOver(view).forEach((v, i) => {
    const arg = after.entry.args[i]!;
    if (v !== condition || !arg.hasUses) return;
    rw.replaceUses(arg, truthConstant(rw, true));
    changed = true;
  });
  return changed;
});

const never = rule(while_, "a loop whose condition is false runs its first region once", (view, rw) => {
  const { op, inits, before } = view;
  const end = before.entry.last!;
  if (knownTruth(end.operand(0)) !== false) return undefined;
  const handed = handedOver(view);
  const args = before.entry.args.slice();
  rw.inlineBlock(before.entry, op, inits);
  rw.erase(end);
  // An argument that is handed out as it came is the initial value.
  return handed.map((v) => (args.includes(v) ? inits[args.indexOf(v)]! : v));
});

const outside = rule(while_, "results that are known before the loop", (view, rw) => {
  const { op, after } = view;
  const stand = new Map<number, Value>();
  handedOver(view).forEach((v, i) => {
    if (isOutsideOf(v, op)) stand.set(i, v);
  });
  if (stand.size === 0) return undefined;
  for (const [i, v] of stand) rw.replaceUses(after.entry.args[i]!, v);
  return dropResults(view, stand, rw);
});

const invariant = rule(while_, "arguments that every turn hands back as they came", (view, rw) => {
  const { op, inits, before, after } = view;
  const handed = handedOver(view);
  const back = after.entry.last!.operands;
  const { args } = before.entry;
  const dropped = new Set<number>();
  inits.forEach((init, i) => {
    const v = back[i]!;
    const through = after.entry.args.indexOf(v);
    if (v === init || v === args[i] || (through >= 0 && handed[through] === args[i])) dropped.add(i);
  });
  if (dropped.size === 0) return undefined;
  for (const i of dropped) rw.replaceUses(args[i]!, inits[i]!);
  return dropArguments(view, dropped, op.results, rw);
});

function dropArguments(view: While, dropped: ReadonlySet<number>, results: readonly Value[], rw: Rewriter) {
  const { inits, before, after } = view;
  const end = after.entry.last!;
  const back = end.operands;
  rw.setOperands(
    end,
    back.filter((_, i) => !dropped.has(i)),
  );
  for (let i = inits.length - 1; i >= 0; i--) if (dropped.has(i)) before.entry.eraseArgument(i);
  return rebuild(
    view,
    inits.filter((_, i) => !dropped.has(i)),
    results,
    rw,
  );
}

const unusedArguments = rule(while_, "arguments that nobody looks at", (view, rw) => {
  const { op, before } = view;
  const dropped = new Set<number>();
  before.entry.args.forEach((a, i) => {
    if (!a.hasUses) dropped.add(i);
  });
  return dropped.size > 0 && dropArguments(view, dropped, op.results, rw);
});

const unused = rule(while_, "results that nobody uses, in the loop or after it", (view, rw) => {
  const { op, after } = view;
  const handed = handedOver(view);
  const stand = new Map<number, Value>();
  op.results.forEach((r, i) => {
    if (!r.hasUses && !after.entry.args[i]!.hasUses) stand.set(i, handed[i]!);
  });
  if (stand.size === 0) return undefined;
  const results = dropResults(view, stand, rw);
  op.results.forEach((r, i) => {
    if (r.hasUses) rw.replaceUses(r, results[i]!);
  });
  rw.erase(op);
  return true;
});

const equal = rule(while_, "results that are always equal", (view, rw) => {
  const { op, after } = view;
  const handed = handedOver(view);
  const twice = handed.findIndex((v, i) => handed.indexOf(v) < i);
  if (twice < 0) return undefined;
  const first = handed.indexOf(handed[twice]!);
  rw.replaceUses(after.entry.args[twice]!, after.entry.args[first]!);
  rw.replaceUses(op.results[twice]!, op.results[first]!);
  return dropResults(view, new Map([[twice, handed[twice]!]]), rw);
});

export const whileRules: readonly RuleLike[] = [truth, never, outside, invariant, unusedArguments, equal, unused];
