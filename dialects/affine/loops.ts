/** @file The affine loop: its bounds are affine in outer counters and symbols. */
import { attr } from "../../ir/attributes.ts";
import { Any, Index } from "../../ir/constraints.ts";
import type { Region, Value } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many } from "../../ir/fields.ts";
import { loopLike } from "../../ir/interfaces.ts";
import { AutomaticAllocationScope, RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import { index } from "../../ir/types.ts";
import { assignments, printAssignments } from "../scf/loops.ts";
import { type Bound, parseBound, printBound } from "./bounds.ts";
import { evaluateOn } from "./maps.ts";
import { affineLoop, verifyMapOperands } from "./scope.ts";
import { implied, yield as yield_ } from "./yield.ts";

/** The bound that a map of one constant result is, else undefined. */
function fixedBound({ map, values }: Bound): Value | number | undefined {
  const only = map.results.length === 1 ? map.results[0]! : undefined;
  if (only?.kind === "constant") return only.value;
  if (only?.kind === "symbol" || only?.kind === "dim")
    return values[only.kind === "dim" ? only.index : map.numDims + only.index];
  return undefined;
}

interface LoopBounds {
  readonly lower: Value | number;
  readonly upper: Value | number;
  readonly step: number;
}

const for_ = defineOp("affine.for", {
  doc: "Counts from the greatest result of one map up to the least of another, and carries values from turn to turn.",
  operands: [many("lowerBoundOperands", Index), many("upperBoundOperands", Index), many("inits", Any)],
  attrs: { lowerBoundMap: attr.map, upperBoundMap: attr.map, step: attr.index },
  results: [many("results", Any)],
  regions: ["region"],
  traits: [AutomaticAllocationScope, SingleBlock, RecursiveEffects],
  interfaces: [
    affineLoop({ isLoop: true }),
    loopLike({
      body: (op): Region => op.region(),
      bounds(op): LoopBounds | undefined {
        const view = for_.of(op);
        const lower = fixedBound({ map: view.lowerBoundMap, values: view.lowerBoundOperands });
        const upper = fixedBound({ map: view.upperBoundMap, values: view.upperBoundOperands });
        return lower === undefined || upper === undefined ? undefined : { lower, upper, step: view.step };
      },
      inductionVariable: (op): Value | undefined => op.region().entry.args[0],
      carried: (op) => {
        const { args, last } = op.region().entry;
        // The carried values are the last operands.
        const first = op.operandCount - op.results.length;
        return op.results.map((result, i) => ({
          init: op.operand(first + i),
          arg: args[i + 1]!,
          next: last!.operand(i),
          result,
        }));
      },
    }),
  ],
  infer: ({ inits }) => inits.map((v) => v.type),
  inferLoosely: true,
  enter: ({ inits }) => ({ region: [index, ...inits.map((v) => v.type)] }),
  terminator: (): OpInfo => yield_,
  parse(p, at) {
    const counter = p.argument(false);
    p.punct("=");
    const lower = parseBound(p, "max", at);
    if (!p.optionalKeyword("to")) return p.fail("expected 'to' between bounds");
    const upper = parseBound(p, "min", at);
    let step = 1;
    if (p.optionalKeyword("step")) {
      const stepAt = p.here();
      const given = p.attribute(index);
      step = given.kind === "integer" ? Number(given.value) : Number.NaN;
      if (!(step >= 0)) return p.fail("expected step to be representable as a positive signed integer", stepAt);
    }
    const carried = p.optionalKeyword("iter_args") ? assignments(p) : undefined;
    const types = carried ? p.arrowTypes() : [];
    const list = carried ?? [];
    if (list.length !== types.length) {
      return p.fail("mismatch between the number of loop-carried values and results", at);
    }
    const inits = p.resolveAll(
      list.map((c) => c.init),
      types,
    );
    const region = p.region([{ ...counter, type: index }, ...list.map((c, i) => ({ ...c.argument, type: types[i] }))]);
    p.ensureTerminator(region, implied(at));
    return {
      operands: [...lower.values, ...upper.values, ...inits],
      operandSegments: [lower.values.length, upper.values.length, inits.length],
      props: { lowerBoundMap: lower.map, upperBoundMap: upper.map, step },
      attributes: p.attrDict(),
      resultTypes: types,
      regions: [region],
    };
  },
  print(view, p) {
    const [counter, ...carried] = view.region.entry.args;
    p.write(" ");
    p.operand(counter!);
    p.write(" = ");
    printBound({ map: view.lowerBoundMap, values: view.lowerBoundOperands }, "max", p);
    p.write(" to ");
    printBound({ map: view.upperBoundMap, values: view.upperBoundOperands }, "min", p);
    if (view.step !== 1) p.write(` step ${view.step}`);
    if (view.inits.length > 0) {
      printAssignments(p, " iter_args", carried, view.inits);
      p.write(" -> (");
      p.types(view.results.map((r) => r.type));
      p.write(")");
    }
    p.write(" ");
    p.region(view.region, { entryArgs: false, terminator: view.inits.length > 0 });
    p.attrDict(view.op, ["lowerBoundMap", "upperBoundMap", "step"]);
  },
  verify(view, fail) {
    const { op, inits, results, region } = view;
    const args = region.blocks[0]?.args ?? [];
    const code = "verify/region";
    if (args.length === 0 || args[0]!.type !== index) {
      fail("expected body to have a single index argument for the induction variable", { code });
      return;
    }
    for (const [map, values] of [
      [view.lowerBoundMap, view.lowerBoundOperands],
      [view.upperBoundMap, view.upperBoundOperands],
    ] as const) {
      if (values.length !== map.numDims + map.numSymbols) {
        fail("operand count and affine map dimension and symbol count must match", { code: "verify/operands" });
        return;
      }
      if (!verifyMapOperands(op, values, map.numDims, fail)) return;
    }
    if (inits.length !== results.length) {
      fail("mismatch between the number of loop-carried values and results", { code: "verify/operands" });
    } else if (args.length !== results.length + 1) {
      fail("mismatch between the number of basic block args and results", { code });
    }
  },
  evaluate(view, run) {
    const { step } = view;
    if (step <= 0) run.fail(`the step ${step} is not positive`);
    const end = Math.min(...evaluateOn(view.upperBoundMap, view.upperBoundOperands));
    let carried: readonly unknown[] = view.inits;
    for (let i = Math.max(...evaluateOn(view.lowerBoundMap, view.lowerBoundOperands)); i < end; i += step) {
      carried = run.call(view.region, [i, ...carried]);
    }
    return carried;
  },
});

export { for_ as for };
