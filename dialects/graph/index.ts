/** @file The graph dialect: what a model computes, on tensors, without loops. */
import { defineDialect, type OpInfo } from "../../ir/define.ts";
import * as activations from "./activations.ts";
import * as attention from "./attention.ts";
import * as cast from "./cast.ts";
import * as constants from "./constant.ts";
import * as control from "./control.ts";
import * as conv from "./conv.ts";
import * as convTranspose from "./conv-transpose.ts";
import * as einsum from "./einsum.ts";
import * as elementwise from "./elementwise.ts";
import * as gather from "./gather.ts";
import * as image from "./image.ts";
import * as matmul from "./matmul.ts";
import * as normalize from "./normalize.ts";
import * as pick from "./pick.ts";
import * as pool from "./pool.ts";
import * as quant from "./quant.ts";
import * as recurrent from "./recurrent.ts";
import * as reduce from "./reduce.ts";
import * as rescale from "./rescale.ts";
import * as sample from "./sample.ts";
import * as scan from "./scan.ts";
import * as scatter from "./scatter.ts";
import * as shape from "./shape.ts";

const isOp = (x: unknown): x is OpInfo => typeof x === "function" && "opName" in x;

const families = [
  constants,
  elementwise,
  activations,
  cast,
  matmul,
  einsum,
  attention,
  conv,
  convTranspose,
  pool,
  reduce,
  normalize,
  scan,
  shape,
  gather,
  scatter,
  pick,
  image,
  quant,
  rescale,
  control,
  recurrent,
  sample,
];

export const dialect = defineDialect("graph", {
  doc: "What a model computes: about a hundred tensor ops, one spelling per meaning, without loops and without opsets.",
  extension: true,
  ops: families.flatMap((m) => Object.values(m).filter(isOp)),
  constant: constants.materialize,
});
