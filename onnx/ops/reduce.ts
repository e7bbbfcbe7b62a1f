/** @file Reductions, and running sums. */
import { exp, is_inf, log, sqrt } from "../../dialects/graph/activations.ts";
import { abs, add, mul, select, sub } from "../../dialects/graph/elementwise.ts";
import {
  arg_extreme,
  reduce_max,
  reduce_mean,
  reduce_min,
  reduce_prod,
  reduce_sum,
} from "../../dialects/graph/reduce.ts";
import { cumprod, cumsum } from "../../dialects/graph/scan.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { type NodeBuilder, tensorType } from "../node-builder.ts";
import { attr, defineImport, type ImportRow, one, optional, type TensorValue } from "../op.ts";
import { axesOf, axisOf } from "./shape.ts";

interface Over {
  readonly axes: readonly number[];
  readonly keepdims: boolean;
}
type Reduce = (b: NodeBuilder, x: Value, over: Over) => Value;

const l2: Reduce = (b, x, over) => sqrt(b, reduce_sum(b, mul(b, x, x), over));

/** log of the sum of e^x, with the largest x taken out so that nothing overflows. */
function logSumExp(b: NodeBuilder, x: Value, over: Over): Value {
  const largest = reduce_max(b, x, { ...over, keepdims: true });
  const finite = select(b, is_inf(b, largest), b.scalar(0, x), largest);
  const sums = log(b, reduce_sum(b, exp(b, sub(b, x, finite)), { ...over, keepdims: true }));
  const result = add(b, sums, finite);
  if (over.keepdims) return result;
  return reshape(b, result, undefined, { shape: tensorType(x).shape.filter((_, i) => !over.axes.includes(i)) });
}

/** Axes as they are counted here; without any all of them, or none. */
function over(
  x: TensorValue,
  axes: readonly number[] | undefined,
  keepdims: boolean,
  noop: boolean,
  b: NodeBuilder,
): Over | undefined {
  const rank = x.type.shape.length;
  const given = axes && axes.length > 0 ? axesOf(axes, rank, b) : noop ? [] : x.type.shape.map((_, i) => i);
  return given && { axes: [...new Set(given)].sort((p, q) => p - q), keepdims };
}

/** The form with axes as an attribute, and from `since` on as an input. */
const reduction = (name: string, since: number, op: Reduce): ImportRow[] => [
  defineImport(name, {
    since,
    inputs: [one("data"), optional("axes")],
    attrs: { keepdims: attr.bool.default(true), noop_with_empty_axes: attr.bool.default(false) },
    import({ data, axes, keepdims, noop_with_empty_axes }, b) {
      const given = axes && b.numbers(axes, "axes");
      if (axes && !given) return undefined;
      const where = over(data, given, keepdims, noop_with_empty_axes, b);
      return where && op(b, data, where);
    },
  }),
  defineImport(name, {
    since: 1,
    inputs: [one("data")],
    attrs: { axes: attr.ints.optional(), keepdims: attr.bool.default(true) },
    import({ data, axes, keepdims }, b) {
      const where = over(data, axes, keepdims, false, b);
      return where && op(b, data, where);
    },
  }),
];

export const reductions: readonly ImportRow[] = [
  reduction("ReduceSum", 13, (b, x, o) => reduce_sum(b, x, o)),
  reduction("ReduceMean", 18, (b, x, o) => reduce_mean(b, x, o)),
  reduction("ReduceProd", 18, (b, x, o) => reduce_prod(b, x, o)),
  reduction("ReduceMax", 18, (b, x, o) => reduce_max(b, x, o)),
  reduction("ReduceMin", 18, (b, x, o) => reduce_min(b, x, o)),
  reduction("ReduceL1", 18, (b, x, o) => reduce_sum(b, abs(b, x), o)),
  reduction("ReduceL2", 18, l2),
  reduction("ReduceLogSum", 18, (b, x, o) => log(b, reduce_sum(b, x, o))),
  reduction("ReduceLogSumExp", 18, logSumExp),
  reduction("ReduceSumSquare", 18, (b, x, o) => reduce_sum(b, mul(b, x, x), o)),
].flat();

const extreme = (name: string, smallest: boolean): ImportRow =>
  defineImport(name, {
    since: 1,
    inputs: [one("data")],
    attrs: {
      axis: attr.int.default(0),
      keepdims: attr.bool.default(true),
      select_last_index: attr.bool.default(false),
    },
    import({ data, axis, keepdims, select_last_index }, b) {
      const at = axisOf(axis, data.type.shape.length, b);
      return at === undefined
        ? undefined
        : arg_extreme(b, data, { axis: at, keepdims, smallest, last: select_last_index });
    },
  });

export const ArgMax = extreme("ArgMax", false);
export const ArgMin = extreme("ArgMin", true);

const running = (name: string, since: number, op: typeof cumsum | typeof cumprod): ImportRow =>
  defineImport(name, {
    since,
    inputs: [one("x"), one("axis")],
    attrs: { exclusive: attr.bool.default(false), reverse: attr.bool.default(false) },
    import({ x, axis, exclusive, reverse }, b) {
      const given = b.numbers(axis, "axis")?.[0];
      const at = given === undefined ? undefined : axisOf(given, x.type.shape.length, b);
      return at === undefined ? undefined : op(b, x, { axis: at, exclusive, reverse });
    },
  });

export const CumSum = running("CumSum", 11, cumsum);
export const CumProd = running("CumProd", 26, cumprod);
