/** @file Recurrent layers. */
import { directionsOf, gru, lstm, rnn } from "../../dialects/graph/recurrent.ts";
import { type ActivationName, activationNames, defaultsOf } from "../../dialects/graph/recurrent-activations.ts";
import { transpose } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, one, optional, type TensorValue } from "../op.ts";

const layerAttrs = {
  activation_alpha: attr.floats.default([]),
  activation_beta: attr.floats.default([]),
  activations: attr.strings.optional(),
  clip: attr.float.default(0),
  direction: attr.oneOf("forward", "reverse", "bidirectional").default("forward"),
  hidden_size: attr.int.optional(),
  layout: attr.int.default(0),
};
const layerInputs = [
  one("X"),
  one("W"),
  one("R"),
  optional("B"),
  optional("sequence_lens"),
  optional("initial_h"),
] as const;

interface LayerArgs {
  readonly activation_alpha: readonly number[];
  readonly activation_beta: readonly number[];
  readonly activations: readonly string[] | undefined;
  readonly clip: number;
  readonly direction: "forward" | "reverse" | "bidirectional";
  readonly layout: number;
}

/** The functions of the cell in each direction, with their parameters: those that are given belong to whoever takes any, in order. */
function attributesOf(b: NodeBuilder, a: LayerArgs, defaults: readonly ActivationName[]) {
  const wanted = a.activations ?? new Array(directionsOf(a.direction)).fill(defaults).flat();
  const names: ActivationName[] = [];
  for (const w of wanted as readonly string[]) {
    const name = activationNames.find((n) => n.toLowerCase() === w.toLowerCase());
    if (name === undefined) return b.unsupported(`the activation ${w} is not supported`);
    names.push(name);
  }
  const [alphas, betas] = [a.activation_alpha.slice(), a.activation_beta.slice()];
  const parameters = names.map((n) => {
    const { alpha, beta } = defaultsOf(n);
    return {
      alpha: takesAlpha.has(n) ? (alphas.shift() ?? alpha) : alpha,
      beta: takesBeta.has(n) ? (betas.shift() ?? beta) : beta,
    };
  });
  return {
    direction: a.direction,
    clip: a.clip,
    activations: names,
    alpha: parameters.map((p) => p.alpha),
    beta: parameters.map((p) => p.beta),
  };
}

const takesAlpha: ReadonlySet<ActivationName> = new Set([
  "Affine",
  "LeakyRelu",
  "ThresholdedRelu",
  "ScaledTanh",
  "HardSigmoid",
  "Elu",
]);
const takesBeta: ReadonlySet<ActivationName> = new Set(["Affine", "ScaledTanh", "HardSigmoid"]);

/** Layout 1 has the batch first: [B, T, …], and states [B, D, H]. */
const swapped = <V extends Value | undefined>(b: NodeBuilder, v: V, layout: number): TensorValue & V =>
  (v && layout === 1 ? transpose(b, v, { perm: [1, 0, 2] }) : v) as TensorValue & V;

function results(b: NodeBuilder, values: readonly Value[], layout: number): readonly Value[] {
  if (layout !== 1) return values;
  const [y, ...states] = values;
  return [transpose(b, y!, { perm: [2, 0, 1, 3] }), ...states.map((s) => swapped(b, s, layout))];
}

export const RNN = defineImport("RNN", {
  since: 7,
  inputs: layerInputs,
  attrs: layerAttrs,
  import({ X, W, R, B, sequence_lens, initial_h, layout, ...a }, b) {
    const attrs = attributesOf(b, { ...a, layout }, ["Tanh"]);
    if (!attrs) return undefined;
    const made = rnn(b, swapped(b, X, layout), W, R, B, sequence_lens, swapped(b, initial_h, layout), attrs);
    return results(b, made as unknown as readonly Value[], layout);
  },
});

export const GRU = defineImport("GRU", {
  since: 7,
  inputs: layerInputs,
  attrs: { ...layerAttrs, linear_before_reset: attr.bool.default(false) },
  import({ X, W, R, B, sequence_lens, initial_h, layout, linear_before_reset, ...a }, b) {
    const attrs = attributesOf(b, { ...a, layout }, ["Sigmoid", "Tanh"]);
    if (!attrs) return undefined;
    const h0 = swapped(b, initial_h, layout);
    const made = gru(b, swapped(b, X, layout), W, R, B, sequence_lens, h0, { ...attrs, linear_before_reset });
    return results(b, made as unknown as readonly Value[], layout);
  },
});

export const LSTM = defineImport("LSTM", {
  since: 7,
  inputs: [...layerInputs, optional("initial_c"), optional("P")],
  attrs: { ...layerAttrs, input_forget: attr.bool.default(false) },
  import({ X, W, R, B, sequence_lens, initial_h, initial_c, P, layout, input_forget, ...a }, b) {
    if (input_forget) return b.unsupported("coupled input and forget gates are not supported");
    const attrs = attributesOf(b, { ...a, layout }, ["Sigmoid", "Tanh", "Tanh"]);
    if (!attrs) return undefined;
    const [x, h0, c0] = [X, initial_h, initial_c].map((v) => swapped(b, v, layout));
    const made = lstm(b, x!, W, R, B, sequence_lens, h0, c0, P, attrs);
    return results(b, made as unknown as readonly Value[], layout);
  },
});
