/**
 * @file Calls that only write a buffer, such as fills of borders, stand right before the next op that touches it: so the
 * buffer lives no longer than it must. Equal fills of several buffers are made in one place otherwise.
 */
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { effectsOf } from "../../ir/effects.ts";
import { baseOf, viewLike } from "../../ir/interfaces.ts";

/** Moves the calls of a block down. `callee` is the function of a name. */
export function sinkFills(block: Block, callee: (name: string) => Operation | undefined): void {
  for (const op of [...block].reverse()) {
    const buffer = filledBy(op, callee);
    if (!buffer) continue;
    const touching = new Set<Operation>();
    touches(buffer, block, touching);
    let at: Operation | undefined;
    for (const t of touching) if (op !== t && op.isBefore(t) && (!at || t.isBefore(at))) at = t;
    if (at && at !== op.next) op.moveBefore(at);
  }
}

/** The allocation that a call writes, if it takes nothing else and does not read it. */
function filledBy(op: Operation, callee: (name: string) => Operation | undefined): Value | undefined {
  const call = func.call.match(op);
  const fn = call && callee(call.callee);
  if (!fn || op.operandCount !== 1 || op.results.length > 0 || func.func.of(fn).body.isEmpty) return undefined;
  if (!onlyWritten(func.func.of(fn).body.entry.args[0]!)) return undefined;
  const v = baseOf(op.operand(0));
  return v.definingOp && memref.alloc.is(v.definingOp) && v.definingOp.block === op.block ? v : undefined;
}

function onlyWritten(v: Value): boolean {
  for (const u of v.uses()) {
    if (viewLike.of(u.owner)?.source(u.owner) === v) {
      if (!u.owner.results.every(onlyWritten)) return false;
      continue;
    }
    const effects = effectsOf(u.owner);
    if (!effects || effects.length === 0 || effects.some((e) => e.kind !== "write")) return false;
  }
  return true;
}

/** Ops of the block that do something with a buffer, or with what is inside of it. */
function touches(v: Value, block: Block, into: Set<Operation>): void {
  for (const u of v.uses()) {
    const view = viewLike.of(u.owner)?.source(u.owner) === v;
    if (view) for (const r of u.owner.results) touches(r, block, into);
    const at = u.owner.ancestorIn(block);
    if (at && !(view && at === u.owner)) into.add(at);
  }
}
