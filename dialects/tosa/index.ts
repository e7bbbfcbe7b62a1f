/** @file The tosa dialect, assembled: read, checked for its types, and run; nothing of ours produces it. */
import { defineDialect, type OpInfo } from "../../ir/define.ts";
import * as control from "./control.ts";
import * as elementwise from "./elementwise.ts";
import * as quantized from "./quantized.ts";
import * as reduce from "./reduce.ts";
import { rules } from "./rules.ts";
import * as shape from "./shape.ts";
import * as window from "./window.ts";

const isOp = (x: unknown): x is OpInfo => typeof x === "function" && "opName" in x;

export const dialect = defineDialect("tosa", {
  doc: "Tensor operator set architecture: whole-tensor ops that other compilers hand over.",
  ops: [control, elementwise, quantized, reduce, shape, window].flatMap((m) => Object.values(m).filter(isOp)),
  rules,
});
