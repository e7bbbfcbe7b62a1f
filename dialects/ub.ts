/** @file The ub dialect: what has no meaning. */
import { attr } from "../ir/attributes.ts";
import { Any } from "../ir/constraints.ts";
import { dtypeOf, zeroOf } from "../ir/datum.ts";
import { defineDialect, defineOp } from "../ir/define.ts";
import { one } from "../ir/fields.ts";
import { typeText } from "../ir/spell.ts";
import { ConstantLike, Pure, Terminator } from "../ir/traits.ts";
import { elementOf, hasStaticShape, isShaped } from "../ir/types.ts";
import { NDArray } from "../support/ndarray.ts";

const poisonValue = attr.where("PoisonAttrInterface instance", (a) => a.kind === "opaque" && a.text === "#ub.poison");

export const poison = defineOp("ub.poison", {
  doc: "A value of which nothing may be asked; here it is zero. What is computed from it has no meaning either.",
  attrs: { value: poisonValue.default({ kind: "opaque", text: "#ub.poison" }) },
  results: [one("result", Any)],
  traits: [Pure, ConstantLike],
  assembly: "attr-dict (`<` $value^ `>`)? `:` type($result)",
  evaluate(_, run) {
    const type = run.resultType(0);
    const element = elementOf(type);
    if (!isShaped(type)) return [zeroOf(element)];
    const dtype = dtypeOf(element);
    if (!dtype || !hasStaticShape(type)) return run.fail(`poison of '${typeText(type)}' has no run-time form`);
    return [NDArray.zeros(dtype, type.shape)];
  },
});

export const unreachable = defineOp("ub.unreachable", {
  doc: "Ends a block that control never reaches.",
  traits: [Pure, Terminator],
  assembly: "attr-dict",
  evaluate: (_, run) => run.fail("control reached what was said to be unreachable"),
});

export const dialect = defineDialect("ub", {
  doc: "Undefined behaviour made explicit.",
  ops: [poison, unreachable],
});
