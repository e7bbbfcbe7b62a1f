/**
 * @file A constant factor or summand per channel behind a convolution becomes part of its weights and bias: batch
 * normalisation at inference costs nothing. The new weights are derived constants.
 */

import * as func from "../../dialects/func.ts";
import * as conv from "../../dialects/graph/conv.ts";
import * as elementwise from "../../dialects/graph/elementwise.ts";
import { channelAxis } from "../../dialects/graph/op.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, type Known, knownOf } from "./constants.ts";

export const foldAffine = definePass("graph-fold-affine", {
  doc: "Folds constant factors and summands per channel (batch normalisation, scales) into the convolution before them.",
  on: func.func,
  options: {},
  run(fn, _options, pass) {
    let folded = 0;
    const block = func.func.of(fn).body.blocks[0];
    for (const op of block ? [...block] : []) {
      const before = op.operands.find((v) => conv.conv.match(v)) ?? op.operands[0];
      if (op.block && before && (foldMul(op) || foldAdd(op))) folded++;
    }
    pass.count("folded", folded);
    return folded > 0;
  },
});

interface Parts {
  readonly conv: NonNullable<ReturnType<typeof conv.conv.match>>;
  readonly other: Value;
  /** The constant stands on the left. */
  readonly reversed: boolean;
}

function partsOf(op: Operation): Parts | undefined {
  for (const [i, j] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const view = conv.conv.match(op.operand(i));
    if (view?.y.hasOneUse && knownOf(op.operand(j))) return { conv: view, other: op.operand(j), reversed: i === 1 };
  }
  return undefined;
}

/** A constant as one number per output channel; undefined if it varies otherwise. */
function perChannel(
  v: Value,
  y: TensorType,
  axis: number,
): { readonly known: Known; readonly read: () => Float64Array } | undefined {
  const known = knownOf(v);
  if (!known || y.element.kind !== "float") return undefined;
  const { shape } = v.type as TensorType;
  const rank = y.shape.length;
  if (shape.length > rank) return undefined;
  const channels = y.shape[axis]!;
  for (let i = 0; i < shape.length; i++) {
    const d = rank - shape.length + i;
    if (shape[i] !== 1 && (d !== axis || shape[i] !== channels)) return undefined;
  }
  return {
    known,
    read: () => {
      const values = known.array().values().map(Number);
      return values.length === 1 ? new Float64Array(channels).fill(values[0]!) : Float64Array.from(values);
    },
  };
}

function rebuilt(op: Operation, { conv: c }: Parts, w: Value, bias: Value | undefined): true {
  const b = Builder.before(op);
  const { strides, pads, dilations, group, layout } = c;
  const y = conv.conv(b, c.x, w, bias, { strides, pads, dilations, group, layout });
  op.result().replaceAllUsesWith(y);
  op.erase();
  c.op.erase();
  return true;
}

/** One number per output channel, computed from others. */
function channelConstant(
  b: Builder,
  y: TensorType,
  axis: number,
  parents: readonly Known[],
  make: () => ArrayLike<number>,
): Value {
  const type = tensor([y.shape[axis]!], y.element);
  return derivedConstant(b, type, parents, "bias", () =>
    NDArray.from(
      y.element.kind === "float" && y.element.name === "f64" ? "f64" : "f32",
      type.shape,
      Array.from(make()),
    ),
  );
}

function foldMul(op: Operation): boolean {
  if (!elementwise.mul.is(op)) return false;
  const parts = partsOf(op);
  const { conv: c } = parts ?? {};
  const weights = c && knownOf(c.w);
  const bias = c?.bias && knownOf(c.bias);
  if (!parts || !c || !weights || (c.bias && !bias) || !isSingle(c.y.type)) return false;
  const axis = channelAxis(c.layout, c.y.type.shape.length);
  const factor = perChannel(parts.other, c.y.type, axis);
  if (!factor || !sameType(op, c.y)) return false;
  const b = Builder.before(op);
  const type = c.w.type as TensorType;
  const out = c.layout === "channels-first" ? 0 : type.shape.length - 1;
  const w = derivedConstant(b, type, [weights, factor.known], "scaled", () =>
    scaleAlong(weights.array(), factor.read(), out),
  );
  const summand =
    bias &&
    channelConstant(b, c.y.type, axis, [bias, factor.known], () => {
      const scale = factor.read();
      return bias
        .array()
        .values()
        .map((v, i) => Number(v) * scale[i]!);
    });
  return rebuilt(op, parts, w, summand);
}

function foldAdd(op: Operation): boolean {
  const isAdd = elementwise.add.is(op);
  if (!isAdd && !elementwise.sub.is(op)) return false;
  const parts = partsOf(op);
  const { conv: c } = parts ?? {};
  const bias = c?.bias && knownOf(c.bias);
  // c - conv would take the weights' sign along: that is a factor, not a summand.
  if (!parts || !c || (c.bias && !bias) || (!isAdd && parts.reversed) || !isSingle(c.y.type)) return false;
  const axis = channelAxis(c.layout, c.y.type.shape.length);
  const summand = perChannel(parts.other, c.y.type, axis);
  if (!summand || !sameType(op, c.y)) return false;
  const b = Builder.before(op);
  const sum = channelConstant(b, c.y.type, axis, bias ? [bias, summand.known] : [summand.known], () => {
    const own = bias?.array().values();
    return summand.read().map((v, i) => Number(own?.[i] ?? 0) + (isAdd ? v : -v));
  });
  return rebuilt(op, parts, c.w, sum);
}

const isSingle = (t: TensorType): boolean =>
  t.element.kind === "float" && (t.element.name === "f32" || t.element.name === "f64");
const sameType = (op: Operation, y: Value): boolean => op.result().type === y.type;

function scaleAlong(w: NDArray, scale: Float64Array, axis: number): NDArray {
  const inner = w.shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const count = w.shape[axis]!;
  const source = w.contiguous().data as Float32Array;
  const out = source.slice();
  for (let i = 0; i < out.length; i++) out[i] = source[i]! * scale[Math.floor(i / inner) % count]!;
  return new NDArray(w.dtype, w.shape, out);
}
