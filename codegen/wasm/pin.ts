/**
 * @file Steps of unrolled loops are kept apart for engines that schedule a whole block at once (V8 to 12): they would load
 * everything first and run out of registers.
 */
import * as func from "../../dialects/func.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as wasm from "../../dialects/wasm.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { definePass } from "../../rewrite/pass.ts";

/** The mark that kernel-unroll reads. */
const unrollAttribute = "unroll";

export const pinSteps = definePass("wasm-pin-steps", {
  doc: "Ends each step of a loop that is going to be unrolled with an exit that is never taken.",
  on: func.func,
  options: {},
  run(fn) {
    const loops: Operation[] = [];
    fn.walk((op) => {
      if (scf.for.is(op) && op.attributes?.has(unrollAttribute)) loops.push(op);
    });
    for (const op of loops) {
      const end = scf.for.of(op).region.entry.terminator;
      if (!end || end.operandCount === 0) continue;
      end.setOperands(wasm.pin(Builder.before(end), end.operands));
    }
    return loops.length > 0;
  },
});
