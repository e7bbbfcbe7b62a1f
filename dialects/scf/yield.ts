/** @file What regions of scf ops end with, and checks that the ops share. */
import { Any, I1 } from "../../ir/constraints.ts";
import { Block, Operation, Region } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { type Fail, hasParent, Pure, ReturnLike, Terminator } from "../../ir/traits.ts";
import type { Type } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";

const yield_ = defineOp("scf.yield", {
  doc: "Ends a region and hands its operands to the op around it.",
  operands: [many("results", Any)],
  traits: [
    Pure,
    Terminator,
    ReturnLike,
    hasParent("scf.execute_region", "scf.for", "scf.if", "scf.index_switch", "scf.while"),
  ],
  assembly: "attr-dict ($results^ `:` type($results))?",
});

export { yield_ as yield };

export const condition = defineOp("scf.condition", {
  doc: "Ends the first region of a while loop: whether it goes on, and with which values, or ends with them.",
  operands: [one("condition", I1), many("args", Any)],
  traits: [Pure, Terminator, hasParent("scf.while")],
  assembly: "`(` $condition `)` attr-dict ($args^ `:` type($args))?",
});

/** The terminator that pretty forms leave out: one without operands, its regions with an empty block each. */
export const implied = (end: OpInfo, loc: Location) => (): Operation =>
  new Operation(end, {
    loc,
    props: end.attrFields.map((f) => f.codec.fallback),
    regions: end.spec.openRegions ? [] : end.regionNames.map(() => new Region([new Block()])),
  });

/** The last op of a region's first block, if it is of this kind; else a fault is reported. */
export function terminatorOf(region: Region, end: OpInfo, message: string, fail: Fail): Operation | undefined {
  const last = region.blocks[0]?.last;
  if (last && end.is(last)) return last;
  fail(message, {
    code: "verify/terminator",
    ...(last ? { notes: [{ message: "terminator here", at: last.loc }] } : {}),
  });
  return undefined;
}

/** Reports values that do not fit where control hands them. Answers whether they fit. */
export function checkEdge(edge: string, from: readonly Type[], to: readonly Type[], fail: Fail): boolean {
  if (from.length !== to.length) {
    fail(
      ` region control flow edge ${edge}: source has ${from.length} operands, but target successor needs ${to.length}`,
      {
        code: "verify/region",
      },
    );
    return false;
  }
  const i = from.findIndex((t, n) => t !== to[n]);
  if (i < 0) return true;
  fail(
    ` along control flow edge ${edge}: source type #${i} '${typeText(from[i]!)}' should match input type #${i} ` +
      `'${typeText(to[i]!)}'`,
    { code: "verify/region" },
  );
  return false;
}

/** Regions that start without arguments. */
export function noArguments(op: Operation, fail: Fail): void {
  op.regions.forEach((r, i) => {
    if (r.blocks[0]?.args.length) fail(`region #${i} should have no arguments`, { code: "verify/region" });
  });
}
