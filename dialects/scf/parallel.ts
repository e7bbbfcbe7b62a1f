/** @file Loops without an order: parallel with its reductions, and forall, which fills shared tensors. */
import type { ParsedArgument } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, Index, RankedTensor } from "../../ir/constraints.ts";
import { Block, Operation, Region, type Value } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { loopLike, parallelInsertion } from "../../ir/interfaces.ts";
import { typeText } from "../../ir/spell.ts";
import {
  AutomaticAllocationScope,
  type Fail,
  hasParent,
  NoTerminator,
  Pure,
  RecursiveEffects,
  SingleBlock,
  Terminator,
} from "../../ir/traits.ts";
import { index } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { dynamicCount, mixed } from "../shaped.ts";
import { assignments, printAssignments } from "./loops.ts";
import { implied, terminatorOf } from "./yield.ts";

/** Calls `visit` with every point of a box, the last counter fastest. The list is the same one each time. */
function forEachPoint(
  lower: readonly number[],
  upper: readonly number[],
  step: readonly number[],
  visit: (point: readonly number[]) => void,
): void {
  if (lower.some((l, i) => l >= upper[i]!)) return;
  const point = lower.slice();
  for (;;) {
    visit(point);
    let d = point.length - 1;
    for (; d >= 0; d--) {
      point[d]! += step[d]!;
      if (point[d]! < upper[d]!) break;
      point[d] = lower[d]!;
    }
    if (d < 0) return;
  }
}

const loop = loopLike({
  body: (op): Region => op.region(),
  bounds: () => undefined,
  inductionVariable: () => undefined,
  carried: () => [],
});

// --- parallel -------------------------------------------------------------------------------------------------

export const parallel = defineOp("scf.parallel", {
  doc: "Runs its region for every point of a box, in any order; what the region reduces is combined into the results.",
  operands: [many("lowerBound", Index), many("upperBound", Index), many("step", Index), many("initVals", Any)],
  results: [many("results", Any)],
  regions: ["region"],
  traits: [SingleBlock, RecursiveEffects, AutomaticAllocationScope],
  interfaces: [loop],
  infer: ({ initVals }) => initVals.map((v) => v.type),
  inferLoosely: true,
  enter: ({ lowerBound }) => ({ region: lowerBound.map(() => index) }),
  terminator: (): OpInfo => reduce,
  parse(p, at) {
    const counters = p.arguments("()", false);
    p.punct("=");
    const bounds = () => {
      const start = p.here();
      const operands = p.operands("()");
      if (operands.length !== counters.length) p.fail(`expected ${counters.length} operands`, start);
      return p.resolveAll(operands, index);
    };
    const lower = bounds();
    p.keyword("to");
    const upper = bounds();
    p.keyword("step");
    const step = bounds();
    const inits = p.optionalKeyword("init") ? p.operands("()") : [];
    const resultTypes = p.optionalArrowTypes();
    const region = p.region(indexed(counters));
    const attributes = p.attrDict();
    if (inits.length !== resultTypes.length) p.fail(missing(inits.length, resultTypes.length), at);
    const values = p.resolveAll(inits, resultTypes);
    p.ensureTerminator(region, implied(reduce, at));
    return {
      operands: [...lower, ...upper, ...step, ...values],
      operandSegments: [lower.length, upper.length, step.length, values.length],
      resultTypes,
      regions: [region],
      attributes,
    };
  },
  print({ op, lowerBound, upperBound, step, initVals, results, region }, p) {
    const list = (before: string, values: readonly Value[]): void => {
      p.write(`${before}(`);
      p.operands(values);
      p.write(")");
    };
    list(" ", region.entry.args);
    list(" = ", lowerBound);
    list(" to ", upperBound);
    list(" step ", step);
    if (initVals.length > 0) list(" init ", initVals);
    p.optionalArrowTypes(results.map((r) => r.type));
    p.write(" ");
    p.region(region, { entryArgs: false });
    p.attrDict(op);
  },
  verify({ step, results, initVals, region }, fail) {
    if (step.length === 0) {
      fail("needs at least one tuple element for lowerBound, upperBound and step", { code: "verify/operands" });
      return;
    }
    for (const s of step) {
      const known = constantOf(s);
      if (known?.kind === "integer" && known.value <= 0n) {
        fail("constant step operand must be positive", { code: "verify/operands" });
        return;
      }
    }
    const args = region.blocks[0]?.args ?? [];
    if (args.length !== step.length) {
      fail(`expects the same number of induction variables: ${args.length} as bound and step values: ${step.length}`, {
        code: "verify/region",
      });
      return;
    }
    if (args.some((a) => a.type !== index)) {
      fail("expects arguments for the induction variable to be of index type", { code: "verify/region" });
      return;
    }
    const end = terminatorOf(region, reduce, "expects body to terminate with 'scf.reduce'", fail);
    if (end) checkReductions(end, results, initVals, fail);
  },
  evaluate({ lowerBound, upperBound, step, initVals, region }, run) {
    if (step.some((s) => s <= 0)) run.fail(`a step of ${step.join(", ")} is not positive`);
    const reductions = region.entry.terminator?.regions ?? [];
    const results: unknown[] = initVals.slice();
    forEachPoint(lowerBound, upperBound, step, (point) => {
      const terms = run.call(region, point);
      for (let i = 0; i < results.length; i++) results[i] = run.call(reductions[i]!, [results[i], terms[i]])[0];
    });
    return results;
  },
});

