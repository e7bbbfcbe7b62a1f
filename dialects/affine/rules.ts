/** @file The rules of affine: maps take in what their operands are, known bounds, trivial loops. */
import {
  type AffineExpr,
  type AffineMap,
  affineMap,
  constant,
  dim,
  substitute,
  symbol,
  walkExpr,
} from "../../ir/affine.ts";
import { Region, type Value } from "../../ir/core.ts";
import type { RuleLike, ViewOf } from "../../ir/define.ts";
import { indexConstant, knownNumber } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { type Rooted, type Rule, rule } from "../../rewrite/rule.ts";
import { beforeCast } from "../memref/rules-view.ts";
import { load, prefetch, store, vector_load, vector_store } from "./access.ts";
import { for as for_ } from "./loops.ts";
import { apply, max, min } from "./maps.ts";

/** A map and what it is applied to: dimensions first, then symbols. */
interface Applied {
  readonly map: AffineMap;
  readonly values: readonly Value[];
}

/** Collects the operands of a map that is being made: each once as a dimension, once as a symbol. */
class Operands {
  readonly dims: Value[] = [];
  readonly symbols: Value[] = [];

  expr(v: Value, isSymbol: boolean): AffineExpr {
    const list = isSymbol ? this.symbols : this.dims;
    const had = list.indexOf(v);
    const at = had >= 0 ? had : list.push(v) - 1;
    return isSymbol ? symbol(at) : dim(at);
  }
}

/** What an operand is, in terms of others: a number, what an apply computes, or itself. */
function exprOf(v: Value, isSymbol: boolean, operands: Operands): AffineExpr {
  const n = knownNumber(v);
  if (n !== undefined) return constant(n);
  const inner = apply.match(v);
  if (!inner) return operands.expr(v, isSymbol);
  const { map, mapOperands } = inner;
  // In the place of a symbol an apply is itself made of symbols.
  const exprs = mapOperands.map((o, i) => exprOf(o, isSymbol || i >= map.numDims, operands));
  return substitute(map.results[0]!, exprs.slice(0, map.numDims), exprs.slice(map.numDims));
}

/** The map with numbers and applies taken in, each operand once and none that is not used; undefined if it is so already. */
function simplified({ map, values }: Applied): Applied | undefined {
  const operands = new Operands();
  const exprs = values.map((v, i) => exprOf(v, i >= map.numDims, operands));
  const results = map.results.map((r) => substitute(r, exprs.slice(0, map.numDims), exprs.slice(map.numDims)));
  const used = new Set<AffineExpr>();
  for (const r of results) walkExpr(r, (e) => used.add(e));
  const dims = operands.dims.filter((_, i) => used.has(dim(i)));
  const symbols = operands.symbols.filter((_, i) => used.has(symbol(i)));
  const newDims = operands.dims.map((v) => dim(Math.max(0, dims.indexOf(v))));
  const newSymbols = operands.symbols.map((v) => symbol(Math.max(0, symbols.indexOf(v))));
  const made = affineMap(
    dims.length,
    symbols.length,
    results.map((r) => substitute(r, newDims, newSymbols)),
  );
  const all = [...dims, ...symbols];
  const same = made === map && all.length === values.length && all.every((v, i) => v === values[i]);
  return same ? undefined : { map: made, values: all };
}

// --- computed indices ---------------------------------------------------------------------------------------------

/** The operand or number that an expression is. */
function termValue(e: AffineExpr, { map, values }: Applied, rw: Rewriter): Value | undefined {
  if (e.kind === "constant") return indexConstant(rw, e.value);
  if (e.kind === "dim") return values[e.index];
  return e.kind === "symbol" ? values[map.numDims + e.index] : undefined;
}

const applies: readonly RuleLike[] = [
  rule(apply, "an operand or a number", ({ map, mapOperands }, rw) =>
    termValue(map.results[0]!, { map, values: mapOperands }, rw),
  ),
  ...[apply, min, max].map((op) =>
    rule(op, "operands that are known, or applied themselves", ({ map, mapOperands }, rw) => {
      const now = simplified({ map, values: mapOperands });
      return now && op(rw, now.values, { map: now.map });
    }),
  ),
  ...[min, max].flatMap((op) => [
    rule(op, "one result", ({ map, mapOperands }, rw) =>
      map.results.length === 1 ? apply(rw, mapOperands, { map }) : undefined,
    ),
    rule(op, "results once, and only the least (greatest) number", ({ map, mapOperands }, rw) => {
      const least = op === min;
      const numbers = map.results.flatMap((r) => (r.kind === "constant" ? [r.value] : []));
      const limit = least ? Math.min(...numbers) : Math.max(...numbers);
      const results = map.results.filter((r) => r.kind !== "constant");
      const distinct = [...new Set(results), ...(numbers.length > 0 ? [constant(limit)] : [])];
      if (distinct.length === map.results.length) return undefined;
      return op(rw, mapOperands, { map: affineMap(map.numDims, map.numSymbols, distinct) });
    }),
  ]),
];

