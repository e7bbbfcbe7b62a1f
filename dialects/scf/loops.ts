/** @file Loops: for, while. */
import type { AsmParser, AsmPrinter, ParsedArgument, UnresolvedOperand } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, where } from "../../ir/constraints.ts";
import type { Operation, Region, Value } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { loopLike } from "../../ir/interfaces.ts";
import { typeText } from "../../ir/spell.ts";
import { AutomaticAllocationScope, allTypesMatch, type Fail, RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import { type IndexType, type IntegerType, index, type Type } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";
import { checkEdge, condition, implied, terminatorOf, yield as yield_ } from "./yield.ts";

const Counter = where<IntegerType | IndexType>(
  "signless integer or index",
  (t) => t.kind === "index" || (t.kind === "integer" && t.signedness === "signless"),
);

const for_ = defineOp("scf.for", {
  doc: "Counts from the lower bound up to, not including, the upper bound, and carries values from turn to turn.",
  operands: [one("lowerBound", Counter), one("upperBound", Counter), one("step", Counter), many("initArgs", Any)],
  attrs: { unsignedCmp: attr.unit.since22() },
  results: [many("results", Any)],
  regions: ["region"],
  traits: [SingleBlock, allTypesMatch("lowerBound", "upperBound", "step"), RecursiveEffects, AutomaticAllocationScope],
  interfaces: [
    loopLike({
      body: (op): Region => op.region(),
      bounds: (op) => ({ lower: op.operand(0), upper: op.operand(1), step: op.operand(2) }),
      inductionVariable: (op): Value | undefined => op.region().entry.args[0],
      carried: (op) => {
        const { args, last } = op.region().entry;
        return op.results.map((result, i) => ({
          init: op.operand(i + 3),
          arg: args[i + 1]!,
          next: last!.operand(i),
          result,
        }));
      },
      rebound(op, { lower, upper, step, inits }) {
        if (lower) op.setOperand(0, lower);
        if (upper) op.setOperand(1, upper);
        if (step) op.setOperand(2, step);
        inits?.forEach((v, i) => {
          op.setOperand(i + 3, v);
        });
      },
    }),
  ],
  infer: ({ initArgs }) => initArgs.map((v) => v.type),
  inferLoosely: true,
  enter: ({ lowerBound, initArgs }) => ({ region: [lowerBound.type, ...initArgs.map((v) => v.type)] }),
  terminator: (): OpInfo => yield_,
  parse(p, at) {
    const unsignedCmp = p.optionalKeyword("unsigned");
    const counter = p.argument(false);
    p.punct("=");
    const lower = p.operand();
    p.keyword("to");
    const upper = p.operand();
    p.keyword("step");
    const step = p.operand();
    const carried = p.optionalKeyword("iter_args") ? assignments(p) : [];
    const types = carried.length > 0 ? p.arrowTypes() : [];
    if (carried.length !== types.length) p.fail("mismatch in number of loop-carried values and defined values", at);
    const type = p.optionalPunct(":") ? p.type() : index;
    const args = [{ ...counter, type }, ...carried.map((c, i) => ({ ...c.argument, type: types[i] }))];
    const operands = [
      ...p.resolveAll([lower, upper, step], type),
      ...p.resolveAll(
        carried.map((c) => c.init),
        types,
      ),
    ];
    const region = p.region(args);
    p.ensureTerminator(region, implied(yield_, at));
    return { operands, props: { unsignedCmp }, resultTypes: types, regions: [region], attributes: p.attrDict() };
  },
  print({ op, lowerBound, upperBound, step, initArgs, results, unsignedCmp, region }, p) {
    const [counter, ...carried] = region.entry.args;
    p.write(unsignedCmp ? " unsigned " : " ");
    p.operand(counter!);
    p.write(" = ");
    p.operand(lowerBound);
    p.write(" to ");
    p.operand(upperBound);
    p.write(" step ");
    p.operand(step);
    printAssignments(p, " iter_args", carried, initArgs);
    if (results.length > 0) {
      p.write(" -> (");
      p.types(results.map((r) => r.type));
      p.write(")");
    }
    p.write(" ");
    if (counter!.type !== index) {
      p.write(" : ");
      p.type(counter!.type);
      p.write(" ");
    }
    p.region(region, { entryArgs: false, terminator: initArgs.length > 0 });
    p.attrDict(op, ["unsignedCmp"]);
  },
  verify({ op, lowerBound, initArgs, region }, fail) {
    if (initArgs.length !== op.results.length) {
      fail("mismatch in number of loop-carried values and defined values", { code: "verify/operands" });
      return;
    }
    const [counter, ...args] = region.blocks[0]?.args ?? [];
    if (!checkCarried(op, initArgs, args, fail)) return;
    if (counter?.type !== lowerBound.type) {
      fail("expected induction variable to be same type as bounds and step", { code: "verify/region" });
    }
  },
  evaluate({ lowerBound, upperBound, step, initArgs, unsignedCmp, region }, run) {
    if (step <= 0 && !unsignedCmp) run.fail(`the step ${step} is not positive`);
    const view = unsignedCmp ? unsignedCounter(run.operandType(0)) : (v: number | bigint) => v;
    const end = view(upperBound);
    const by = view(step);
    const args: unknown[] = [lowerBound, ...initArgs];
    const carried = initArgs.length;
    for (let i = view(lowerBound); i < end; i = (i as number) + (by as number)) {
      args[0] = i;
      const next = run.call(region, args);
      for (let n = 0; n < carried; n++) args[n + 1] = next[n];
    }
    return args.slice(1);
  },
});

export { for_ as for };

/** Counters without sign: the bits are the same. */
function unsignedCounter(type: Type): (v: number | bigint) => number | bigint {
  const width = type.kind === "integer" ? type.width : 64;
  return (v) => (typeof v === "bigint" ? BigInt.asUintN(width, v) : v < 0 ? v + 2 ** width : v);
}

/** Initial values, region arguments, yielded values and results agree in number and type. */
function checkCarried(op: Operation, inits: readonly Value[], args: readonly Value[], fail: Fail): boolean {
  const end = op.regions[0]?.blocks[0]?.last;
  const yielded = end && yield_.is(end) ? end.operands : [];
  const count = (what: string, other: number, of: number): boolean => {
    if (other !== of) fail(`different number of ${what}: ${other} != ${of}`, { code: "verify/region" });
    return other === of;
  };
  if (!count("inits and region iter_args", inits.length, args.length)) return false;
  if (yielded.length > 0 && !count("region iter_args and yielded values", args.length, yielded.length)) return false;
  if (
    yielded.length === 0 &&
    !checkEdge(
      "from Region #0 to parent results",
      [],
      op.results.map((r) => r.type),
      fail,
    )
  ) {
    return false;
  }
  const differ = (i: number, what: string, other: string, a: Value, b: Value): boolean => {
    if (a.type === b.type) return false;
    fail(`${i}-th ${what} and ${i}-th ${other} have different type: '${typeText(a.type)}' != '${typeText(b.type)}'`, {
      code: "verify/region",
    });
    return true;
  };
  return args.every(
    (arg, i) =>
      !differ(i, "init", "region iter_arg", inits[i]!, arg) &&
      !differ(i, "region iter_arg", "yielded value", arg, yielded[i]!) &&
      !differ(i, "region iter_arg", "loop result", arg, op.results[i]!),
  );
}

// --- assignments ----------------------------------------------------------------------------------------------

interface Assignment {
  readonly argument: ParsedArgument;
  readonly init: UnresolvedOperand;
}

/** `(%a = %b, …)`. */
export const assignments = (p: AsmParser): Assignment[] =>
  p.list("()", () => {
    const argument = p.argument(false);
    p.punct("=");
    return { argument, init: p.operand() };
  });

/** The same, with the blank or keyword before it; nothing when there are none. */
export function printAssignments(p: AsmPrinter, prefix: string, args: readonly Value[], inits: readonly Value[]): void {
  if (inits.length === 0) return;
  p.write(`${prefix}(`);
  inits.forEach((init, i) => {
    if (i > 0) p.write(", ");
    p.operand(args[i]!);
    p.write(" = ");
    p.operand(init);
  });
  p.write(")");
}

// --- while ----------------------------------------------------------------------------------------------------

const while_ = defineOp("scf.while", {
  doc: "Runs the first region; as long as that says so, runs the second with the values it handed over, and starts again.",
  operands: [many("inits", Any)],
  results: [many("results", Any)],
  regions: ["before", "after"],
  traits: [SingleBlock, RecursiveEffects],
  interfaces: [
    loopLike({
      body: (op): Region => op.region(),
      bounds: () => undefined,
      inductionVariable: () => undefined,
      carried: () => [],
    }),
  ],
  parse(p: AsmParser, _at: Location) {
    const carried = p.at("(") ? assignments(p) : [];
    const at = p.here();
    const type = p.colonType();
    if (type.kind !== "function") return p.fail("expected a function type", at);
    if (type.inputs.length !== carried.length) {
      p.fail(`expected as many input types as operands (expected ${carried.length} got ${type.inputs.length})`, at);
    }
    const operands = p.resolveAll(
      carried.map((c) => c.init),
      type.inputs,
    );
    const before = p.region(carried.map((c, i) => ({ ...c.argument, type: type.inputs[i] })));
    p.keyword("do");
    const after = p.region();
    return { operands, resultTypes: type.results, regions: [before, after], attributes: p.attrDictWithKeyword() };
  },
  print({ op, inits, results, before, after }, p) {
    printAssignments(p, " ", before.entry.args, inits);
    p.write(" : ");
    p.functionType(
      inits.map((v) => v.type),
      results.map((r) => r.type),
    );
    p.write(" ");
    p.region(before, { entryArgs: false });
    p.write(" do ");
    p.region(after);
    p.attrDictWithKeyword(op);
  },
  verify({ op, inits, results, before, after }, fail) {
    const named = ["before", "after"];
    const empty = op.regions.findIndex((r) => r.isEmpty);
    if (empty >= 0) {
      fail(`region #${empty} ('${named[empty]}') failed to verify constraint: region with 1 blocks`, {
        code: "verify/region",
      });
      return;
    }
    if (op.regions.some((r) => r.entry.isEmpty)) {
      fail("expects a non-empty block", { code: "verify/region" });
      return;
    }
    const types = (vs: readonly Value[]): Type[] => vs.map((v) => v.type);
    const go = before.entry.last!;
    const again = after.entry.last!;
    if (!checkEdge("from parent operands to Region #0", types(inits), types(before.entry.args), fail)) return;
    if (condition.is(go)) {
      const handed = types(go.operands.slice(1));
      if (!checkEdge("from Region #0 to Region #1", handed, types(after.entry.args), fail)) return;
      if (!checkEdge("from Region #0 to parent results", handed, types(results), fail)) return;
    }
    if (
      yield_.is(again) &&
      !checkEdge("from Region #1 to Region #0", types(again.operands), types(before.entry.args), fail)
    ) {
      return;
    }
    if (terminatorOf(before, condition, "expects the 'before' region to terminate with 'scf.condition'", fail)) {
      terminatorOf(after, yield_, "expects the 'after' region to terminate with 'scf.yield'", fail);
    }
  },
  evaluate({ inits, before, after }, run) {
    let args: readonly unknown[] = inits;
    for (;;) {
      const [go, ...handed] = run.call(before, args);
      if (!go) return handed;
      args = run.call(after, handed);
    }
  },
});

export { while_ as while };
