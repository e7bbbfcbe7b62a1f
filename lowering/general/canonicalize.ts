/** @file canonicalize: every dialect's rules and folds, greedily, until nothing changes. */
import { attr } from "../../ir/attributes.ts";
import { applyGreedily } from "../../rewrite/greedy.ts";
import { definePass } from "../../rewrite/pass.ts";

export const canonicalize = definePass("canonicalize", {
  doc:
    "Brings the program into its simplest form: applies the rules of all dialects, computes what is known, removes what " +
    "is dead, has each constant once, simplifies regions. Repeats until nothing changes.",
  options: {
    maxIterations: attr.int.default(10),
    regionSimplify: attr.bool.default(true),
    /** Results with more elements than this are left to fold-constants. */
    foldLimit: attr.int.default(1024),
  },
  example: {
    before: `func.func @f(%x: i32) -> i32 {
  %c0 = arith.constant 0 : i32
  %0 = arith.addi %c0, %x : i32
  %1 = arith.muli %0, %0 : i32
  return %0 : i32
}`,
    after: `func.func @f(%arg0: i32) -> i32 {
  return %arg0 : i32
}`,
  },
  run(op, { maxIterations, regionSimplify, foldLimit }, pass) {
    const result = applyGreedily(op, pass.context, {
      maxIterations,
      regions: regionSimplify,
      foldLimit,
      onRule: (doc) => pass.count(doc),
    });
    if (!result.converged) pass.remark(op, `still changing after ${maxIterations} iterations`);
    return result.changed;
  },
});
