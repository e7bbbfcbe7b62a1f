/** @file graph-to-linalg: every tensor op says itself in lower words, then the signs leave the types. */
import { unrealized_conversion_cast } from "../../dialects/builtin.ts";
import { func } from "../../dialects/func.ts";
import { dialect as graph } from "../../dialects/graph/index.ts";
import { signless } from "../../dialects/graph/op.ts";
import type { Operation } from "../../ir/core.ts";
import { functionType, memref, type Type, tensor, vector } from "../../ir/types.ts";
import { convertOps } from "../../rewrite/convert.ts";
import { definePass } from "../../rewrite/pass.ts";

export const graphToLinalg = definePass("graph-to-linalg", {
  doc:
    "Every tensor op says itself in lower words: linalg.generic, tensor, scf. Element types lose their signs, which the " +
    "scalar ops of the bodies now say.",
  run(op, _options, pass) {
    const { context, diagnostics } = pass;
    const lowered = convertOps(
      op,
      {
        illegal: [graph],
        lower: (o, rw) => o.def.spec.expand?.(o.def.of(o) as never, rw),
      },
      context,
      diagnostics,
    );
    if (lowered) stripSigns(op);
  },
});

const stripped = new Map<Type, Type>();

/** A type with signless integers in place of signed and unsigned ones, also as elements. */
export function withoutSigns(t: Type): Type {
  let made = stripped.get(t);
  if (made === undefined) {
    made = strip(t);
    stripped.set(t, made);
  }
  return made;
}

function strip(t: Type): Type {
  switch (t.kind) {
    case "tensor":
      return t.ranked ? tensor(t.shape, signless(t.element), t.encoding) : t;
    case "memref":
      return t.ranked ? memref(t.shape, signless(t.element), t.layout, t.memorySpace) : t;
    case "vector":
      return vector(t.shape, signless(t.element), t.scalable);
    case "function":
      return functionType(t.inputs.map(withoutSigns), t.results.map(withoutSigns));
    default:
      return signless(t);
  }
}

/** Takes the signs out of all types of values and signatures; the casts that changed nothing but signs go. */
export function stripSigns(root: Operation): void {
  const casts: Operation[] = [];
  root.walk((op) => {
    for (const r of op.results) r.type = withoutSigns(r.type);
    for (const region of op.regions) {
      for (const block of region.blocks) for (const a of block.args) a.type = withoutSigns(a.type);
    }
    if (func.is(op)) {
      const at = func.attrIndex.get("function_type")!;
      op.props[at] = withoutSigns(op.props[at] as Type);
    }
    if (unrealized_conversion_cast.is(op)) casts.push(op);
  });
  for (const cast of casts) {
    if (!cast.results.every((r, i) => r.type === cast.operand(i).type)) continue;
    cast.results.forEach((r, i) => {
      r.replaceAllUsesWith(cast.operand(i));
    });
    cast.erase();
  }
}
