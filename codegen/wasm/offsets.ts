/**
 * @file Constants that are added to addresses move into the offsets of loads and stores, which cost nothing. Splat loads
 * are left alone where the engine would have to add their offset in an instruction of its own: there the pointer moves.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as wasm from "../../dialects/wasm.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { i32 } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const foldOffsets = definePass("wasm-fold-offsets", {
  doc: "Folds constants added to addresses into the offsets of loads and stores.",
  on: func.func,
  options: { splats: attr.bool.default(false) },
  run(fn, { splats }) {
    const sums: Operation[] = [];
    fn.walk((op) => {
      if (arith.addi.is(op)) sums.push(op);
    });
    // Chains of constants become one constant over what the chain starts from.
    const carriesSplat = new Set<Value>();
    fn.walk((op) => {
      const splat = wasm.load_splat.match(op);
      if (!splats && splat) for (let v: Value | undefined = splat.address; v; v = sumOf(v)?.base) carriesSplat.add(v);
    });
    for (const op of sums) {
      const outer = sumOf(op.result());
      const inner = outer && sumOf(outer.base);
      if (!outer || !inner || op.result().type !== i32 || carriesSplat.has(op.result())) continue;
      op.setOperand(0, inner.base);
      op.setOperand(1, arith.constantInteger(Builder.before(op), outer.constant + inner.constant, i32));
    }
    fn.walk((op) => {
      const reads = wasm.load.is(op) || wasm.prefetch.is(op) || (splats && wasm.load_splat.is(op));
      if (!reads && !wasm.store.is(op)) return;
      const at = reads ? 0 : 1;
      const sum = sumOf(op.operand(at));
      const offset = op.props[0] as number;
      if (!sum || offset + sum.constant < 0 || carriesSplat.has(op.operand(at))) return;
      op.setOperand(at, sum.base);
      op.props[0] = offset + sum.constant;
    });
    const all: Operation[] = [];
    fn.walkPost((op) => all.push(op));
    for (const op of all.reverse()) if (isTriviallyDead(op)) op.erase();
  },
});

/** A value as another one plus a constant that is not negative. */
function sumOf(v: Value): { readonly base: Value; readonly constant: number } | undefined {
  const add = arith.addi.match(v);
  const value = add && arith.constant.match(add.rhs)?.value;
  if (!add || value?.kind !== "integer" || value.value < 0n) return undefined;
  return { base: add.lhs, constant: Number(value.value) };
}
