/** @file Softmax and normalisations. */
import { reciprocal, sqrt } from "../../dialects/graph/activations.ts";
import { abs, add, div, equal, mul, select, sub } from "../../dialects/graph/elementwise.ts";
import {
  batch_norm,
  group_norm,
  layer_norm,
  log_softmax,
  lrn,
  rms_norm,
  softmax,
} from "../../dialects/graph/normalize.ts";
import { arg_extreme, reduce_mean, reduce_sum } from "../../dialects/graph/reduce.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { elementOf, f32, type Type } from "../../ir/types.ts";
import { elementTypeOf } from "../dtypes.ts";
import { type NodeBuilder, tensorType } from "../node-builder.ts";
import { attr, defineImport, type ImportRow, one, optional, type TensorValue } from "../op.ts";
import { typeOfElement } from "../types.ts";
import { axesOf, axisOf } from "./shape.ts";

type AlongAxis = (b: Builder, x: Value, o: { axis: number }) => Value;

/** 1 at the first largest element along an axis, else 0. */
const hardmax: AlongAxis = (b, x, { axis }) => {
  const builder = b as NodeBuilder;
  const { shape, element } = tensorType(x);
  const places = arg_extreme(b, x, { axis });
  const size = shape[axis]!;
  if (!builder.affords(size)) return x;
  const numbers = reshape(b, builder.ints(Array.from({ length: size }, (_, i) => i)), undefined, {
    shape: shape.map((_, i) => (i === axis ? size : 1)),
  });
  return builder.cast(equal(b, places, numbers), element);
};

/** Before operator set 13 the dimensions from the axis on are taken as one. */
const softmaxLike = (name: string, op: AlongAxis): ImportRow[] => [
  defineImport(name, {
    since: 13,
    inputs: [one("input")],
    attrs: { axis: attr.int.default(-1) },
    import({ input, axis }, b) {
      const at = axisOf(axis, input.type.shape.length, b);
      return at === undefined ? undefined : op(b, input, { axis: at });
    },
  }),
  defineImport(name, {
    since: 1,
    inputs: [one("input")],
    attrs: { axis: attr.int.default(1) },
    import({ input, axis }, b) {
      const { shape } = input.type;
      const at = axis === shape.length ? axis : axisOf(axis, shape.length, b);
      if (at === undefined) return undefined;
      if (at === shape.length - 1) return op(b, input, { axis: at });
      const count = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);
      const flat = reshape(b, input, undefined, { shape: [count(shape.slice(0, at)), count(shape.slice(at))] });
      return reshape(b, op(b, flat, { axis: 1 }), undefined, { shape });
    },
  }),
];

export const alongAxis: readonly ImportRow[] = [
  softmaxLike("Softmax", softmax),
  softmaxLike("LogSoftmax", log_softmax),
  softmaxLike("Hardmax", hardmax),
].flat();

/** The type in which mean and variance are computed. */
const stashOf = (code: number): Type => {
  const name = elementTypeOf(code);
  return (name && typeOfElement(name)) || f32;
};

export const LayerNormalization = defineImport("LayerNormalization", {
  since: 17,
  inputs: [one("X"), one("Scale"), optional("B")],
  attrs: { axis: attr.int.default(-1), epsilon: attr.float.default(1e-5), stash_type: attr.int.default(1) },
  import({ X, Scale, B, axis, epsilon, stash_type }, b) {
    const rank = X.type.shape.length;
    const at = axisOf(axis, rank, b);
    if (at === undefined) return undefined;
    const stash = stashOf(stash_type);
    const y = layer_norm(b, X, Scale, B, { axis: at, epsilon, stash });
    return b.wants(1) || b.wants(2) ? [y, ...statistics(X, at, epsilon, stash, b)] : y;
  },
});

/** Mean, and 1 / sqrt(variance + epsilon), of the dimensions from an axis on. */
function statistics(X: TensorValue, axis: number, epsilon: number, stash: Type, b: NodeBuilder): Value[] {
  const axes = X.type.shape.map((_, i) => i).slice(axis);
  const x = b.cast(X, stash);
  const mean = reduce_mean(b, x, { axes });
  const apart = sub(b, x, mean);
  const variance = reduce_mean(b, mul(b, apart, apart), { axes });
  return [mean, reciprocal(b, sqrt(b, add(b, variance, b.scalar(epsilon, variance))))];
}

export const SkipLayerNormalization = defineImport("SkipLayerNormalization", {
  domain: "com.microsoft",
  since: 1,
  inputs: [one("input"), one("skip"), one("gamma"), optional("beta"), optional("bias")],
  attrs: { epsilon: attr.float.default(1e-12) },
  import({ input, skip, gamma, beta, bias, epsilon }, b) {
    const both = add(b, input, skip);
    const sum = bias ? add(b, both, bias) : both;
    const axis = input.type.shape.length - 1;
    const y = layer_norm(b, sum, gamma, beta, { axis, epsilon });
    return [y, undefined, undefined, sum];
  },
});

export const RMSNormalization = defineImport("RMSNormalization", {
  since: 23,
  inputs: [one("X"), one("scale")],
  attrs: { axis: attr.int.default(-1), epsilon: attr.float.default(1e-5), stash_type: attr.int.default(1) },
  import({ X, scale, axis, epsilon, stash_type }, b) {
    const at = axisOf(axis, X.type.shape.length, b);
    return at === undefined ? undefined : rms_norm(b, X, scale, { axis: at, epsilon, stash: stashOf(stash_type) });
  },
});

