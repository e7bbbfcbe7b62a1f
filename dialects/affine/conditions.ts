/** @file Conditions that are integer sets. */
import { type AffineSet, evaluateExpr } from "../../ir/affine.ts";
import { Any } from "../../ir/constraints.ts";
import { type Operation, Region } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many } from "../../ir/fields.ts";
import { regionBranch } from "../../ir/interfaces.ts";
import { RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import { parseDimsAndSymbols, printDimsAndSymbols, verifyMapOperands } from "./scope.ts";
import { implied, yield as yield_ } from "./yield.ts";

/** The set of an `affine.if`; an attribute that MLIR does not declare, so that it stands among the discardable ones. */
function conditionOf(op: Operation): AffineSet | undefined {
  const a = op.attributes?.get("condition");
  return a?.kind === "set" ? a.set : undefined;
}

const isIn = (set: AffineSet, values: readonly number[]): boolean =>
  set.constraints.every(({ expr, equality }) => {
    const v = evaluateExpr(expr, values.slice(0, set.numDims), values.slice(set.numDims));
    return equality ? v === 0 : v >= 0;
  });

const if_ = defineOp("affine.if", {
  doc: "Runs one of two regions, by whether the operands lie in an integer set (the attribute `condition`).",
  operands: [many("setOperands", Any)],
  results: [many("results", Any)],
  regions: ["thenRegion", "elseRegion"],
  traits: [SingleBlock, RecursiveEffects],
  interfaces: [
    regionBranch({
      chosen(op, constantOf): Region | "none" | undefined {
        const set = conditionOf(op);
        const values = op.operands.map(constantOf);
        if (!set || values.some((v) => typeof v !== "bigint" && typeof v !== "number")) return undefined;
        const region = op.region(isIn(set, values.map(Number)) ? 0 : 1);
        return region.isEmpty ? "none" : region;
      },
    }),
  ],
  terminator: (): OpInfo => yield_,
  parse(p, at) {
    const conditionAt = p.here();
    const condition = p.attribute();
    if (condition.kind !== "set") return p.fail("expected integer set attribute", conditionAt);
    const { values, numDims } = parseDimsAndSymbols(p);
    const { set } = condition;
    if (set.numDims !== numDims) return p.fail("dim operand count and integer set dim count must match", at);
    if (set.numDims + set.numSymbols !== values.length) {
      return p.fail("symbol operand count and integer set symbol count must match", at);
    }
    const resultTypes = p.optionalArrowTypes();
    const branch = (): Region => {
      const region = p.region();
      p.ensureTerminator(region, implied(at));
      return region;
    };
    const regions = [branch(), p.optionalKeyword("else") ? branch() : new Region()];
    const attributes = p.attrDict();
    attributes.set("condition", condition);
    return { operands: values, attributes, resultTypes, regions };
  },
  print({ op, setOperands, results, thenRegion, elseRegion }, p) {
    const set = conditionOf(op);
    p.write(" ");
    if (set) {
      p.attribute({ kind: "set", set });
      printDimsAndSymbols(p, set, setOperands);
    }
    p.optionalArrowTypes(results.map((r) => r.type));
    const options = { entryArgs: false, terminator: results.length > 0 };
    p.write(" ");
    p.region(thenRegion, options);
    if (!elseRegion.isEmpty) {
      p.write(" else ");
      p.region(elseRegion, options);
    }
    p.attrDict(op, ["condition"]);
  },
  verify({ op, setOperands }, fail) {
    const set = conditionOf(op);
    if (!set) {
      fail("requires an integer set attribute named 'condition'", { code: "verify/attribute" });
    } else if (set.numDims + set.numSymbols !== setOperands.length) {
      fail("operand count and condition integer set dimension and symbol count must match", {
        code: "verify/operands",
      });
    } else if (verifyMapOperands(op, setOperands, set.numDims, fail)) {
      const wrong = op.regions.findIndex((r) => (r.blocks[0]?.args.length ?? 0) > 0);
      if (wrong >= 0) fail(`region #${wrong} should have no arguments`, { code: "verify/region" });
    }
  },
  evaluate({ setOperands, thenRegion, elseRegion }, run) {
    const set = conditionOf(run.op) ?? run.fail("has no condition");
    const region = isIn(set, setOperands as readonly number[]) ? thenRegion : elseRegion;
    return region.isEmpty ? [] : run.call(region, []);
  },
});

export { if_ as if };
