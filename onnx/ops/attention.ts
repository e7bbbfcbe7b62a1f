/** @file Attention, rotary embeddings, Einstein sums. */
import {
  attention,
  attentionScores,
  causalMasked,
  softcapped,
  weighted,
  weightedValues,
} from "../../dialects/graph/attention.ts";
import { einsum } from "../../dialects/graph/einsum.ts";
import { add, less, mul, select, sub } from "../../dialects/graph/elementwise.ts";
import { gather } from "../../dialects/graph/gather.ts";
import { softmax } from "../../dialects/graph/normalize.ts";
import { concat, pad, reshape, slice, transpose, WHOLE } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { elementOf, f32, f64, i1, type Type } from "../../ir/types.ts";
import { elementTypeOf } from "../dtypes.ts";
import type { Graph } from "../model.ts";
import { type NodeBuilder, tensorType } from "../node-builder.ts";
import { attr, defineImport, many, one, optional, type TensorValue } from "../op.ts";
import { typeOfElement } from "../types.ts";

/** [B, L, H * E] → [B, H, L, E]; what has heads already stays. */
function byHeads(x: TensorValue, heads: number, b: NodeBuilder): TensorValue {
  const { shape } = x.type;
  if (shape.length === 4) return x;
  const [batch = 1, length = 1, size = 1] = shape;
  const split = reshape(b, x, undefined, { shape: [batch, length, heads, size / heads] });
  return transpose(b, split, { perm: [0, 2, 1, 3] }) as TensorValue;
}

/** What is added to the scores: the mask, widened to all columns, and minus infinity where there is padding. */
function biasOf(
  mask: TensorValue | undefined,
  nonpad: TensorValue | undefined,
  element: Type,
  columns: number,
  b: NodeBuilder,
): Value | undefined {
  const low = b.scalar(Number.NEGATIVE_INFINITY, element);
  const zero = b.scalar(0, element);
  let bias: Value | undefined;
  if (mask) {
    const numbers = elementOf(mask.type) === i1 ? select(b, mask, zero, low) : b.cast(mask, element);
    const { shape } = tensorType(numbers);
    const missing = shape.length > 0 ? columns - shape[shape.length - 1]! : 0;
    const high = shape.map((_, i) => (i === shape.length - 1 ? missing : 0));
    bias = missing > 0 ? pad(b, numbers, low, { low: shape.map(() => 0), high }) : numbers;
  }
  if (nonpad) {
    const places = b.vector(
      Array.from({ length: columns }, (_, i) => i),
      [columns],
      elementOf(nonpad.type),
    );
    const counts = reshape(b, nonpad, undefined, { shape: [nonpad.type.shape[0] ?? 1, 1, 1, 1] });
    const padding = select(b, less(b, places, counts), zero, low);
    bias = bias ? add(b, bias, padding) : padding;
  }
  return bias;
}

