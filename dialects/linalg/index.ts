/** @file The linalg dialect: structured ops, their shared view, and the builder of linalg.generic. */
import { defineDialect } from "../../ir/define.ts";
import { generic, index, yield as yield_ } from "./ops.ts";

export * from "./analysis.ts";
export * from "./builders.ts";
export * from "./ops.ts";
export * from "./structure.ts";

export const dialect = defineDialect("linalg", {
  doc: "Structured ops: loop nests as data, on tensors and on buffers.",
  ops: [generic, index, yield_],
});
