/** @file The linalg dialect: structured ops and their shared view. */
import { defineDialect, type OpInfo } from "../../ir/define.ts";
import * as definitions from "./ops.ts";
import { rulesFor } from "./rules.ts";

export * from "./analysis.ts";
export * from "./builders.ts";
export * from "./ops.ts";
export * from "./structure.ts";

const isOp = (x: unknown): x is OpInfo => typeof x === "function" && "opName" in x;
const everything: readonly unknown[] = Object.values(definitions);
const ops = everything.filter(isOp);

export const dialect = defineDialect("linalg", {
  doc: "Structured ops: loop nests as data, on tensors and on buffers.",
  ops,
  rules: rulesFor(ops),
});