export const Attention = defineImport("Attention", {
  since: 23,
  inputs: [
    one("Q"),
    one("K"),
    one("V"),
    optional("attn_mask"),
    optional("past_key"),
    optional("past_value"),
    optional("nonpad_kv_seqlen"),
  ],
  attrs: {
    is_causal: attr.bool.default(false),
    q_num_heads: attr.int.default(0),
    kv_num_heads: attr.int.default(0),
    scale: attr.float.optional(),
    softcap: attr.float.default(0),
    softmax_precision: attr.int.default(1),
    qk_matmul_output_mode: attr.int.default(0),
  },
  import({ Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen, is_causal, softcap, ...a }, b) {
    const flat = Q.type.shape.length === 3;
    if (flat && (a.q_num_heads < 1 || a.kv_num_heads < 1)) {
      return b.fail("onnx/attribute", "inputs of rank 3 need q_num_heads and kv_num_heads");
    }
    const q = byHeads(Q, a.q_num_heads, b);
    const joined = (past: TensorValue | undefined, now: TensorValue): TensorValue =>
      past ? (concat(b, [past, now], { axis: 2 }) as TensorValue) : now;
    const k = joined(past_key, byHeads(K, a.kv_num_heads, b));
    const v = joined(past_value, byHeads(V, a.kv_num_heads, b));
    if (b.failed) return undefined;
    const [batch = 1, heads = 1, length = 1, size = 1] = q.type.shape;
    const { element } = q.type;
    const past = past_key?.type.shape[2] ?? 0;
    const scale = a.scale ?? 1 / Math.sqrt(size);
    const name = elementTypeOf(a.softmax_precision);
    const stash = (name && typeOfElement(name)) ?? f32;
    const bias = biasOf(attn_mask, nonpad_kv_seqlen, element, k.type.shape[2]!, b);
    const back = (y: Value): Value =>
      flat
        ? reshape(b, transpose(b, y, { perm: [0, 2, 1, 3] }), undefined, {
            shape: [batch, length, heads * v.type.shape[3]!],
          })
        : y;
    if (!b.wants(3)) {
      const y = attention(b, q, k, v, bias, { scale, softcap, causal: is_causal, past, stash });
      return [back(y), k, v];
    }
    // The scores are wanted at some step: they are computed in the open.
    const raw = attentionScores(b, q, k, scale);
    const capped = softcap === 0 ? raw : softcapped(b, raw, softcap);
    const seen = is_causal ? causalMasked(b, capped, past) : capped;
    const biased = bias ? add(b, seen, bias) : seen;
    const y = weightedValues(b, biased, v, stash, [batch, heads, length]);
    const shares = (): Value => b.cast(softmax(b, b.cast(biased, stash), { axis: 3 }), element);
    const steps = [() => raw, () => capped, () => biased, shares];
    const step = steps[a.qk_matmul_output_mode];
    if (!step) return b.unsupported(`qk_matmul_output_mode ${a.qk_matmul_output_mode} is not supported`);
    return [back(y), k, v, step()];
  },
});

/** As attention, with subgraphs that change the scores before the softmax and the shares behind it. */
export const FlexAttention = defineImport("FlexAttention", {
  domain: "ai.onnx.preview",
  since: 1,
  inputs: [one("Q"), one("K"), one("V")],
  attrs: {
    scale: attr.float.optional(),
    softmax_precision: attr.int.default(1),
    score_mod: attr.graph.optional(),
    prob_mod: attr.graph.optional(),
  },
  import({ Q, K, V, scale, softmax_precision, score_mod, prob_mod }, b) {
    const [batch = 1, heads = 1, length = 1, size = 1] = Q.type.shape;
    const { element } = Q.type;
    const factor = scale ?? 1 / Math.sqrt(size);
    const name = elementTypeOf(softmax_precision);
    const asked = (name && typeOfElement(name)) ?? f32;
    const stash = element === f64 ? f64 : asked;
    if (!score_mod && !prob_mod) {
      return attention(b, Q, K, V, undefined, { scale: factor, softcap: 0, causal: false, past: 0, stash });
    }
    const changed = (graph: Graph | undefined, x: Value): Value | undefined =>
      graph ? b.graph.inline(graph, [x], b)?.[0] : x;
    const scores = changed(score_mod, attentionScores(b, Q, K, factor));
    const shares = scores && changed(prob_mod, b.cast(softmax(b, b.cast(scores, stash), { axis: 3 }), element));
    return shares && weighted(b, shares as TensorValue, V, [batch, heads, length]);
  },
});

/** Part of a dimension. */
function part(x: Value, axis: number, from: number, to: number, step: number, b: NodeBuilder): Value {
  const { shape } = tensorType(x);
  return slice(b, x, undefined, {
    starts: shape.map((_, i) => (i === axis ? from : 0)),
    ends: shape.map((_, i) => (i === axis ? to : WHOLE)),
    steps: shape.map((_, i) => (i === axis ? step : 1)),
  });
}

