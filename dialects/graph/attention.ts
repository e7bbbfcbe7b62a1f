/** @file Attention as one op: it is tiled as a whole; or it says itself in products and a softmax. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { f32, hasStaticShape, i1, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { tanh } from "./activations.ts";
import { cast } from "./cast.ts";
import { constantOfArray } from "./constant.ts";
import { arrayOf, broadcastStrides, doublesOf } from "./data.ts";
import { add, div, mul, select } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { softmax } from "./normalize.ts";
import { broadcastFault, dtype, FloatTensor, shapeText, type TensorValue } from "./op.ts";
import { reshape, transpose } from "./shape.ts";

export const attention = defineOp("graph.attention", {
  doc:
    "softmax(cap(scale q kᵀ) + bias) v for each head (ONNX Attention). q [B, H, L, E], k [B, G, S, E], v [B, G, S, F]: H is a " +
    "multiple of G, neighbouring heads of q share one of k and v. cap(x) = softcap tanh(x / softcap), where softcap is " +
    "given. Causal: row i sees columns up to i + past.",
  operands: [one("q", FloatTensor), one("k", FloatTensor), one("v", FloatTensor), optional("bias", FloatTensor)],
  attrs: {
    scale: attr.f32,
    softcap: attr.f32.default(0),
    causal: attr.bool.default(false),
    past: attr.int.default(0),
    /** The type in which the softmax is computed. */
    stash: attr.type.default(f32),
  },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ q, v }) => [tensor([...q.type.shape.slice(0, 3), v.type.shape[3] ?? 1], q.type.element)],
  verify({ q, k, v, bias }, fail) {
    const [a, b, c] = [q.type.shape, k.type.shape, v.type.shape];
    const text = [a, b, c].map(shapeText).join(", ");
    if (a.length !== 4 || b.length !== 4 || c.length !== 4) fail(`q, k and v must have rank 4, have shapes ${text}`);
    else if (a[0] !== b[0] || b[0] !== c[0] || b[1] !== c[1] || b[2] !== c[2] || a[3] !== b[3]) {
      fail(`q, k and v do not fit: ${text}`);
    } else if (b[1] === 0 || a[1]! % b[1]! !== 0) fail(`${a[1]} heads of q cannot share ${b[1]} heads of k`);
    else {
      const scores = [...a.slice(0, 3), b[2]!];
      const fault = bias && broadcastFault([scores, bias.type.shape]);
      if (fault || (bias && bias.type.shape.length > 4)) fail(fault ?? "bias has too many dimensions");
    }
  },
  evaluate: ({ q, k, v, bias, scale, softcap, causal, past }, run) => {
    const { element } = run.resultType(0) as TensorType;
    return attend(q, k, v, bias, { scale, softcap, causal, past }, element);
  },
  expand({ q, k, v, bias, scale, softcap, causal, past, stash, y }, b) {
    if (![q, k, v].every((x) => hasStaticShape(x.type))) return undefined;
    const scores = attentionScores(b, q, k, scale);
    const capped = softcap === 0 ? scores : softcapped(b, scores, softcap);
    const seen = causal ? causalMasked(b, capped, past) : capped;
    const [batch, heads, length] = y.type.shape as [number, number, number];
    return [weightedValues(b, bias ? add(b, seen, bias) : seen, v, stash, [batch, heads, length])];
  },
});

interface Attend {
  readonly scale: number;
  readonly softcap: number;
  readonly causal: boolean;
  readonly past: number;
}