const missing = (operands: number, types: number): string => `${operands} operands present, but expected ${types}`;

const indexed = (args: readonly ParsedArgument[]): ParsedArgument[] => args.map((a) => ({ ...a, type: index }));

function checkReductions(end: Operation, results: readonly Value[], inits: readonly Value[], fail: Fail): void {
  const count = (other: number, what: string): boolean => {
    if (results.length === other) return true;
    fail(`expects number of results: ${results.length} to be the same as number of ${what}: ${other}`, {
      code: "verify/operands",
    });
    return false;
  };
  if (!count(end.regions.length, "reductions") || !count(inits.length, "initial values")) return;
  const other = results.findIndex((r, i) => r.type !== end.operands[i]?.type);
  if (other < 0) return;
  fail(
    `expects type of ${other}-th reduction operand: '${typeText(end.operand(other).type)}' to be the same as the ` +
      `${other}-th result type: '${typeText(results[other]!.type)}'`,
    { op: end, code: "verify/operand-type" },
  );
}

export const reduce = defineOp("scf.reduce", {
  doc: "Ends the region of a parallel loop: the values of this point, and for each one how two of them are combined.",
  operands: [many("operands", Any)],
  regions: ["reductions"],
  openRegions: true,
  traits: [Terminator, RecursiveEffects, hasParent("scf.parallel")],
  assembly: "(`(` $operands^ `:` type($operands) `)`)? $reductions attr-dict",
  verify({ op, operands }, fail) {
    op.regions.every((region, i) => {
      const type = operands[i]?.type;
      const block = region.blocks[0];
      if (!block || !type) {
        fail("there is a reduction without operand, or with no block", { code: "verify/region" });
        return false;
      }
      if (block.isEmpty) fail(`${i}-th reduction has an empty body`, { code: "verify/region" });
      else if (block.args.length !== 2 || block.args.some((a) => a.type !== type)) {
        fail(`expected two block arguments with type '${typeText(type)}' in the ${i}-th reduction region`, {
          code: "verify/region",
        });
      } else if (!reduce_return.is(block.last!)) {
        fail("reduction bodies must be terminated with an 'scf.reduce.return' op", { code: "verify/terminator" });
      } else return true;
      return false;
    });
  },
});

