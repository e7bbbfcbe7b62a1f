/** @file Losses of classification: they are part of exported training graphs, and of the official suite. */
import { div, equal, mul, neg, select } from "../../dialects/graph/elementwise.ts";
import { gather, gather_elements } from "../../dialects/graph/gather.ts";
import { log_softmax } from "../../dialects/graph/normalize.ts";
import { reduce_sum } from "../../dialects/graph/reduce.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { i64 } from "../../ir/types.ts";
import { type NodeBuilder, tensorType } from "../node-builder.ts";
import { attr, defineImport, one, optional, type TensorValue } from "../op.ts";

const lossAttrs = {
  reduction: attr.oneOf("none", "mean", "sum").default("mean"),
  ignore_index: attr.int.optional(),
};

/** Minus the (weighted) entry of each target class; x is [N, C, …], the targets [N, …]. */
function negativeLogLikelihood(
  x: Value,
  target: TensorValue,
  weight: TensorValue | undefined,
  o: { readonly reduction: "none" | "mean" | "sum"; readonly ignore_index: number | undefined },
  b: NodeBuilder,
): Value {
  const { element, shape } = tensorType(x);
  const classes = b.cast(target, i64);
  const zero = b.scalar(0, element);
  const ignored = o.ignore_index === undefined ? undefined : equal(b, classes, b.scalar(o.ignore_index, i64));
  const known = ignored ? select(b, ignored, b.scalar(0, i64), classes) : classes;
  const [batch = 1, , ...rest] = shape;
  const column = reshape(b, known, undefined, { shape: [batch, 1, ...rest] });
  const entries = reshape(b, gather_elements(b, x, column, { axis: 1 }), undefined, { shape: [batch, ...rest] });
  const all = weight ? gather(b, weight, known, { axis: 0 }) : b.filled([batch, ...rest], 1, element);
  const weights = ignored ? select(b, ignored, zero, all) : all;
  const weighted = neg(b, mul(b, entries, weights));
  // Entries that do not count may be infinite.
  const losses = ignored ? select(b, ignored, zero, weighted) : weighted;
  if (o.reduction === "none") return losses;
  const over = { axes: tensorType(losses).shape.map((_, i) => i), keepdims: false };
  const sum = reduce_sum(b, losses, over);
  return o.reduction === "sum" ? sum : div(b, sum, reduce_sum(b, weights, over));
}

export const NegativeLogLikelihoodLoss = defineImport("NegativeLogLikelihoodLoss", {
  since: 12,
  inputs: [one("input"), one("target"), optional("weight")],
  attrs: lossAttrs,
  import: ({ input, target, weight, ...o }, b) => negativeLogLikelihood(input, target, weight, o, b),
});

export const SoftmaxCrossEntropyLoss = defineImport("SoftmaxCrossEntropyLoss", {
  since: 12,
  inputs: [one("scores"), one("labels"), optional("weights")],
  attrs: lossAttrs,
  import({ scores, labels, weights, ...o }, b) {
    const logarithms = log_softmax(b, scores, { axis: 1 });
    return [negativeLogLikelihood(logarithms, labels, weights, o, b), logarithms];
  },
});
