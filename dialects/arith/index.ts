/** @file The arith dialect, assembled. */
import { defineDialect, type OpInfo } from "../../ir/define.ts";
import * as casts from "./casts.ts";
import * as compare from "./compare.ts";
import { constant, materialize } from "./constant.ts";
import * as extended from "./extended.ts";
import * as floats from "./floats.ts";
import * as integers from "./integers.ts";
import { laws } from "./laws.ts";

const isOp = (x: unknown): x is OpInfo => typeof x === "function" && "opName" in x;

export const dialect = defineDialect("arith", {
  doc: "Arithmetic on integers, index and floats; alone, or element by element on vectors and tensors.",
  ops: [constant, ...[integers, extended, floats, compare, casts].flatMap((m) => Object.values(m).filter(isOp))],
  rules: laws,
  constant: materialize,
});