export const GroupNormalization = defineImport("GroupNormalization", {
  since: 21,
  inputs: [one("X"), one("scale"), one("bias")],
  attrs: { epsilon: attr.float.default(1e-5), num_groups: attr.int, stash_type: attr.int.default(1) },
  import: ({ X, scale, bias, epsilon, num_groups, stash_type }, b) =>
    group_norm(b, X, scale, bias, { groups: num_groups, epsilon, stash: stashOf(stash_type) }),
});

/** Scale and bias are one per group. */
export const GroupNormalization18 = defineImport("GroupNormalization", {
  since: 18,
  inputs: [one("X"), one("scale"), one("bias")],
  attrs: { epsilon: attr.float.default(1e-5), num_groups: attr.int },
  import({ X, scale, bias, epsilon, num_groups }, b) {
    const channels = X.type.shape[1] ?? 0;
    const each = channels / num_groups;
    if (!Number.isInteger(each)) return b.fail("onnx/shape", `${channels} channels in ${num_groups} groups`);
    const spread = (v: TensorValue): Value => {
      const ones = b.filled([1, each], 1, elementOf(v.type));
      const column = reshape(b, v, undefined, { shape: [num_groups, 1] });
      return reshape(b, mul(b, column, ones), undefined, { shape: [channels] });
    };
    return group_norm(b, X, spread(scale), spread(bias), { groups: num_groups, epsilon });
  },
});

export const InstanceNormalization = defineImport("InstanceNormalization", {
  since: 1,
  inputs: [one("input"), one("scale"), one("B")],
  attrs: { epsilon: attr.float.default(1e-5) },
  import: ({ input, scale, B, epsilon }, b) =>
    group_norm(b, input, scale, B, { groups: input.type.shape[1] ?? 1, epsilon }),
});

export const BatchNormalization = defineImport("BatchNormalization", {
  since: 9,
  inputs: [one("X"), one("scale"), one("B"), one("input_mean"), one("input_var")],
  attrs: {
    epsilon: attr.float.default(1e-5),
    momentum: attr.float.default(0.9),
    training_mode: attr.bool.default(false),
  },
  import({ X, scale, B, input_mean, input_var, epsilon, momentum, training_mode }, b) {
    if (!training_mode) return batch_norm(b, X, scale, B, input_mean, input_var, { epsilon });
    const axes = X.type.shape.map((_, i) => i).filter((i) => i !== 1);
    const mean = reduce_mean(b, X, { axes });
    const apart = sub(b, X, mean);
    const variance = reduce_mean(b, mul(b, apart, apart), { axes, keepdims: false });
    const flat = reduce_mean(b, X, { axes, keepdims: false });
    const running = (old: Value, now: Value): Value =>
      add(b, mul(b, old, b.scalar(momentum, old)), mul(b, now, b.scalar(1 - momentum, now)));
    const y = batch_norm(b, X, scale, B, flat, variance, { epsilon });
    return [y, running(input_mean, flat), running(input_var, variance)];
  },
});

export const BatchNormalization7 = defineImport("BatchNormalization", {
  since: 1,
  inputs: [one("X"), one("scale"), one("B"), one("mean"), one("var")],
  attrs: { epsilon: attr.float.default(1e-5), is_test: attr.bool.default(true), spatial: attr.bool.default(true) },
  import({ X, scale, B, mean, var: variance, epsilon, spatial }, b) {
    if (spatial) return batch_norm(b, X, scale, B, mean, variance, { epsilon });
    const share = sqrt(b, add(b, variance, b.scalar(epsilon, variance)));
    return add(b, mul(b, div(b, sub(b, X, mean), share), scale), B);
  },
});

export const LRN = defineImport("LRN", {
  since: 1,
  inputs: [one("X")],
  attrs: {
    size: attr.int,
    alpha: attr.float.default(1e-4),
    beta: attr.float.default(0.75),
    bias: attr.float.default(1),
  },
  import: ({ X, ...rest }, b) => lrn(b, X, rest),
});

export const MeanVarianceNormalization = defineImport("MeanVarianceNormalization", {
  since: 1,
  inputs: [one("X")],
  attrs: { axes: attr.ints.default([0, 2, 3]) },
  import({ X, axes }, b) {
    const at = axesOf(axes, X.type.shape.length, b)?.sort((p, q) => p - q);
    if (!at) return undefined;
    const apart = sub(b, X, reduce_mean(b, X, { axes: at }));
    const deviation = sqrt(b, reduce_mean(b, mul(b, apart, apart), { axes: at }));
    return div(b, apart, add(b, deviation, b.scalar(1e-9, X)));
  },
});

export const LpNormalization = defineImport("LpNormalization", {
  since: 1,
  inputs: [one("input")],
  attrs: { axis: attr.int.default(-1), p: attr.int.default(2) },
  import({ input, axis, p }, b) {
    const at = axisOf(axis, input.type.shape.length, b);
    if (at === undefined) return undefined;
    if (p !== 1 && p !== 2) return b.unsupported(`p ${p} is not supported`, "known are 1 and 2");
    const over = { axes: [at] };
    const norm = p === 1 ? reduce_sum(b, abs(b, input), over) : sqrt(b, reduce_sum(b, mul(b, input, input), over));
    // What has norm 0 stays 0.
    const zero = b.scalar(0, input);
    return select(b, equal(b, norm, zero), zero, div(b, input, norm));
  },
});