/** Row by row in double precision. */
function attend(q: NDArray, k: NDArray, v: NDArray, bias: NDArray | undefined, o: Attend, element: Type): NDArray {
  const [batch = 1, heads = 1, length = 1, size = 1] = q.shape;
  const [, groups = 1, columns = 1] = k.shape;
  const width = v.shape[3] ?? 1;
  const [qs, ks, vs] = [doublesOf(q), doublesOf(k), doublesOf(v)];
  const scoresShape = [batch, heads, length, columns];
  const biases = bias && doublesOf(bias);
  const biasStrides = bias ? broadcastStrides(bias.shape, scoresShape) : [];
  const out = new Float64Array(batch * heads * length * width);
  const row = new Float64Array(columns);
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < heads; h++) {
      const group = n * groups + Math.floor(h / (heads / groups));
      for (let i = 0; i < length; i++) {
        const query = ((n * heads + h) * length + i) * size;
        let largest = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          const key = (group * columns + j) * size;
          for (let e = 0; e < size; e++) sum += qs[query + e]! * ks[key + e]!;
          sum *= o.scale;
          if (o.softcap !== 0) sum = o.softcap * Math.tanh(sum / o.softcap);
          if (o.causal && j > i + o.past) sum = Number.NEGATIVE_INFINITY;
          if (biases) {
            const [sn = 0, sh = 0, si = 0, sj = 0] = biasStrides;
            sum += biases[n * sn + h * sh + i * si + j * sj]!;
          }
          row[j] = sum;
          largest = Math.max(largest, sum);
        }
        let total = 0;
        for (let j = 0; j < columns; j++) total += row[j] = Math.exp(row[j]! - largest);
        const to = ((n * heads + h) * length + i) * width;
        for (let j = 0; j < columns; j++) {
          const share = row[j]! / total;
          const from = (group * columns + j) * width;
          for (let f = 0; f < width; f++) out[to + f]! += share * vs[from + f]!;
        }
      }
    }
  }
  return arrayOf(element, [batch, heads, length, width], out);
}

// --- in other tensor ops ------------------------------------------------------------------------------------------

const scalar = (b: Builder, value: number, like: Value): TensorValue => {
  const { element } = like.type as TensorType;
  return constantOfArray(b, NDArray.from(dtype(element), [], [value]), element);
};

/** Heads of k that several heads of q share are not repeated: the heads of q become rows of one product. */
function inGroups(b: Builder, q: TensorValue, groups: number): TensorValue {
  const [batch = 1, heads = 1, length = 1, size = 1] = q.type.shape;
  return reshape(b, q, undefined, { shape: [batch, groups, (heads / groups) * length, size] }) as TensorValue;
}

/** scale q kᵀ: [B, H, L, S]. */
export function attentionScores(b: Builder, q: TensorValue, k: TensorValue, scale: number): TensorValue {
  const [batch = 1, heads = 1, length = 1] = q.type.shape;
  const [, groups = 1, columns = 1] = k.type.shape;
  const turned = transpose(b, k, { perm: [0, 1, 3, 2] });
  const scaled = mul(b, q, scalar(b, scale, q)) as TensorValue;
  const products = matmul(b, inGroups(b, scaled, groups), turned);
  return reshape(b, products, undefined, { shape: [batch, heads, length, columns] }) as TensorValue;
}

export const softcapped = (b: Builder, x: TensorValue, cap: number): TensorValue =>
  mul(b, tanh(b, div(b, x, scalar(b, cap, x))), scalar(b, cap, x)) as TensorValue;

/** Minus infinity where a row must not see. */
export function causalMasked(b: Builder, scores: TensorValue, past: number): TensorValue {
  const [length = 1, columns = 1] = scores.type.shape.slice(-2);
  const seen = NDArray.zeros("i1", [length, columns]);
  for (let row = 0; row < length; row++) {
    for (let column = 0; column < Math.min(columns, row + past + 1); column++) seen.setData(row * columns + column, 1);
  }
  const mask = constantOfArray(b, seen, i1);
  return select(b, mask, scores, scalar(b, Number.NEGATIVE_INFINITY, scores)) as TensorValue;
}

type Rows = readonly [batch: number, heads: number, length: number];

/** The softmax of the scores times v. */
export function weightedValues(b: Builder, scores: Value, v: TensorValue, stash: Type, rows: Rows): TensorValue {
  const { element } = scores.type as TensorType;
  const wide = cast(b, scores, { to: stash });
  return weighted(b, cast(b, softmax(b, wide, { axis: 3 }), { to: element }) as TensorValue, v, rows);
}

/** Shares [B, H, L, S] times v. */
export function weighted(b: Builder, shares: TensorValue, v: TensorValue, [batch, heads, length]: Rows): TensorValue {
  const groups = v.type.shape[1]!;
  const y = matmul(b, inGroups(b, shares, groups), v);
  return reshape(b, y, undefined, { shape: [batch, heads, length, v.type.shape[3]!] }) as TensorValue;
}