export const reduce_return = defineOp("scf.reduce.return", {
  doc: "Ends the region that combines two values.",
  operands: [one("result", Any)],
  traits: [Pure, Terminator, hasParent("scf.reduce")],
  assembly: "$result attr-dict `:` type($result)",
  verify({ op, result }, fail) {
    const wanted = op.block?.args[0]?.type;
    if (wanted && wanted !== result.type) {
      fail(`must have type '${typeText(wanted)}' (the type of the reduction inputs)`, { code: "verify/operand-type" });
    }
  },
});

// --- forall ---------------------------------------------------------------------------------------------------

export const forall = defineOp("scf.forall", {
  doc:
    "Runs its region for every point of a box, in any order; each turn inserts its parts into the shared tensors, which " +
    "are the results.",
  operands: [
    many("dynamicLowerBound", Index),
    many("dynamicUpperBound", Index),
    many("dynamicStep", Index),
    many("outputs", RankedTensor),
  ],
  attrs: {
    staticLowerBound: attr.ints,
    staticUpperBound: attr.ints,
    staticStep: attr.ints,
    mapping: attr.array.optional(),
  },
  results: [many("results", Any)],
  regions: ["region"],
  traits: [SingleBlock, RecursiveEffects, AutomaticAllocationScope],
  interfaces: [loop],
  infer: ({ outputs }) => outputs.map((v) => v.type),
  inferLoosely: true,
  enter: ({ staticUpperBound, outputs }) => ({
    region: [...staticUpperBound.map(() => index), ...outputs.map((v) => v.type)],
  }),
  terminator: (): OpInfo => in_parallel,
  parse(p, at) {
    const counters = p.arguments("()", false);
    const list = () => {
      const { statics, operands } = p.dynamicIndexList("()");
      return { statics, values: p.resolveAll(operands, index) };
    };
    let lower = { statics: counters.map(() => 0), values: [] as Value[] };
    let step = { statics: counters.map(() => 1), values: [] as Value[] };
    let upper: typeof lower;
    if (p.optionalKeyword("in")) upper = list();
    else {
      p.punct("=");
      lower = list();
      p.keyword("to");
      upper = list();
      p.keyword("step");
      step = list();
    }
    const outputsAt = p.here();
    const shared = p.optionalKeyword("shared_outs") ? assignments(p) : [];
    const types = shared.length > 0 ? p.optionalArrowTypes() : [];
    if (types.length !== shared.length) p.fail(missing(shared.length, types.length), outputsAt);
    const outputs = p.resolveAll(
      shared.map((s) => s.init),
      types,
    );
    const region = p.region([...indexed(counters), ...shared.map((s, i) => ({ ...s.argument, type: types[i] }))]);
    p.ensureTerminator(region, () => new Operation(in_parallel, { loc: at, regions: [new Region([new Block()])] }));
    const attributes = p.attrDict();
    return {
      operands: [...lower.values, ...upper.values, ...step.values, ...outputs],
      operandSegments: [lower.values.length, upper.values.length, step.values.length, outputs.length],
      props: { staticLowerBound: lower.statics, staticUpperBound: upper.statics, staticStep: step.statics },
      attributes,
      resultTypes: types,
      regions: [region],
    };
  },
  print(view, p) {
    const { op, staticLowerBound, staticUpperBound, staticStep, outputs, region } = view;
    const { args } = region.entry;
    const loops = staticUpperBound.length;
    p.write(" (");
    p.operands(args.slice(0, loops));
    if (staticLowerBound.every((l) => l === 0) && staticStep.every((s) => s === 1)) {
      p.write(") in ");
      p.dynamicIndexList(staticUpperBound, view.dynamicUpperBound, { delimiter: "()" });
    } else {
      p.write(") = ");
      p.dynamicIndexList(staticLowerBound, view.dynamicLowerBound, { delimiter: "()" });
      p.write(" to ");
      p.dynamicIndexList(staticUpperBound, view.dynamicUpperBound, { delimiter: "()" });
      p.write(" step ");
      p.dynamicIndexList(staticStep, view.dynamicStep, { delimiter: "()" });
    }
    printAssignments(p, " shared_outs", args.slice(loops), outputs);
    p.write(" ");
    if (outputs.length > 0) {
      p.write("-> (");
      p.types(op.results.map((r) => r.type));
      p.write(") ");
    }
    p.region(region, { entryArgs: false, terminator: op.results.length > 0 });
    p.attrDict(op, ["staticLowerBound", "staticUpperBound", "staticStep"]);
  },
  verify(view, fail) {
    const { outputs, mapping, region, results, staticUpperBound } = view;
    const loops = staticUpperBound.length;
    const complain = (message: string): void => fail(message, { code: "verify/region" });
    if (results.length !== outputs.length) {
      complain(`produces ${results.length} results, but has only ${outputs.length} outputs`);
      return;
    }
    const args = region.blocks[0]?.args ?? [];
    if (args.length !== loops + outputs.length) {
      complain(`region expects ${loops} arguments`);
      return;
    }
    const notIndex = args.slice(0, loops).findIndex((a) => a.type !== index);
    if (notIndex >= 0) complain(`expects ${notIndex}-th block argument to be an index`);
    const other = outputs.findIndex((o, i) => o.type !== args[loops + i]!.type);
    if (other >= 0) complain(`type mismatch between ${other}-th output and corresponding block argument`);
    if (mapping && mapping.length > 0 && mapping.length !== loops) {
      fail("mapping attribute size must match op rank", { code: "verify/attribute" });
    }
    const bounds = [
      ["lower bound", view.staticLowerBound, view.dynamicLowerBound],
      ["upper bound", staticUpperBound, view.dynamicUpperBound],
      ["step", view.staticStep, view.dynamicStep],
    ] as const;
    for (const [name, statics, dynamics] of bounds) {
      if (statics.length !== loops) {
        fail(`expected ${loops} ${name} values, got ${statics.length}`, { code: "verify/attribute" });
      } else if (dynamicCount(statics) !== dynamics.length) {
        fail(`expected ${dynamicCount(statics)} dynamic ${name} values`, { code: "verify/operands" });
      }
    }
  },
  evaluate(args, run) {
    const lower = mixed(args.staticLowerBound, args.dynamicLowerBound);
    const upper = mixed(args.staticUpperBound, args.dynamicUpperBound);
    const step = mixed(args.staticStep, args.dynamicStep);
    if (step.some((s) => s <= 0)) run.fail(`a step of ${step.join(", ")} is not positive`);
    // The turns write into copies of their own, which nobody else sees.
    const results: readonly NDArray[] = args.outputs.map((o) => o.copy());
    forEachPoint(lower, upper, step, (point) => run.call(args.region, [...point, ...results]));
    return results;
  },
});

