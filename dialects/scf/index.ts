/** @file The scf dialect, assembled. */
import { defineDialect } from "../../ir/define.ts";
import * as ops from "./ops.ts";
import { rules } from "./rules.ts";

export const dialect = defineDialect("scf", {
  doc: "Structured control flow: loops and choices whose bodies are regions.",
  ops: Object.values(ops),
  rules,
});
