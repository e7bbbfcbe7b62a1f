/** @file What a structured op reads and writes: buffers only; on tensors it has no effects of its own. */
import type { Operation } from "../../ir/core.ts";
import { type Effect, reads, writes } from "../../ir/effects.ts";
import { structured } from "./structure.ts";

/** Inputs are read, outputs written, and read too where the body looks at their old elements. */
export function structuredEffects(op: Operation): readonly Effect[] {
  const how = structured.of(op);
  const inputs = how?.inputCount(op) ?? 0;
  const body = op.regions[0]?.blocks[0];
  const effects: Effect[] = [];
  for (const { value, index } of op.uses) {
    if (value.type.kind !== "memref") continue;
    if (index < inputs) effects.push(reads(value));
    else {
      if (how?.outputsInBody && body?.args[index]?.hasUses) effects.push(reads(value));
      effects.push(writes(value));
    }
  }
  return effects;
}
