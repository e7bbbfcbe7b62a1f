/** @file Rules of allocation: known sizes become static, memory that nobody reads goes. */
import type { Operation, Value } from "../../ir/core.ts";
import type { RuleLike } from "../../ir/define.ts";
import { effectsOf } from "../../ir/effects.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { memref } from "../../ir/types.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { compatibleShapes } from "../shaped.ts";
import { foldList } from "../slice-rules.ts";
import { copy } from "./access.ts";
import { alloc, alloca } from "./allocate.ts";
import { areCastCompatible, cast } from "./cast.ts";

const knownSizes = [alloc, alloca].map((op) =>
  rule(op, "sizes that are known", (view, rw) => {
    const { type } = view.memref;
    const folded = foldList(type.shape, view.dynamicSizes, (n) => n >= 0);
    if (!folded) return undefined;
    const exact = memref(folded.statics, type.element, type.layout, type.memorySpace);
    if (!areCastCompatible(exact, type)) return undefined;
    const made = op(rw, folded.dynamics, view.symbolOperands, {
      alignment: view.alignment,
      types: [exact],
      ...(view.op.attributes ? { extra: view.op.attributes } : {}),
    });
    return cast(rw, made, { types: [type] });
  }),
);

/**
 * Everything that touches the memory, if all it does is write there (through views of it too): then nobody can tell
 * whether the memory exists.
 */
function writersOf(memory: Value, found: Set<Operation>): boolean {
  for (const { owner } of memory.uses()) {
    if (found.has(owner)) continue;
    if (viewLike.of(owner)?.source(owner) === memory && owner.results.length === 1) {
      found.add(owner);
      if (!writersOf(owner.result(), found)) return false;
      continue;
    }
    if (owner.results.length > 0 || owner.def.isTerminator || owner.regions.some(hasEffects)) return false;
    const effects = effectsOf(owner);
    if (!effects) return false;
    let touched = 0;
    for (const e of effects) {
      if (e.of === memory && (e.kind === "write" || e.kind === "free")) touched++;
      else if (e.kind !== "read" || e.of === memory) return false;
    }
    // Handed over in a place of which no effect speaks, it is stored itself.
    let uses = 0;
    for (const u of owner.uses) if (u.value === memory) uses++;
    if (touched === 0 || uses !== 1) return false;
    found.add(owner);
  }
  return true;
}

/** Ops inside have effects of their own, which those of the op need not tell. */
const hasEffects = (r: Operation["regions"][number]): boolean =>
  r.blocks.some((b) => {
    for (let o = b.first; o; o = o.next) if (!o.def.isTerminator && effectsOf(o)?.length !== 0) return true;
    return false;
  });

const unread = [alloc, alloca].map((op) =>
  rule(op, "memory that is written but never read", (view, rw) => {
    const writers = new Set<Operation>();
    if (!view.memref.hasUses || !writersOf(view.memref, writers)) return undefined;
    eraseAll([...writers], rw);
    rw.erase(view.op);
    return true;
  }),
);

/** Users before what they use: first what writes, then the views, later ones first. */
function eraseAll(ops: readonly Operation[], rw: Rewriter): void {
  for (const op of ops) if (op.results.length === 0) rw.erase(op);
  for (let i = ops.length - 1; i >= 0; i--) if (ops[i]!.results.length > 0) rw.erase(ops[i]!);
}

const copies: readonly RuleLike[] = [
  rule(copy, "a copy onto itself", ({ source, target }) => (source === target ? [] : undefined)),
  rule(copy, "a copy of nothing", ({ source, target }) => {
    const empty = [source, target].some((m) => m.type.ranked && m.type.shape.includes(0));
    return empty ? [] : undefined;
  }),
  rule(copy, "a copy of a cast", ({ op, source, target }, rw) => {
    let changed = false;
    [source, target].forEach((m, i) => {
      const from = cast.match(m)?.source;
      const other = op.operand(1 - i).type;
      if (!from?.type.ranked || other.kind !== "memref" || !other.ranked) return;
      if (!compatibleShapes(from.type.shape, other.shape)) return;
      rw.setOperand(op, i, from);
      changed = true;
    });
    return changed;
  }),
];

export const allocRules: readonly RuleLike[] = [...knownSizes, ...unread, ...copies];
