/** @file Operators that hand a state on from token to token: linear attention, causal convolution. */
import { exp, sigmoid } from "../../dialects/graph/activations.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { scan, yield as yield_ } from "../../dialects/graph/control.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { add, mul, sub } from "../../dialects/graph/elementwise.ts";
import { matmul } from "../../dialects/graph/matmul.ts";
import { concat, reshape, slice, transpose, WHOLE } from "../../dialects/graph/shape.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, Region, type Value } from "../../ir/core.ts";
import { elementOf, f32, type TensorType, tensor } from "../../ir/types.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, one, optional, type TensorValue } from "../op.ts";

const shaped = (b: Builder, x: Value, ...shape: number[]): Value => reshape(b, x, undefined, { shape });

export const CausalConvWithState = defineImport("CausalConvWithState", {
  since: 27,
  inputs: [one("input"), one("weight"), optional("bias"), optional("past_state")],
  attrs: { activation: attr.oneOf("none", "silu", "swish").default("none") },
  import({ input, weight, bias, past_state, activation }, b) {
    const [batch = 1, channels = 1] = input.type.shape;
    const kernel = weight.type.shape[2] ?? 1;
    const element = elementOf(input.type);
    const past = past_state ?? (kernel > 1 ? b.filled([batch, channels, kernel - 1], 0, element) : undefined);
    const whole = (past ? concat(b, [past, input], { axis: 2 }) : input) as TensorValue;
    const window = { strides: [1], dilations: [1], pads: [0, 0] };
    const sums = conv(b, whole, weight, bias, { ...window, group: channels });
    const y = activation === "none" ? sums : mul(b, sums, sigmoid(b, sums));
    const length = whole.type.shape[2]!;
    const last = slice(b, whole, undefined, {
      starts: [0, 0, length - (kernel - 1)],
      ends: [WHOLE, WHOLE, length],
      steps: [1, 1, 1],
    });
    return [y, last];
  },
});

/** [B, T, H·D] → [T, B, H, D]. */
function byTime(b: NodeBuilder, x: TensorValue, heads: number): TensorValue {
  const [batch = 1, length = 1, size = 1] = x.type.shape;
  return transpose(b, shaped(b, x, batch, length, heads, size / heads), { perm: [1, 0, 2, 3] }) as TensorValue;
}

/**
 * The state S [B, H, K, V] of every token from the one before: S = decay S + k (β (v - kᵀ decay S)), without the
 * subtraction unless the rule has a delta; the answer is scale qᵀ S, where neighbouring heads of q may share a state.
 */
export const LinearAttention = defineImport("LinearAttention", {
  since: 27,
  inputs: [one("query"), one("key"), one("value"), optional("past_state"), optional("decay"), optional("beta")],
  attrs: {
    q_num_heads: attr.int,
    kv_num_heads: attr.int,
    scale: attr.float.default(0),
    chunk_size: attr.int.optional(),
    update_rule: attr.oneOf("linear", "gated", "delta", "gated_delta").default("gated_delta"),
  },
  import({ query, key, value, past_state, decay, beta, ...a }, b) {
    const [batch = 1, length = 1, width = 0] = query.type.shape;
    const [heads, states] = [a.q_num_heads, a.kv_num_heads];
    const [keys, values] = [width / heads, (value.type.shape[2] ?? 0) / states];
    if (!Number.isInteger(keys) || !Number.isInteger(values) || heads % states !== 0) {
      return b.fail(
        "onnx/shape",
        `${heads} heads of q and ${states} of k and v do not fit widths ${width} and ${value.type.shape[2]}`,
      );
    }
    const [gated, delta] = [a.update_rule.startsWith("gated"), a.update_rule.endsWith("delta")];
    if (gated && !decay) return b.fail("onnx/graph", `update_rule ${a.update_rule} needs decay`);
    if (delta && !beta) return b.fail("onnx/graph", `update_rule ${a.update_rule} needs beta`);
    const element = elementOf(query.type);
    const scale = a.scale === 0 ? 1 / Math.sqrt(keys) : a.scale;
    const stateType = tensor([batch, states, keys, values], f32);
    const inputs = [byTime(b, query, heads), byTime(b, key, states), byTime(b, value, states)];
    if (gated) inputs.push(byTime(b, decay!, states));
    if (delta) inputs.push(byTime(b, beta!, beta!.type.shape[2] ?? 1));
    const first = past_state ? b.cast(past_state, f32) : b.filled(stateType.shape, 0, f32);
    const partType = (v: TensorValue): TensorType => tensor(v.type.shape.slice(1), v.type.element);
    const block = new Block([stateType, ...inputs.map(partType)]);
    const inner = Builder.atEnd(block, b.loc);
    const [state, ...parts] = block.args as unknown as readonly [Value, ...Value[]];
    const [q, k, v, ...rates] = parts.map((x) => cast(inner, x, { to: f32 })) as [
      TensorValue,
      TensorValue,
      TensorValue,
    ];
    const rate = (i: number): TensorValue => (rates as readonly TensorValue[])[i]!;
    const column = (x: TensorValue): Value => shaped(inner, x, ...x.type.shape, 1);
    const row = (x: TensorValue): Value => shaped(inner, x, ...x.type.shape.slice(0, -1), 1, x.type.shape[2]!);
    const before = gated ? mul(inner, state, exp(inner, column(rate(0)))) : state;
    const wanted = row(v);
    const written = delta
      ? mul(inner, column(rate(gated ? 1 : 0)), sub(inner, wanted, matmul(inner, row(k), before)))
      : wanted;
    const after = add(inner, before, mul(inner, column(k), written));
    const shared = shaped(inner, q, batch, states, heads / states, keys);
    const read = shaped(inner, matmul(inner, shared, after), batch, heads, values);
    const answer = mul(inner, read, b.scalar(scale, f32));
    yield_(inner, [after, cast(inner, answer, { to: element })]);
    const [final, stacked] = scan(b, [first], inputs, {
      types: [stateType, tensor([length, batch, heads, values], element)],
      body: new Region([block]),
      input_axes: inputs.map(() => 0),
      input_reverse: inputs.map(() => false),
      output_axes: [0],
      output_reverse: [false],
    });
    const y = shaped(b, transpose(b, stacked!, { perm: [1, 0, 2, 3] }), batch, length, heads * values);
    return [y, b.cast(final!, element)];
  },
});
