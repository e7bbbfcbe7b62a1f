/** @file dce: removes what nobody uses. */
import type { Operation } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { definePass } from "../../rewrite/pass.ts";

export const dce = definePass("dce", {
  doc: "Removes operations whose results nobody uses and that have no effect anybody could see.",
  example: {
    before: `func.func @f(%x: f32) -> f32 {
  %0 = arith.addf %x, %x : f32
  %1 = arith.mulf %0, %0 : f32
  return %x : f32
}`,
    after: `func.func @f(%arg0: f32) -> f32 {
  return %arg0 : f32
}`,
  },
  run(op, _options, pass) {
    const erased = eraseDead(op);
    pass.count("erased", erased);
    return erased > 0;
  },
});

/** Erases everything dead inside an operation, last first, so that one walk is enough. Answers how much that was. */
function eraseDead(root: Operation): number {
  let erased = 0;
  for (const region of root.regions) {
    for (const block of region.blocks) {
      for (let o = block.last; o; ) {
        const prev: Operation | null = o.prev;
        erased += eraseDead(o);
        if (isTriviallyDead(o)) {
          o.erase();
          erased++;
        }
        o = prev;
      }
    }
  }
  return erased;
}
