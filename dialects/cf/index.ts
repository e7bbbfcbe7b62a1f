/** @file The cf dialect, assembled. */
import { defineDialect } from "../../ir/define.ts";
import { assert, br, cond_br, switch as switch_ } from "./ops.ts";
import { rules } from "./rules.ts";

export const dialect = defineDialect("cf", {
  doc: "Branches between the blocks of a region, and assertions.",
  ops: [br, cond_br, switch_, assert],
  rules,
});
