/**
 * @file Minima and maxima of vectors. `f32x4.min` and `max` take several times as long as `pmin` and `pmax`, which are
 * one comparison and a choice; so they are said with those, such that NaN still comes through.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as vector from "../../dialects/vector/index.ts";
import * as wasm from "../../dialects/wasm.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { f32, f64, i32, i64, type VectorType, withElement } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import type { NDArray } from "../../support/ndarray.ts";

export const signsOfZero = defineInexact({
  name: "minima and maxima of two zeros",
  from: "default",
  bound: "the sign of a result that is 0 may be that of either zero; everything else is exact",
});

export const minMax = definePass("wasm-min-max", {
  doc: "Says minima and maxima of vectors with `pmin` and `pmax`, which are quicker than `min` and `max`.",
  on: func.func,
  options: {},
  run(fn) {
    const found: Operation[] = [];
    fn.walk((op) => {
      const type = op.results[0]?.type;
      if (type?.kind === "vector" && (type.element === f32 || type.element === f64)) found.push(op);
    });
    const anyZero = allows(fn, signsOfZero);
    let changed = false;
    for (const op of found) {
      const value = rewritten(op, anyZero);
      if (!value) continue;
      op.result().replaceAllUsesWith(value);
      op.erase();
      changed = true;
    }
    return changed;
  },
});

function rewritten(op: Operation, anyZero: boolean): Value | undefined {
  const b = Builder.before(op);
  const chosen = arith.select.match(op);
  if (chosen) return clamped(b, chosen);
  const most = arith.maximumf.match(op);
  const least = arith.minimumf.match(op);
  const view = most ?? least;
  if (!view) return undefined;
  const quick = most ? wasm.pmax : wasm.pmin;
  for (const [x, bound] of [
    [view.lhs, view.rhs],
    [view.rhs, view.lhs],
  ] as const) {
    const n = splat(bound);
    // The first operand is what a NaN, or a zero of the other sign, comes through with.
    if (n !== undefined && !Number.isNaN(n) && (n !== 0 || anyZero)) return quick(b, x, bound);
  }
  if (!anyZero) return undefined;
  if (view.fastmath.includes("nnan")) return quick(b, view.lhs, view.rhs);
  // Each way round lets the NaN of one operand through; both give the same bits otherwise, but for signs of zero.
  const type = view.result.type as VectorType;
  const words = withElement(type, type.element === f32 ? i32 : i64);
  const bits = (x: Value): Value => arith.bitcast(b, x, { types: [words] });
  const both = arith.ori(b, bits(quick(b, view.lhs, view.rhs)), bits(quick(b, view.rhs, view.lhs)));
  return arith.bitcast(b, both, { types: [type] });
}

/** x < c ? c : x is pmax(x, c), and x > c ? c : x is pmin(x, c), by their definitions. */
function clamped(b: Builder, chosen: ReturnType<typeof arith.select.of>): Value | undefined {
  const test = arith.cmpf.match(chosen.condition);
  if (!test || test.rhs !== chosen.true_value || test.lhs !== chosen.false_value) return undefined;
  if (test.predicate === "olt") return wasm.pmax(b, test.lhs, test.rhs);
  return test.predicate === "ogt" ? wasm.pmin(b, test.lhs, test.rhs) : undefined;
}

/** The number in all lanes of a constant. */
function splat(v: Value): number | undefined {
  const source = vector.broadcast.match(v)?.source ?? v;
  const value = arith.constant.match(source)?.value;
  if (value?.kind === "float") return value.value;
  if (value?.kind === "dense" && value.splat) return Number((datumOfAttribute(value) as NDArray).getData(0));
  return undefined;
}
