/** @file Rules of loads: what was just stored need not be read. */
import type { Operation, Value } from "../../ir/core.ts";
import type { RuleLike } from "../../ir/define.ts";
import { effectsOf } from "../../ir/effects.ts";
import { knownNumber } from "../../rewrite/matchers.ts";
import { rule } from "../../rewrite/rule.ts";
import { load, store } from "./access.ts";

/** How far back a load looks for its store: far enough for straight-line code, near enough to stay linear. */
const LOOK_BACK = 16;

const same = (a: readonly Value[], b: readonly Value[]): boolean =>
  a.every((v, i) => v === b[i] || (knownNumber(v) !== undefined && knownNumber(v) === knownNumber(b[i]!)));

/** The indices are certainly not those of the same element. */
const apart = (a: readonly Value[], b: readonly Value[]): boolean =>
  a.some((v, i) => {
    const [m, n] = [knownNumber(v), knownNumber(b[i]!)];
    return m !== undefined && n !== undefined && m !== n;
  });

export const accessRules: readonly RuleLike[] = [
  rule(load, "what was stored just before", ({ op, memref, indices }) => {
    let at: Operation | null = op.prev;
    for (let n = 0; at && n < LOOK_BACK; n++, at = at.prev) {
      const written = store.match(at);
      if (written?.memref === memref) {
        if (same(indices, written.indices)) return written.value;
        if (apart(indices, written.indices)) continue;
        return undefined;
      }
      const effects = effectsOf(at);
      if (!effects || effects.some((e) => e.kind !== "read" && e.kind !== "allocate")) return undefined;
    }
    return undefined;
  }),
];