export const RotaryEmbedding = defineImport("RotaryEmbedding", {
  since: 23,
  inputs: [one("X"), one("cos_cache"), one("sin_cache"), optional("position_ids")],
  attrs: {
    interleaved: attr.bool.default(false),
    num_heads: attr.int.default(0),
    rotary_embedding_dim: attr.int.default(0),
  },
  import({ X, cos_cache, sin_cache, position_ids, interleaved, num_heads, rotary_embedding_dim }, b) {
    const flat = X.type.shape.length === 3;
    if (flat && num_heads < 1) return b.fail("onnx/attribute", "inputs of rank 3 need num_heads");
    // [B, L, H, E]: the angles belong to positions.
    const [batch = 1, first = 1, size = 1] = X.type.shape;
    const x = flat
      ? reshape(b, X, undefined, { shape: [batch, first, num_heads, size / num_heads] })
      : transpose(b, X, { perm: [0, 2, 1, 3] });
    const { shape } = tensorType(x);
    const width = shape[3]!;
    const turned = rotary_embedding_dim === 0 ? width : rotary_embedding_dim;
    const half = Math.floor(turned / 2);
    const angles = (cache: TensorValue): Value => {
      const found = (position_ids ? gather(b, cache, position_ids, { axis: 0 }) : cache) as TensorValue;
      const [n = 1, l = 1] = found.type.shape;
      return reshape(b, part(found, 2, 0, half, 1, b), undefined, { shape: [n, l, 1, half] });
    };
    const [cos, sin] = [angles(cos_cache), angles(sin_cache)];
    const pair = (odd: number): Value =>
      interleaved ? part(x, 3, odd, turned, 2, b) : part(x, 3, odd * half, (odd + 1) * half, 1, b);
    const [x1, x2] = [pair(0), pair(1)];
    const real = sub(b, mul(b, cos, x1), mul(b, sin, x2));
    const imaginary = add(b, mul(b, sin, x1), mul(b, cos, x2));
    const apart = [...shape.slice(0, 3), half, 1];
    const rotated = interleaved
      ? reshape(
          b,
          concat(
            b,
            [reshape(b, real, undefined, { shape: apart }), reshape(b, imaginary, undefined, { shape: apart })],
            {
              axis: 4,
            },
          ),
          undefined,
          { shape: [...shape.slice(0, 3), turned] },
        )
      : concat(b, [real, imaginary], { axis: 3 });
    const whole = turned < width ? concat(b, [rotated, part(x, 3, turned, width, 1, b)], { axis: 3 }) : rotated;
    return flat ? reshape(b, whole, undefined, { shape: X.type.shape }) : transpose(b, whole, { perm: [0, 2, 1, 3] });
  },
});

/** The equation with every dimension named: dots become capital letters that it does not use. */
function named(equation: string, ranks: readonly number[], b: NodeBuilder): string | undefined {
  const text = equation.replace(/\s+/g, "");
  const [left = "", right] = text.split("->");
  const inputs = left.split(",");
  if (inputs.length !== ranks.length)
    return b.fail("onnx/shape", `the equation ${equation} has ${inputs.length} operands`);
  const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((c) => !text.includes(c));
  const dotted = inputs.map((t, i) => (t.includes("...") ? ranks[i]! - (t.length - 3) : 0));
  const widest = Math.max(...dotted);
  if (dotted.some((n) => n < 0) || widest > free.length)
    return b.fail("onnx/shape", `the equation ${equation} does not fit`);
  const dots = (n: number): string => free.slice(widest - n, widest).join("");
  const full = inputs.map((t, i) => t.replace("...", dots(dotted[i]!)));
  const letters = [...full.join("")];
  const once = [...new Set(letters)].filter((c) => !free.slice(0, widest).includes(c));
  const implied = once.filter((c) => letters.indexOf(c) === letters.lastIndexOf(c)).sort();
  return `${full.join(",")}->${right === undefined ? dots(widest) + implied.join("") : right.replace("...", dots(widest))}`;
}

export const Einsum = defineImport("Einsum", {
  since: 12,
  inputs: [many("Inputs")],
  attrs: { equation: attr.string },
  import({ Inputs, equation }, b) {
    const full = named(
      equation,
      Inputs.map((x) => x.type.shape.length),
      b,
    );
    return full === undefined ? undefined : einsum(b, Inputs, { equation: full });
  },
});
