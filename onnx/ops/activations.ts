/** @file Mathematical functions and activations. */
import * as graph from "../../dialects/graph/activations.ts";
import { add, greater, less, select, sub } from "../../dialects/graph/elementwise.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { attr, defineImport, type ImportRow, one } from "../op.ts";

const unary = (name: string, op: (b: Builder, x: Value) => Value): ImportRow =>
  defineImport(name, { since: 1, inputs: [one("X")], import: ({ X }, b) => op(b, X) });

export const functions: readonly ImportRow[] = [
  unary("Exp", graph.exp),
  unary("Log", graph.log),
  unary("Sqrt", graph.sqrt),
  unary("Reciprocal", graph.reciprocal),
  unary("Floor", graph.floor),
  unary("Ceil", graph.ceil),
  unary("Round", graph.round),
  unary("Sin", graph.sin),
  unary("Cos", graph.cos),
  unary("Tan", graph.tan),
  unary("Asin", graph.asin),
  unary("Acos", graph.acos),
  unary("Atan", graph.atan),
  unary("Sinh", graph.sinh),
  unary("Cosh", graph.cosh),
  unary("Tanh", graph.tanh),
  unary("Asinh", graph.asinh),
  unary("Acosh", graph.acosh),
  unary("Atanh", graph.atanh),
  unary("Erf", graph.erf),
  unary("IsNaN", graph.is_nan),
  unary("Sigmoid", graph.sigmoid),
  unary("HardSwish", graph.hard_swish),
  unary("Softplus", graph.softplus),
  unary("Softsign", graph.softsign),
  unary("Mish", graph.mish),
];

export const LeakyRelu = defineImport("LeakyRelu", {
  since: 1,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(0.01) },
  import: ({ X, alpha }, b) => graph.leaky_relu(b, X, { alpha }),
});

export const Elu = defineImport("Elu", {
  since: 1,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1) },
  import: ({ X, alpha }, b) => graph.elu(b, X, { alpha }),
});

export const Celu = defineImport("Celu", {
  since: 12,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1) },
  import: ({ X, alpha }, b) => graph.elu(b, X, { alpha, slope: alpha }),
});

export const Selu = defineImport("Selu", {
  since: 6,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1.6732631921768188), gamma: attr.float.default(1.0507010221481323) },
  import: ({ X, alpha, gamma }, b) => graph.elu(b, X, { alpha, scale: gamma }),
});

export const HardSigmoid = defineImport("HardSigmoid", {
  since: 1,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(0.2), beta: attr.float.default(0.5) },
  import: ({ X, alpha, beta }, b) => graph.hard_sigmoid(b, X, { alpha, beta }),
});

export const Swish = defineImport("Swish", {
  since: 24,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1) },
  import: ({ X, alpha }, b) => graph.swish(b, X, { alpha }),
});

export const Gelu = defineImport("Gelu", {
  since: 20,
  inputs: [one("X")],
  attrs: { approximate: attr.oneOf("none", "tanh").default("none") },
  import: ({ X, approximate }, b) => graph.gelu(b, X, { approximate }),
});

export const MicrosoftGelu = defineImport("Gelu", {
  domain: "com.microsoft",
  since: 1,
  inputs: [one("X")],
  import: ({ X }, b) => graph.gelu(b, X),
});

export const ThresholdedRelu = defineImport("ThresholdedRelu", {
  since: 1,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1) },
  import: ({ X, alpha }, b) => graph.thresholded_relu(b, X, { alpha }),
});

export const Shrink = defineImport("Shrink", {
  since: 9,
  inputs: [one("input")],
  attrs: { bias: attr.float.default(0), lambd: attr.float.default(0.5) },
  import({ input, bias, lambd }, b) {
    const [x, low, high, by] = [input, b.scalar(-lambd, input), b.scalar(lambd, input), b.scalar(bias, input)];
    const above = select(b, greater(b, x, high), sub(b, x, by), b.scalar(0, x));
    return select(b, less(b, x, low), add(b, x, by), above);
  },
});

export const IsInf = defineImport("IsInf", {
  since: 10,
  inputs: [one("X")],
  attrs: { detect_negative: attr.bool.default(true), detect_positive: attr.bool.default(true) },
  import: ({ X, detect_negative, detect_positive }, b) =>
    graph.is_inf(b, X, { positive: detect_positive, negative: detect_negative }),
});
