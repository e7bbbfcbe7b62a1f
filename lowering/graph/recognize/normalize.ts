/** @file Softmax, layer normalisation and RMS normalisation that exporters write out. */
import * as activations from "../../../dialects/graph/activations.ts";
import * as elementwise from "../../../dialects/graph/elementwise.ts";
import * as normalize from "../../../dialects/graph/normalize.ts";
import * as reduce from "../../../dialects/graph/reduce.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import type { RuleLike } from "../../../ir/define.ts";
import type { TensorType } from "../../../ir/types.ts";
import { allows, defineInexact } from "../../../rewrite/numerics.ts";
import type { Rewriter } from "../../../rewrite/rewriter.ts";
import { rule } from "../../../rewrite/rule.ts";
import { knownOf } from "../constants.ts";
import { bothWays, numberOf, plusNumber, shapeOf, squareOf } from "./match.ts";

export const writtenNorms = defineInexact({
  name: "normalisations written out are one op",
  from: "default",
  bound: "3 ulp of the largest element of a row: a factor 1 / √v in place of a division by √v",
});

/** Axes are the last ones: the first of them. */
function trailing(axes: readonly number[], rank: number): number | undefined {
  const first = rank - axes.length;
  return axes.length > 0 && axes.every((a, i) => a === first + i) ? first : undefined;
}

/** The x of a mean over trailing axes that keeps its dimensions. */
function meanOf(v: Value): { readonly x: Value; readonly axis: number } | undefined {
  const mean = reduce.reduce_mean.match(v);
  const axis = mean?.keepdims ? trailing(mean.axes, shapeOf(mean.x).length) : undefined;
  return mean && axis !== undefined ? { x: mean.x, axis } : undefined;
}

/** √(mean of squares + epsilon): of what, and with which epsilon. */
function rootMeanSquare(v: Value): { readonly of: Value; readonly axis: number; readonly epsilon: number } | undefined {
  const root = activations.sqrt.match(v);
  const sum = root && plusNumber(root.x);
  const mean = sum && sum.number >= 0 ? meanOf(sum.x) : undefined;
  const of = mean && squareOf(mean.x);
  return sum && mean && of ? { of, axis: mean.axis, epsilon: sum.number } : undefined;
}

/** x less its mean over the axes from `axis` on. */
function centred(v: Value, axis: number): Value | undefined {
  const difference = elementwise.sub.match(v);
  const mean = difference && meanOf(difference.b);
  return mean && mean.x === difference.a && mean.axis === axis ? mean.x : undefined;
}

/** y / √(mean y² + epsilon): a layer norm if y is x less its mean, else an RMS norm. */
function normalized(op: Operation, y: Value, root: Value, rw: Rewriter): Value | undefined {
  const rms = rootMeanSquare(root);
  if (rms?.of !== y || !allows(op, writtenNorms)) return undefined;
  const { axis, epsilon } = rms;
  const stash = (y.type as TensorType).element;
  const x = centred(y, axis);
  if (x) return normalize.layer_norm(rw, x, undefined, undefined, { axis, epsilon, stash });
  return normalize.rms_norm(rw, y, undefined, { axis, epsilon, stash });
}

/** What a value is 1 divided by. */
function reciprocalOf(v: Value): Value | undefined {
  const one = elementwise.div.match(v);
  if (one && numberOf(one.a) === 1) return one.b;
  return activations.reciprocal.match(v)?.x;
}

/** A constant that scales or shifts all rows alike: it has no more dimensions than what is normalized. */
const isAffine = (v: Value, x: Value, axis: number): boolean => {
  const shape = shapeOf(v);
  const rank = shapeOf(x).length;
  if (!knownOf(v) || shape.length > rank) return false;
  return shape.every((d, i) => d === 1 || i + rank - shape.length >= axis);
};

/** Indices of a softmax: e^s / sum e^s where s is x less its maximum, all along one axis. */
function softmaxAxis(s: Value, sum: ReturnType<typeof reduce.reduce_sum.of>): readonly [Value, number] | undefined {
  const [axis] = sum.axes;
  const shifted = elementwise.sub.match(s);
  const top = shifted && reduce.reduce_max.match(shifted.b);
  const same = top?.keepdims && sum.keepdims && top.axes.length === 1 && sum.axes.length === 1 && top.axes[0] === axis;
  return shifted && top && same && top.x === shifted.a && axis !== undefined ? [shifted.a, axis] : undefined;
}

export const normalizeRules: readonly RuleLike[] = [
  rule(elementwise.div, "softmax: exponentials divided by their sum", ({ a, b }, rw) => {
    const power = activations.exp.match(a);
    const sum = reduce.reduce_sum.match(b);
    const found = power && sum?.x === a ? softmaxAxis(power.x, sum) : undefined;
    return found && normalize.softmax(rw, found[0], { axis: found[1] });
  }),
  rule(elementwise.div, "a normalisation: divided by the root of the mean square", ({ op, a, b }, rw) =>
    normalized(op, a, b, rw),
  ),
  rule(elementwise.mul, "a normalisation: times 1 / the root of the mean square", (v, rw) => {
    for (const [x, other] of bothWays(v)) {
      const root = reciprocalOf(other);
      const found = root && normalized(v.op, x, root, rw);
      if (found) return found;
    }
    return undefined;
  }),
  rule(elementwise.mul, "the scale of a layer norm is its operand", (v, rw) => {
    for (const [x, scale] of bothWays(v)) {
      const norm = normalize.layer_norm.match(x);
      if (!norm || norm.scale || norm.bias || !x.hasOneUse || v.y.type !== x.type) continue;
      const { axis, epsilon, stash } = norm;
      if (isAffine(scale, x, axis)) return normalize.layer_norm(rw, norm.x, scale, undefined, { axis, epsilon, stash });
    }
    return undefined;
  }),
  rule(elementwise.mul, "the scale of an RMS norm is its operand", (v, rw) => {
    for (const [x, scale] of bothWays(v)) {
      const norm = normalize.rms_norm.match(x);
      if (!norm || norm.scale || !x.hasOneUse || v.y.type !== x.type) continue;
      const { axis, epsilon, stash } = norm;
      if (isAffine(scale, x, axis)) return normalize.rms_norm(rw, norm.x, scale, { axis, epsilon, stash });
    }
    return undefined;
  }),
  rule(elementwise.add, "the shift of a layer norm is its operand", (v, rw) => {
    for (const [x, bias] of bothWays(v)) {
      const norm = normalize.layer_norm.match(x);
      if (!norm || norm.bias || !x.hasOneUse || v.y.type !== x.type) continue;
      const { axis, epsilon, stash } = norm;
      if (isAffine(bias, x, axis)) return normalize.layer_norm(rw, norm.x, norm.scale, bias, { axis, epsilon, stash });
    }
    return undefined;
  }),
];
