/** @file Products that are added become one relaxed instruction, where the program leaves open how often they are rounded. */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as wasm from "../../dialects/wasm.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { elementOf } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const relaxedMadd = definePass("wasm-relaxed-madd", {
  doc: "Writes `a * b + c` on vectors of f32 and f64 as one relaxed multiply-add, where both ops may be contracted.",
  on: func.func,
  options: {},
  run(fn) {
    const sums: Operation[] = [];
    fn.walk((op) => {
      if (arith.addf.is(op) && isWide(op) && mayContract(op)) sums.push(op);
    });
    return sums.filter((op) => fuse(op)).length > 0;
  },
});

const isWide = (op: Operation): boolean => {
  const { type } = op.result();
  const element = elementOf(type);
  return type.kind === "vector" && element.kind === "float" && (element.width === 32 || element.width === 64);
};

const mayContract = (op: Operation): boolean => {
  const flags = (arith.addf.match(op) ?? arith.mulf.match(op))?.fastmath ?? [];
  return flags.includes("contract");
};

/** The product that an addition takes in: one that nobody else wants. */
function productOf(v: Value): Operation | undefined {
  const op = v.definingOp;
  return op && arith.mulf.is(op) && mayContract(op) && v.hasOneUse ? op : undefined;
}

function fuse(sum: Operation): boolean {
  const [x, y] = sum.operands as [Value, Value];
  const product = productOf(y) ?? productOf(x);
  if (!product) return false;
  const [a, b] = product.operands as [Value, Value];
  const other = product.result() === y ? x : y;
  sum.result().replaceAllUsesWith(wasm.relaxed_madd(Builder.before(sum), a, b, other));
  sum.erase();
  product.erase();
  return true;
}
