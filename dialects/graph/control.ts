/** @file Control flow on tensors: if, loop, scan. */
import { defineOp } from "../../ir/define.ts";
import { many } from "../../ir/fields.ts";
import { Pure, ReturnLike, Terminator } from "../../ir/traits.ts";
import { AnyTensor } from "./op.ts";

const yield_ = defineOp("graph.yield", {
  doc: "Ends a region: what it hands over.",
  operands: [many("values", AnyTensor)],
  traits: [Pure, Terminator, ReturnLike],
  evaluate: ({ values }) => values,
});

export { yield_ as yield };
