/** @file The tensor dialect: making, slicing and reshaping immutable arrays. */
import { defineDialect } from "../../ir/define.ts";
import * as tensor from "./ops.ts";
import { rules } from "./rules.ts";

export * from "./ops.ts";

export const dialect = defineDialect("tensor", {
  doc: "Immutable arrays: made, sliced, padded, reshaped (MLIR's tensor dialect).",
  ops: [
    tensor.bitcast,
    tensor.cast,
    tensor.collapse_shape,
    tensor.concat,
    tensor.dim,
    tensor.empty,
    tensor.expand_shape,
    tensor.extract,
    tensor.extract_slice,
    tensor.from_elements,
    tensor.gather,
    tensor.generate,
    tensor.insert,
    tensor.insert_slice,
    tensor.pack,
    tensor.pad,
    tensor.parallel_insert_slice,
    tensor.rank,
    tensor.reshape,
    tensor.scatter,
    tensor.splat,
    tensor.unpack,
    tensor.yield,
  ],
  rules,
});
