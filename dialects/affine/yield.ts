/** @file How regions of affine ops end. */
import { Any } from "../../ir/constraints.ts";
import { Operation } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { many } from "../../ir/fields.ts";
import { Pure, ReturnLike, Terminator } from "../../ir/traits.ts";
import type { Location } from "../../support/location.ts";

const yield_ = defineOp("affine.yield", {
  doc: "Ends a region of an affine op and hands its values over.",
  operands: [many("operands", Any)],
  traits: [Pure, ReturnLike, Terminator],
  assembly: "attr-dict ($operands^ `:` type($operands))?",
  verify({ op, operands }, fail) {
    const parent = op.parentOp;
    if (!parent) return;
    if (parent.def.registered && parent.def.dialect !== op.def.dialect) {
      fail("only terminates affine.if/for/parallel regions", { code: "verify/terminator" });
    } else if (parent.results.length !== operands.length) {
      fail("parent of yield must have same number of results as the yield operands", { code: "verify/terminator" });
    } else if (operands.some((v, i) => v.type !== parent.results[i]!.type)) {
      fail("types mismatch between yield op and its parent", { code: "verify/terminator" });
    }
  },
  evaluate: ({ operands }) => operands,
});

export { yield_ as yield };

/** The yield without values that pretty forms leave out. */
export const implied = (loc: Location) => (): Operation => new Operation(yield_, { loc });
