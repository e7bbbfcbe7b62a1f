/** @file The graph dialect: what a model computes, on tensors, without loops. */
import { defineDialect, type OpInfo } from "../../ir/define.ts";
import * as cast from "./cast.ts";
import * as constants from "./constant.ts";
import * as control from "./control.ts";
import * as conv from "./conv.ts";
import * as elementwise from "./elementwise.ts";
import * as image from "./image.ts";
import * as matmul from "./matmul.ts";
import * as pool from "./pool.ts";
import * as quant from "./quant.ts";
import * as shape from "./shape.ts";

const isOp = (x: unknown): x is OpInfo => typeof x === "function" && "opName" in x;

export const dialect = defineDialect("graph", {
  doc: "What a model computes: about a hundred tensor ops, one spelling per meaning, without loops and without opsets.",
  extension: true,
  ops: [constants, cast, control, elementwise, matmul, conv, pool, shape, quant, image].flatMap((m) =>
    Object.values(m).filter(isOp),
  ),
  constant: constants.materialize,
});