// --- accesses -----------------------------------------------------------------------------------------------------

/** An access whose operands before the indices stay; the map takes in what the indices are. */
const access = <
  V extends { readonly op: ViewOf<typeof load>["op"]; readonly map: AffineMap; readonly indices: readonly Value[] },
>(
  root: Rooted<V>,
): Rule =>
  rule(root, "indices that are known, or applied", ({ op, map, indices }, rw) => {
    const now = simplified({ map, values: indices });
    if (!now) return undefined;
    const rest = op.operands.slice(0, op.operandCount - indices.length);
    rw.modify(op, () => {
      op.props[op.def.attrIndex.get("map")!] = now.map;
    });
    rw.setOperands(op, [...rest, ...now.values]);
    return true;
  });

const accesses: readonly RuleLike[] = [
  access(load),
  access(store),
  access(vector_load),
  access(vector_store),
  access(prefetch),
  ...[load, store].map((op) =>
    rule<{ readonly op: ViewOf<typeof load>["op"]; readonly memref: Value }>(
      op,
      "memory that was cast",
      ({ op: self, memref }, rw) => {
        const from = beforeCast(memref);
        const at = self.uses.findIndex((u) => u.value === memref);
        if (from) rw.setOperand(self, at, from);
        return from !== undefined;
      },
    ),
  ),
];

// --- loops --------------------------------------------------------------------------------------------------------

type For = ViewOf<typeof for_>;

const boundOf = (map: AffineMap): number | undefined =>
  map.results.every((r) => r.kind === "constant") ? map.results.length : undefined;

function tripCount({ lowerBoundMap, upperBoundMap, step }: For): number | undefined {
  if (boundOf(lowerBoundMap) === undefined || boundOf(upperBoundMap) === undefined || step <= 0) return undefined;
  const numbers = (m: AffineMap): number[] => m.results.map((r) => (r.kind === "constant" ? r.value : Number.NaN));
  const low = Math.max(...numbers(lowerBoundMap));
  return Math.max(0, Math.ceil((Math.min(...numbers(upperBoundMap)) - low) / step));
}

/** The same loop with other bounds or carried values; its body moves into the new one. */
function rebuilt(view: For, lower: Applied, upper: Applied, kept: readonly number[], rw: Rewriter): readonly Value[] {
  const { op, inits, region, step } = view;
  const end = region.entry.last!;
  const handed = end.operands;
  if (kept.length < inits.length) {
    rw.setOperands(
      end,
      kept.map((i) => handed[i]!),
    );
    for (let i = inits.length - 1; i >= 0; i--) if (!kept.includes(i)) region.entry.eraseArgument(i + 1);
  }
  const body = new Region();
  body.takeBlocks(region);
  return for_(
    rw,
    lower.values,
    upper.values,
    kept.map((i) => inits[i]!),
    {
      lowerBoundMap: lower.map,
      upperBoundMap: upper.map,
      step,
      region: body,
      types: kept.map((i) => op.results[i]!.type),
      ...(op.attributes ? { extra: op.attributes } : {}),
    },
  );
}

const boundsOf = (view: For): readonly [Applied, Applied] => [
  { map: view.lowerBoundMap, values: view.lowerBoundOperands },
  { map: view.upperBoundMap, values: view.upperBoundOperands },
];

const loops: readonly RuleLike[] = [
  rule(for_, "bounds that are known, or applied", (view, rw) => {
    const [lower, upper] = boundsOf(view);
    const [a, b] = [simplified(lower), simplified(upper)];
    if (!a && !b) return undefined;
    return rebuilt(
      view,
      a ?? lower,
      b ?? upper,
      view.inits.map((_, i) => i),
      rw,
    );
  }),
  rule(for_, "a loop that never runs, or once", (view, rw) => {
    const trips = tripCount(view);
    if (trips === 0) return view.inits;
    if (trips !== 1) return undefined;
    const [first] = view.lowerBoundMap.results.map((r) => (r.kind === "constant" ? r.value : 0)).sort((a, b) => b - a);
    rw.replaceWithRegion(view.op, view.region, [indexConstant(rw, first!), ...view.inits]);
    return true;
  }),
  rule(for_, "values that every turn hands on as they were", (view, rw) => {
    const { inits, region } = view;
    const { args, last } = region.entry;
    const dropped = new Set<number>();
    inits.forEach((init, i) => {
      const handed = last!.operand(i);
      if (handed !== args[i + 1] && handed !== init) return;
      rw.replaceUses(args[i + 1]!, init);
      dropped.add(i);
    });
    if (dropped.size === 0) return undefined;
    const kept = inits.map((_, i) => i).filter((i) => !dropped.has(i));
    const [lower, upper] = boundsOf(view);
    const results = rebuilt(view, lower, upper, kept, rw);
    return inits.map((init, i) => (dropped.has(i) ? init : results[kept.indexOf(i)]!));
  }),
];

export const rules: readonly RuleLike[] = [...applies, ...accesses, ...loops];
