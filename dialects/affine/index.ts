/** @file The affine dialect: loops, conditions and accesses that are affine in counters and symbols. */
import { defineDialect } from "../../ir/define.ts";
import * as affine from "./ops.ts";
import { rules } from "./rules.ts";

export * from "./ops.ts";

export const dialect = defineDialect("affine", {
  doc: "Loops, conditions and memory accesses that are affine in counters and symbols (MLIR's affine dialect).",
  ops: [
    affine.apply,
    affine.delinearize_index,
    affine.dma_start,
    affine.dma_wait,
    affine.for,
    affine.if,
    affine.load,
    affine.max,
    affine.min,
    affine.parallel,
    affine.prefetch,
    affine.store,
    affine.vector_load,
    affine.vector_store,
    affine.yield,
  ],
  rules,
});
