/** @file Rules of scf.if, scf.execute_region and scf.index_switch: branches that are known, empty, or only a choice. */
import { type Operation, Region, type Value } from "../../ir/core.ts";
import type { RuleLike, ViewOf } from "../../ir/define.ts";
import { isOutsideOf, truthConstant } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { select } from "../arith/compare.ts";
import { andi } from "../arith/integers.ts";
import { execute_region, if as if_ } from "./branches.ts";
import { yield as yield_ } from "./yield.ts";

type If = ViewOf<typeof if_>;

const yieldsOf = (region: Region): readonly Value[] => (region.isEmpty ? [] : region.entry.last!.operands);
const hasOnlyYield = (region: Region): boolean => region.isEmpty || region.entry.first === region.entry.last;

/** The same choice with only some of its results; its regions move into the new one. */
function withResults(view: If, kept: readonly number[], rw: Rewriter): readonly Value[] {
  const { op, condition, thenRegion, elseRegion } = view;
  const take = (from: Region): Region => {
    const to = new Region();
    to.takeBlocks(from);
    if (to.isEmpty) return to;
    const end = to.entry.last!;
    const handed = end.operands;
    rw.setOperands(
      end,
      kept.map((i) => handed[i]!),
    );
    return to;
  };
  const [yes, no] = [take(thenRegion), take(elseRegion)];
  return if_(rw, condition, {
    thenRegion: yes,
    elseRegion: no,
    types: kept.map((i) => op.results[i]!.type),
    ...(op.attributes ? { extra: op.attributes } : {}),
  });
}

const unused = rule(if_, "results that nobody uses", (view, rw) => {
  const { op } = view;
  const kept = op.results.map((_, i) => i).filter((i) => op.results[i]!.hasUses);
  if (kept.length === op.results.length) return undefined;
  const results = withResults(view, kept, rw);
  kept.forEach((i, n) => {
    rw.replaceUses(op.results[i]!, results[n]!);
  });
  rw.erase(op);
  return true;
});

const choice = rule(if_, "results that are known on both sides are a choice", (view, rw) => {
  const { op, condition, thenRegion, elseRegion } = view;
  if (op.results.length === 0 || elseRegion.isEmpty) return undefined;
  const [yes, no] = [yieldsOf(thenRegion), yieldsOf(elseRegion)];
  const known = op.results.map((_, i) => isOutsideOf(yes[i]!, op) && isOutsideOf(no[i]!, op));
  if (!known.includes(true)) return undefined;
  // Where something is computed anyway, a choice of two values is no gain, but an equal one is.
  const idle = hasOnlyYield(thenRegion) && hasOnlyYield(elseRegion);
  const worth = op.results.map((_, i) => known[i] && (idle || yes[i] === no[i] || known.every((k) => k)));
  if (!worth.includes(true)) return undefined;
  const kept = op.results.map((_, i) => i).filter((i) => !worth[i]);
  const values = op.results.map((_, i) =>
    worth[i] ? (yes[i] === no[i] ? yes[i]! : select(rw, condition, yes[i]!, no[i]!)) : undefined,
  );
  const rest = withResults(view, kept, rw);
  return values.map((v, i) => v ?? rest[kept.indexOf(i)]!);
});

const knownInside = rule(if_, "inside a branch the condition is known", ({ condition, thenRegion, elseRegion }, rw) => {
  let changed = false;
  for (const [region, truth] of [
    [thenRegion, true],
    [elseRegion, false],
  ] as const) {
    const inside = (owner: Operation): boolean => owner.parentRegion?.isInside(region) === true;
    let found = false;
    for (const u of condition.uses()) if (inside(u.owner)) found = true;
    if (!found) continue;
    rw.replaceUsesIf(condition, truthConstant(rw, truth), inside);
    changed = true;
  }
  return changed;
});

const emptyElse = rule(if_, "an else branch without anything in it", ({ op, elseRegion }, rw) => {
  if (op.results.length > 0 || elseRegion.isEmpty || !hasOnlyYield(elseRegion)) return undefined;
  rw.eraseBlock(elseRegion.entry);
  return true;
});

const nested = rule(if_, "a choice that is all of a branch", ({ op, condition, thenRegion, elseRegion }, rw) => {
  if (op.results.length > 0 || !hasOnlyYield(elseRegion)) return undefined;
  const inner = if_.match(thenRegion.entry.first);
  if (!inner || inner.op.next !== thenRegion.entry.last || inner.op.results.length > 0) return undefined;
  if (!hasOnlyYield(inner.elseRegion) || !isOutsideOf(inner.condition, op)) return undefined;
  const body = new Region();
  body.takeBlocks(inner.thenRegion);
  if_(rw, andi(rw, condition, inner.condition), {
    thenRegion: body,
    types: [],
    ...(op.attributes ? { extra: op.attributes } : {}),
  });
  rw.erase(op);
  return true;
});

const again = rule(if_, "two choices in a row on the same condition", (view, rw) => {
  const { op, condition } = view;
  const before = if_.match(op.prev);
  if (!before || before.condition !== condition) return undefined;
  if (op.attributes?.size || before.op.attributes?.size) return undefined;
  const first = [before.thenRegion, before.elseRegion];
  const second = [view.thenRegion, view.elseRegion];
  // Within a branch the earlier results are what that branch has yielded.
  first.forEach((region, side) => {
    const handed = yieldsOf(region);
    before.op.results.forEach((r, i) => {
      const inside = (o: Operation): boolean => o.parentRegion?.isInside(second[side]!) === true;
      if (handed[i]) rw.replaceUsesIf(r, handed[i], inside);
    });
  });
  const merged = first.map((region, side) => {
    const other = second[side]!;
    const body = new Region();
    if (region.isEmpty) {
      body.takeBlocks(other);
      return body;
    }
    body.takeBlocks(region);
    if (other.isEmpty) return body;
    const end = body.entry.last!;
    const tail = other.entry.last!;
    const handed = [...end.operands, ...tail.operands];
    rw.inlineBlock(other.entry, end, []);
    rw.erase(tail);
    rw.setOperands(end, handed);
    return body;
  });
  const types = [...before.op.results, ...op.results].map((r) => r.type);
  const results = if_(rw, condition, { thenRegion: merged[0]!, elseRegion: merged[1]!, types });
  const n = before.op.results.length;
  before.op.results.forEach((r, i) => {
    rw.replaceUses(r, results[i]!);
  });
  rw.erase(before.op);
  return op.results.length > 0 ? results.slice(n) : [];
});

const single = rule(execute_region, "a region of one block stands for itself", ({ op, region, no_inline }, rw) => {
  if (no_inline || region.blocks.length !== 1 || !yield_.is(region.entry.last!)) return undefined;
  rw.replaceWithRegion(op, region);
  return true;
});

export const branchRules: readonly RuleLike[] = [choice, unused, knownInside, emptyElse, nested, again, single];
