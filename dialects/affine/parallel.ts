/** @file The affine parallel loop: several counters, any order, and reductions of what it yields. */
import { type Attr, attr } from "../../ir/attributes.ts";
import { Any, Index } from "../../ir/constraints.ts";
import type { Region, Value } from "../../ir/core.ts";
import { arrayOfDense, denseOfArray, toType } from "../../ir/datum.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many } from "../../ir/fields.ts";
import { loopLike } from "../../ir/interfaces.ts";
import { AutomaticAllocationScope, type Fail, RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import { arrayAttribute, elementOf, i32, i64, index, integerAttribute, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { type AtomicKind, applyKind, atomicKinds, isFloatKind } from "../memref/access.ts";
import { forEachIndex } from "../vector/data.ts";
import { type Bounds, parseBounds, printBounds } from "./bounds.ts";
import { evaluateOn } from "./maps.ts";
import { affineLoop, verifyMapOperands } from "./scope.ts";
import { implied, yield as yield_ } from "./yield.ts";

/** `dense<[1, 2]> : tensor<2xi32>`: how many results of a bounds map belong to each loop. */
const groups: Attr<readonly number[], true> = attr.custom<readonly number[]>(
  "32-bit signless integer elements attribute",
  { kind: "full" },
  (v) => denseOfArray(NDArray.from("i32", [v.length], v), tensor([v.length], i32)),
  (a) => (a.kind === "dense" && elementOf(a.type) === i32 ? arrayOfDense(a)?.values().map(Number) : undefined),
);

/** `[0, 1]`: numbers of the kinds by which results are reduced. */
const reductions: Attr<readonly AtomicKind[], true> = attr.custom<readonly AtomicKind[]>(
  "Reduction ops",
  { kind: "full" },
  (v) => arrayAttribute(v.map((k) => integerAttribute(atomicKinds.indexOf(k), i64))),
  (a) => {
    if (a.kind !== "array") return undefined;
    const kinds = a.elements.map((e) => (e.kind === "integer" ? atomicKinds[Number(e.value)] : undefined));
    return kinds.every((k) => k !== undefined) ? kinds : undefined;
  },
);

const own = ["reductions", "lowerBoundsMap", "lowerBoundsGroups", "upperBoundsMap", "upperBoundsGroups", "steps"];

interface Loops {
  readonly lowerBoundsMap: Bounds["map"];
  readonly lowerBoundsGroups: readonly number[];
  readonly upperBoundsMap: Bounds["map"];
  readonly upperBoundsGroups: readonly number[];
}

/** The two bounds with their shares of the operands: those of the lower one come first. */
function boundsOf<T>(v: Loops, operands: readonly T[]) {
  const lower = v.lowerBoundsMap.numDims + v.lowerBoundsMap.numSymbols;
  return {
    lower: { map: v.lowerBoundsMap, groups: v.lowerBoundsGroups, values: operands.slice(0, lower) },
    upper: { map: v.upperBoundsMap, groups: v.upperBoundsGroups, values: operands.slice(lower) },
  };
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

export const parallel = defineOp("affine.parallel", {
  doc: "Runs its region for every point of a box with affine bounds, in any order; what it yields is combined by `reductions`.",
  operands: [many("mapOperands", Index)],
  attrs: {
    reductions,
    lowerBoundsMap: attr.map,
    lowerBoundsGroups: groups,
    upperBoundsMap: attr.map,
    upperBoundsGroups: groups,
    steps: attr.intArray,
  },
  results: [many("results", Any)],
  regions: ["region"],
  traits: [AutomaticAllocationScope, SingleBlock, RecursiveEffects],
  interfaces: [
    affineLoop({ isLoop: true }),
    loopLike({
      body: (op): Region => op.region(),
      bounds: () => undefined,
      inductionVariable: (op): Value | undefined => op.region().entry.args[0],
      carried: () => [],
    }),
  ],
  enter: ({ steps }) => ({ region: steps.map(() => index) }),
  terminator: (): OpInfo => yield_,
  parse(p, at) {
    const counters = p.arguments("()", false);
    p.punct("=");
    const lower = parseBounds(p, "max");
    p.keyword("to");
    const upper = parseBounds(p, "min");
    let steps = counters.map(() => 1);
    if (p.optionalKeyword("step")) {
      const { map } = p.affineMapOfOperands("()");
      steps = map.results.map((r) => (r.kind === "constant" ? r.value : p.fail("steps must be constant integers", at)));
    }
    const kinds: AtomicKind[] = [];
    if (p.optionalKeyword("reduce")) {
      p.list("()", () => {
        const there = p.here();
        const word = p.string();
        const kind = atomicKinds.find((k) => k === word);
        kinds.push(kind ?? p.fail(`invalid reduction value: "${word}"`, there));
      });
    }
    const resultTypes = p.optionalArrowTypes();
    const region = p.region(counters.map((c) => ({ ...c, type: index })));
    p.ensureTerminator(region, implied(at));
    return {
      operands: [...lower.values, ...upper.values],
      props: {
        reductions: kinds,
        lowerBoundsMap: lower.map,
        lowerBoundsGroups: lower.groups,
        upperBoundsMap: upper.map,
        upperBoundsGroups: upper.groups,
        steps,
      },
      attributes: p.attrDict(),
      resultTypes,
      regions: [region],
    };
  },
  print(view, p) {
    const { op, steps, region, results, mapOperands } = view;
    const { lower, upper } = boundsOf(view, mapOperands);
    p.write(" (");
    p.operands(region.entry.args);
    p.write(") = (");
    printBounds(lower, "max", p);
    p.write(") to (");
    printBounds(upper, "min", p);
    p.write(")");
    if (steps.some((s) => s !== 1)) p.write(` step (${steps.join(", ")})`);
    if (results.length > 0) {
      p.write(` reduce (${view.reductions.map((k) => `"${k}"`).join(", ")}) -> (`);
      p.types(results.map((r) => r.type));
      p.write(")");
    }
    p.write(" ");
    p.region(region, { entryArgs: false, terminator: results.length > 0 });
    p.attrDict(op, own);
  },
  verify(view, fail) {
    const { op, steps, region, mapOperands, lowerBoundsGroups: lows, upperBoundsGroups: ups } = view;
    const args = region.blocks[0]?.args.length ?? 0;
    if (lows.length !== steps.length || ups.length !== steps.length || args !== steps.length) {
      fail(
        `the number of region arguments (${args}) and the number of map groups for lower (${lows.length}) and upper bound (${ups.length}), and the number of steps (${steps.length}) must all match`,
        { code: "verify/region" },
      );
      return;
    }
    const { lower, upper } = boundsOf(view, mapOperands);
    for (const [what, bound] of [
      ["lower", lower],
      ["upper", upper],
    ] as const) {
      if (sum(bound.groups) !== bound.map.results.length) {
        fail(`expected ${what} bounds map to have ${sum(bound.groups)} results`, { code: "verify/attribute" });
        return;
      }
    }
    if (!verifyReductions(view.reductions, view.results, fail)) return;
    for (const bound of [lower, upper]) {
      if (!verifyMapOperands(op, bound.values, bound.map.numDims, fail)) return;
    }
  },
  evaluate(view, run) {
    const { lower, upper } = boundsOf(view, view.mapOperands);
    const pick = (bound: typeof lower, best: (...x: number[]) => number): number[] => {
      const all = evaluateOn(bound.map, bound.values);
      let end = 0;
      return bound.groups.map((n) => {
        end += n;
        return best(...all.slice(end - n, end));
      });
    };
    const from = pick(lower, Math.max);
    const to = pick(upper, Math.min);
    const counts = view.steps.map((s, d) => Math.max(0, Math.ceil((to[d]! - from[d]!) / s)));
    let results: Num[] | undefined;
    forEachIndex(counts, (at) => {
      const values = run.call(
        view.region,
        at.map((n, d) => from[d]! + n * view.steps[d]!),
      ) as readonly Num[];
      results = values.map((x, i) => (results ? applyKind(view.reductions[i]!, run.resultType(i), results[i]!, x) : x));
    });
    return results ?? view.reductions.map((k, i) => neutral(k, run.resultType(i)));
  },
});

function verifyReductions(kinds: readonly AtomicKind[], results: readonly Value[], fail: Fail): boolean {
  if (kinds.length !== results.length) {
    fail("a reduction must be specified for each output", { code: "verify/attribute" });
    return false;
  }
  const fits = (t: Type, k: AtomicKind): boolean =>
    k === "assign" || (isFloatKind(k) ? t.kind === "float" : t.kind === "integer");
  if (results.every((r, i) => fits(r.type, kinds[i]!))) return true;
  fail("result type cannot match reduction attribute", { code: "verify/attribute" });
  return false;
}

/** What a reduction of no point gives. */
function neutral(kind: AtomicKind, t: Type): Num {
  const width = t.kind === "integer" ? t.width : 64;
  const top = 1n << BigInt(width - 1);
  switch (kind) {
    case "mulf":
    case "muli":
      return toType(t, 1n);
    case "maximumf":
    case "maxnumf":
      return Number.NEGATIVE_INFINITY;
    case "minimumf":
    case "minnumf":
      return Number.POSITIVE_INFINITY;
    case "maxs":
      return toType(t, -top);
    case "mins":
      return toType(t, top - 1n);
    case "andi":
    case "minu":
      return toType(t, -1n);
    default:
      return toType(t, 0n);
  }
}
