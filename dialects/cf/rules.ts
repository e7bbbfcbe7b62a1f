/** @file The rules of cf: branches whose condition is known, and jumps to blocks that only jump on. */
import type { Block, Operation, Value } from "../../ir/core.ts";
import type { RuleLike } from "../../ir/define.ts";
import { branchLike } from "../../ir/interfaces.ts";
import { knownDatum, knownTruth, truthConstant } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { select } from "../arith/compare.ts";
import { assert, br, cond_br, switch as switch_ } from "./ops.ts";

/** Where a jump ends up, and what it hands over there. */
interface Target {
  readonly block: Block;
  readonly args: readonly Value[];
}

/** Where a jump really leads, past blocks that do nothing but jump on; undefined if it goes in circles or not past any. */
function through(target: Target): Target | undefined {
  const seen = new Set<Block>([target.block]);
  let at = target;
  for (let next = onwards(at); next; next = onwards(at)) {
    if (seen.has(next.block)) return undefined;
    seen.add(next.block);
    at = next;
  }
  return at === target ? undefined : at;
}

function onwards({ block, args }: Target): Target | undefined {
  const only = br.match(block.first);
  if (!only) return undefined;
  // Its arguments must not be looked at elsewhere, by blocks that it dominates.
  for (const a of block.args) for (const u of a.uses()) if (u.owner !== only.op) return undefined;
  const handed = only.destOperands.map((v) => (v.owner === block ? args[v.index]! : v));
  return { block: only.op.successors[0]!, args: handed };
}

/** Replaces a terminator by a jump. */
function jump(op: Operation, { block, args }: Target, rw: Rewriter): true {
  br(rw, args, { successors: [block] });
  rw.erase(op);
  return true;
}

const branch = (rw: Rewriter, condition: Value, yes: Target, no: Target): Operation =>
  cond_br(rw, condition, yes.args, no.args, { successors: [yes.block, no.block] });

const brThrough = rule(br, "a jump to a jump", ({ op, destOperands }, rw) => {
  const to = through({ block: op.successors[0]!, args: destOperands });
  return to && jump(op, to, rw);
});

const targetsOf = (op: Operation): readonly [Target, Target] => {
  const { trueDestOperands, falseDestOperands } = cond_br.of(op);
  const [yes, no] = op.successors as [Block, Block];
  return [
    { block: yes, args: trueDestOperands },
    { block: no, args: falseDestOperands },
  ];
};

const known = rule(cond_br, "a condition that is known", ({ op, condition }, rw) => {
  const truth = knownTruth(condition);
  return truth !== undefined && jump(op, targetsOf(op)[truth ? 0 : 1], rw);
});

const same = rule(cond_br, "both ways lead to one block", ({ op, condition }, rw) => {
  const [yes, no] = targetsOf(op);
  if (yes.block !== no.block) return undefined;
  if (yes.args.every((v, i) => v === no.args[i])) return jump(op, yes, rw);
  // The choice moves into the values, if nobody else comes to the block (else its arguments stay in any case).
  if (yes.block.predecessors().length !== 2) return undefined;
  const args = yes.args.map((v, i) => (v === no.args[i] ? v : select(rw, condition, v, no.args[i]!)));
  return jump(op, { block: yes.block, args }, rw);
});

const condThrough = rule(cond_br, "a branch to a jump", ({ op, condition }, rw) => {
  const [yes, no] = targetsOf(op);
  const [a, b] = [through(yes), through(no)];
  if (!a && !b) return undefined;
  branch(rw, condition, a ?? yes, b ?? no);
  rw.erase(op);
  return true;
});

const inside = rule(cond_br, "where only one way leads to a block, the condition is known there", (view, rw) => {
  const { op, condition } = view;
  let changed = false;
  targetsOf(op).forEach(({ block }, side) => {
    if (block.predecessors().length !== 1) return;
    const within = (o: Operation): boolean => o.ancestorIn(block) !== null;
    let found = false;
    for (const u of condition.uses()) if (within(u.owner)) found = true;
    if (!found) return;
    rw.replaceUsesIf(condition, truthConstant(rw, side === 0), within);
    changed = true;
  });
  return changed;
});

const knownCase = rule(switch_, "a flag that is known, or no case at all", ({ op }, rw) => {
  const found = branchLike.of(op);
  const taken = op.successors.length === 1 ? 0 : found?.taken?.(op, knownDatum);
  if (found === undefined || taken === undefined) return undefined;
  return jump(op, { block: op.successors[taken]!, args: found.operandsFor(op, taken) }, rw);
});

const holds = rule(assert, "an assertion that holds", ({ arg }) => (knownTruth(arg) === true ? [] : undefined));

export const rules: readonly RuleLike[] = [brThrough, known, same, condThrough, inside, knownCase, holds];