export const in_parallel = defineOp("scf.forall.in_parallel", {
  doc: "Ends the region of a forall loop: the insertions into the shared tensors, which no turn sees of another.",
  regions: ["region"],
  traits: [Pure, Terminator, NoTerminator, SingleBlock, hasParent("scf.forall")],
  parse(p) {
    const region = p.region();
    if (region.isEmpty) region.append(new Block());
    return { regions: [region], attributes: p.attrDict() };
  },
  print({ op, region }, p) {
    p.write(" ");
    p.region(region, { entryArgs: false, terminator: false });
    p.attrDict(op);
  },
  verify({ op, region }, fail) {
    const loop = forall.match(op.parentOp);
    if (!loop) {
      fail("expected forall op parent", { code: "verify/terminator" });
      return;
    }
    if (!loop.staticUpperBound) return;
    const shared = loop.region.entry.args.slice(loop.staticUpperBound.length);
    for (const inner of region.blocks[0] ?? []) {
      const insertion = parallelInsertion.of(inner);
      if (!insertion) {
        fail("expected only tensor.parallel_insert_slice ops", { code: "verify/region" });
        return;
      }
      if (!shared.includes(insertion.destination(inner))) {
        fail("may only insert into an output block argument", { op: inner, code: "verify/region" });
        return;
      }
    }
  },
  evaluate({ region }, run) {
    if (!region.isEmpty) run.call(region, []);
    return [];
  },
});
