/** @file Structured choices: if, index_switch, and a region in place of an op. */
import type { AsmParser } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, I1, Index } from "../../ir/constraints.ts";
import { type Operation, Region } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { regionBranch } from "../../ir/interfaces.ts";
import { typeText } from "../../ir/spell.ts";
import { type Fail, RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import { i1, index } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";
import { checkEdge, implied, noArguments, yield as yield_ } from "./yield.ts";

const impliedYield = (): OpInfo => yield_;

const if_ = defineOp("scf.if", {
  doc: "Runs the first region if the condition is true, else the second, which may be empty when there are no results.",
  operands: [one("condition", I1)],
  results: [many("results", Any)],
  regions: ["thenRegion", "elseRegion"],
  traits: [SingleBlock, RecursiveEffects],
  interfaces: [
    regionBranch({
      chosen(op, constantOf): Region | "none" | undefined {
        const known = constantOf(op.operand(0));
        if (known === undefined) return undefined;
        const region = op.region(known ? 0 : 1);
        return region.isEmpty ? "none" : region;
      },
    }),
  ],
  terminator: impliedYield,
  parse(p, at) {
    const condition = p.resolve(p.operand(), i1);
    const resultTypes = p.optionalArrowTypes();
    const yes = region(p, at);
    const no = p.optionalKeyword("else") ? region(p, at) : new Region();
    return { operands: [condition], resultTypes, regions: [yes, no], attributes: p.attrDict() };
  },
  print({ op, condition, results, thenRegion, elseRegion }, p) {
    const terminator = results.length > 0;
    p.write(" ");
    p.operand(condition);
    if (terminator) {
      p.write(" -> (");
      p.types(results.map((r) => r.type));
      p.write(")");
    }
    p.write(" ");
    p.region(thenRegion, { entryArgs: false, terminator });
    if (!elseRegion.isEmpty) {
      p.write(" else ");
      p.region(elseRegion, { entryArgs: false, terminator });
    }
    p.attrDict(op);
  },
  verify({ op, results, elseRegion }, fail) {
    noArguments(op, fail);
    if (results.length > 0 && elseRegion.isEmpty) {
      fail("must have an else block if defining values", { code: "verify/region" });
      return;
    }
    checkYields(op, fail);
  },
  evaluate({ condition, thenRegion, elseRegion }, run) {
    if (condition) return run.call(thenRegion, []);
    return elseRegion.isEmpty ? [] : run.call(elseRegion, []);
  },
});

export { if_ as if };

function region(p: AsmParser, at: Location): Region {
  const r = p.region();
  p.ensureTerminator(r, implied(yield_, at));
  return r;
}

/** Every region that ends with a yield hands over what the op's results want. */
function checkYields(op: Operation, fail: Fail): void {
  const wanted = op.results.map((r) => r.type);
  op.regions.every((r, i) => {
    const ends = r.blocks
      .map((b) => b.last)
      .filter((o): o is Operation => o !== null && o !== undefined && yield_.is(o));
    return ends.every((end) =>
      checkEdge(
        `from Region #${i} to parent results`,
        end.uses.map((u) => u.value.type),
        wanted,
        fail,
      ),
    );
  });
}

export const execute_region = defineOp("scf.execute_region", {
  doc: "Runs a region, which may have several blocks, once. Brings a control flow graph to where only one block may stand.",
  attrs: { no_inline: attr.unit.since22() },
  results: [many("results", Any)],
  regions: ["region"],
  parse(p) {
    const resultTypes = p.optionalArrowTypes();
    const no_inline = p.optionalKeyword("no_inline");
    return { resultTypes, regions: [p.region()], attributes: p.attrDict(), props: { no_inline } };
  },
  print({ op, region, results, no_inline }, p) {
    p.optionalArrowTypes(results.map((r) => r.type));
    p.write(no_inline ? " no_inline " : " ");
    p.region(region, { entryArgs: false });
    p.attrDict(op, ["no_inline"]);
  },
  verify({ op, region }, fail) {
    if (region.isEmpty) fail("region needs to have at least one block", { code: "verify/region" });
    else if (region.entry.args.length > 0) fail("region cannot have any arguments", { code: "verify/region" });
    else checkYields(op, fail);
  },
  evaluate: ({ region }, run) => run.call(region, []),
});

export const index_switch = defineOp("scf.index_switch", {
  doc: "Runs the region of the case that equals the operand, or the default region.",
  operands: [one("arg", Index)],
  attrs: { cases: attr.ints },
  results: [many("results", Any)],
  regions: ["defaultRegion", "caseRegions"],
  openRegions: true,
  traits: [RecursiveEffects, SingleBlock],
  interfaces: [
    regionBranch({
      chosen(op, constantOf): Region | undefined {
        const known = constantOf(op.operand(0));
        return known === undefined ? undefined : caseOf(op, index_switch.of(op).cases, Number(known));
      },
    }),
  ],
  terminator: impliedYield,
  parse(p, at) {
    const arg = p.resolve(p.operand(), index);
    const attributes = p.attrDict();
    const resultTypes = p.optionalPunct("->") ? p.types() : [];
    const cases: number[] = [];
    const regions: Region[] = [];
    while (p.optionalKeyword("case")) {
      cases.push(Number(p.integer()));
      regions.push(region(p, at));
    }
    p.keyword("default");
    const otherwise = region(p, at);
    return { operands: [arg], resultTypes, regions: [otherwise, ...regions], attributes, props: { cases } };
  },
  print({ op, arg, cases, results, defaultRegion }, p) {
    p.write(" ");
    p.operand(arg);
    p.attrDict(op, ["cases"]);
    if (results.length > 0) {
      p.write(" -> ");
      p.types(results.map((r) => r.type));
    }
    p.write(" ");
    cases.forEach((value, i) => {
      p.newline();
      p.write(`case ${value} `);
      p.region(op.region(i + 1), { entryArgs: false });
    });
    p.newline();
    p.write("default ");
    const end = defaultRegion.blocks[0]?.last;
    p.region(defaultRegion, { terminator: !end || end.operandCount > 0 || (end.attributes?.size ?? 0) > 0 });
  },
  verify({ op, cases, results }, fail) {
    const regions = op.regions.length - 1;
    if (regions !== cases.length) {
      fail(`has ${regions} case regions but ${cases.length} case values`, { code: "verify/region" });
      return;
    }
    const twice = cases.find((c, i) => cases.indexOf(c) !== i);
    if (twice !== undefined) {
      fail(`has duplicate case value: ${twice}`, { code: "verify/attribute" });
      return;
    }
    op.regions.every((r, i) => {
      const name = i === 0 ? "default region" : `case region #${i - 1}`;
      const end = r.blocks[0]?.last;
      if (!end || !yield_.is(end)) {
        fail(`expected region to end with scf.yield, but got ${end?.name ?? "nothing"}`, { code: "verify/terminator" });
        return false;
      }
      if (end.operandCount !== results.length) {
        fail(`expected each region to return ${results.length} values, but ${name} returns ${end.operandCount}`, {
          code: "verify/region",
          notes: [{ message: "see yield operation here", at: end.loc }],
        });
        return false;
      }
      const other = results.findIndex((v, n) => v.type !== end.operand(n).type);
      if (other >= 0) {
        fail(`expected result #${other} of each region to be '${typeText(results[other]!.type)}'`, {
          code: "verify/region",
          notes: [{ message: `${name} returns '${typeText(end.operand(other).type)}' here`, at: end.loc }],
        });
      }
      return other < 0;
    });
  },
  evaluate: ({ arg, cases }, run) => run.call(caseOf(run.op, cases, arg), []),
});

const caseOf = (op: Operation, cases: readonly number[], value: number): Region => op.region(cases.indexOf(value) + 1);
