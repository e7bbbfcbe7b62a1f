/** @file Steps of optimizers (ai.onnx.preview.training): parameters and their states from gradients. */
import { sqrt } from "../../dialects/graph/activations.ts";
import { add, div, greater, mul, pow, select, sub } from "../../dialects/graph/elementwise.ts";
import type { Value } from "../../ir/core.ts";
import { elementOf } from "../../ir/types.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, many, one, type TensorValue } from "../op.ts";

const domain = "ai.onnx.preview.training";

/** The tensors of each parameter: itself, its gradient, its states; undefined after a fault. */
function grouped(b: NodeBuilder, tensors: readonly TensorValue[], kinds: number): TensorValue[][] | undefined {
  const count = tensors.length / kinds;
  if (!Number.isInteger(count))
    return b.fail("onnx/graph", `${tensors.length} tensors are not ${kinds} for each parameter`);
  return Array.from({ length: count }, (_, i) => Array.from({ length: kinds }, (_, k) => tensors[k * count + i]!));
}

/** First the first results of all parameters, then the second ones, and so on. */
const inColumns = (rows: readonly (readonly Value[])[]): Value[] =>
  (rows[0] ?? []).flatMap((_, k) => rows.map((r) => r[k]!));

const scaled = (b: NodeBuilder, x: Value, by: number): Value => mul(b, x, b.scalar(by, x));
/** The gradient of the loss and of by/2 times the squares of the parameter. */
const regularized = (b: NodeBuilder, x: Value, gradient: Value, by: number): Value =>
  add(b, scaled(b, x, by), gradient);

export const Adagrad = defineImport("Adagrad", {
  domain,
  since: 1,
  inputs: [one("R"), one("T"), many("tensors")],
  attrs: {
    decay_factor: attr.float.default(0),
    epsilon: attr.float.default(1e-6),
    norm_coefficient: attr.float.default(0),
  },
  import({ R, T, tensors, decay_factor, epsilon, norm_coefficient }, b) {
    const groups = grouped(b, tensors, 3);
    const slower = add(b, scaled(b, b.cast(T, elementOf(R.type)), decay_factor), b.scalar(1, R));
    return (
      groups &&
      inColumns(
        groups.map(([x, g, squares]) => {
          const gradient = regularized(b, x!, g!, norm_coefficient);
          const sum = add(b, squares!, mul(b, gradient, gradient));
          const rate = b.cast(div(b, R, slower), elementOf(x!.type));
          const step = div(b, mul(b, rate, gradient), add(b, sqrt(b, sum), b.scalar(epsilon, x!)));
          return [sub(b, x!, step), sum];
        }),
      )
    );
  },
});

export const Adam = defineImport("Adam", {
  domain,
  since: 1,
  inputs: [one("R"), one("T"), many("tensors")],
  attrs: {
    alpha: attr.float.default(0.9),
    beta: attr.float.default(0.999),
    epsilon: attr.float.default(1e-6),
    norm_coefficient: attr.float.default(0),
    norm_coefficient_post: attr.float.default(0),
  },
  import({ R, T, tensors, alpha, beta, epsilon, norm_coefficient, norm_coefficient_post }, b) {
    const groups = grouped(b, tensors, 4);
    const turns = b.cast(T, elementOf(R.type));
    const left = (by: number): Value => sub(b, b.scalar(1, R), pow(b, b.scalar(by, R), turns));
    const corrected = div(b, mul(b, R, sqrt(b, left(beta))), left(alpha));
    const rate = select(b, greater(b, turns, b.scalar(0, R)), corrected, R);
    const blended = (old: Value, now: Value, by: number): Value => add(b, scaled(b, old, by), scaled(b, now, 1 - by));
    return (
      groups &&
      inColumns(
        groups.map(([x, g, mean, square]) => {
          const gradient = regularized(b, x!, g!, norm_coefficient);
          const means = blended(mean!, gradient, alpha);
          const squares = blended(square!, mul(b, gradient, gradient), beta);
          const root = add(b, sqrt(b, squares), b.scalar(epsilon, x!));
          const next = sub(b, x!, div(b, mul(b, b.cast(rate, elementOf(x!.type)), means), root));
          return [norm_coefficient_post === 0 ? next : scaled(b, next, 1 - norm_coefficient_post), means, squares];
        }),
      )
    );
  },
});

export const Momentum = defineImport("Momentum", {
  domain,
  since: 1,
  inputs: [one("R"), one("T"), many("tensors")],
  attrs: {
    alpha: attr.float,
    beta: attr.float,
    norm_coefficient: attr.float,
    mode: attr.oneOf("standard", "nesterov"),
  },
  import({ R, T, tensors, alpha, beta, norm_coefficient, mode }, b) {
    const groups = grouped(b, tensors, 3);
    const first = greater(b, T, b.scalar(0, T));
    return (
      groups &&
      inColumns(
        groups.map(([x, g, velocity]) => {
          const gradient = regularized(b, x!, g!, norm_coefficient);
          const share = select(b, first, b.scalar(beta, x!), b.scalar(1, x!));
          const next = add(b, scaled(b, velocity!, alpha), mul(b, share, gradient));
          const step = mode === "standard" ? next : add(b, gradient, scaled(b, next, alpha));
          return [sub(b, x!, mul(b, b.cast(R, elementOf(x!.type)), step)), next];
        }),
      )
    );
  },
});
