/** @file The memory interface: what an op reads, writes, allocates and frees. */
import type { Operation, Value } from "./core.ts";
import { symbolLike } from "./interfaces.ts";
import { Isolated, Pure, RecursiveEffects } from "./traits.ts";

export interface Effect {
  readonly kind: "read" | "write" | "allocate" | "free";
  /** The buffer; undefined is anywhere. */
  readonly of?: Value;
}

export const reads = (of?: Value): Effect => (of ? { kind: "read", of } : { kind: "read" });
export const writes = (of?: Value): Effect => (of ? { kind: "write", of } : { kind: "write" });
export const allocates = (of?: Value): Effect => (of ? { kind: "allocate", of } : { kind: "allocate" });
export const frees = (of?: Value): Effect => (of ? { kind: "free", of } : { kind: "free" });

const nothing: readonly Effect[] = Object.freeze([]);

/** The effects of an op, with those of its regions if they are its own; undefined where nothing is known. */
export function effectsOf(op: Operation): readonly Effect[] | undefined {
  const { def } = op;
  if (def.has(Pure)) return nothing;
  let own = def.effects(op);
  if (def.has(RecursiveEffects)) {
    const all: Effect[] = own ? own.slice() : [];
    for (const region of op.regions) {
      for (const block of region.blocks) {
        for (let o = block.first; o; o = o.next) {
          const inner = effectsOf(o);
          if (!inner) return undefined;
          all.push(...inner);
        }
      }
    }
    own = all;
  }
  return own;
}

/** Has no effects at all: removing it when unused, or running it more or less often, changes nothing. */
export function isEffectFree(op: Operation): boolean {
  const effects = effectsOf(op);
  return effects !== undefined && effects.length === 0;
}

/** May be erased when its results are unused: effect-free, or only reads, or allocates what nobody sees. */
export function isTriviallyDead(op: Operation): boolean {
  if (!op.isUnused || op.def.isTerminator || op.def.has(Isolated) || symbolLike.of(op)) return false;
  const effects = effectsOf(op);
  if (!effects) return false;
  return effects.every(
    (e) => e.kind === "read" || (e.kind === "allocate" && (e.of === undefined || e.of.definingOp === op)),
  );
}
