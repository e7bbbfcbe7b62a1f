/** @file Constants: writing them through whichever dialect can, and reading them back. */
import type { Builder } from "../ir/builder.ts";
import type { Context } from "../ir/context.ts";
import type { Operation, Value } from "../ir/core.ts";
import type { Attribute, Type } from "../ir/types.ts";

/** The attribute of a constant-like operation: its property `value`, or the only one it has. */
export function constantValue(op: Operation): Attribute | undefined {
  const { attrFields, attrIndex } = op.def;
  const at = attrIndex.get("value") ?? 0;
  const field = attrFields[at];
  const held = op.props[at];
  return field === undefined || held === undefined ? undefined : field.codec.to(held);
}

/** The attribute that a value holds if a constant-like operation defines it. */
export function constantOf(value: Value): Attribute | undefined {
  const op = value.definingOp;
  return op?.def.isConstant ? constantValue(op) : undefined;
}

/** Writes a constant at the insertion point. The dialect named is asked first, then the others in their order. */
export function writeConstant(
  context: Context,
  b: Builder,
  value: Attribute,
  type: Type,
  dialect: string,
): Value | undefined {
  const preferred = context.dialects.get(dialect);
  const made = preferred?.constant?.(b, value, type);
  if (made) return made;
  for (const d of context.dialects.values()) {
    if (d === preferred || !d.constant) continue;
    const other = d.constant(b, value, type);
    if (other) return other;
  }
  return undefined;
}
