/**
 * @file Convolutions to few channels (the image at the end of a network, boxes and scores of a detector) would be computed
 * one number at a time, since vectors lie along the channels. Channels of zeros until those fill vectors cost less.
 */
import * as func from "../../dialects/func.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { product } from "../../dialects/graph/op.ts";
import { slice } from "../../dialects/graph/shape.ts";
import { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { f32, hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, knownOf } from "./constants.ts";

/** Lanes of a vector. Of more channels than two vectors hold, those that fill none are a small share. */
const lanes = 4;
/** Products of a result, and results, from which on it is worth another copy of the results. */
const worth = { depth: 32, results: 1024 } as const;

type View = ReturnType<typeof conv.of>;

export const wholeVectors = definePass("graph-whole-vectors", {
  doc: "Gives convolutions, channels-last, to 1–3 or 5–7 channels further ones of zeros, so that vectors are full.",
  on: func.func,
  options: {},
  run(fn) {
    const found: View[] = [];
    fn.walk((op) => {
      const view = conv.match(op);
      if (view && suitable(view)) found.push(view);
    });
    for (const view of found) {
      view.y.replaceAllUsesWith(widened(Builder.before(view.op), view));
      view.op.erase();
    }
    return found.length > 0;
  },
});

function suitable({ x, w, bias, y, layout, group }: View): boolean {
  if (layout !== "channels-last" || group !== 1 || x.type.element !== f32 || !knownOf(w)) return false;
  if ((bias && !knownOf(bias)) || ![x, y].every((v) => hasStaticShape(v.type))) return false;
  const out = w.type.shape[w.type.shape.length - 1]!;
  const { shape } = y.type as TensorType;
  return (
    out < 2 * lanes &&
    out % lanes !== 0 &&
    product(w.type.shape) >= worth.depth * out &&
    product(shape) >= worth.results
  );
}

function widened(b: Builder, { x, w, bias, y, strides, pads, dilations }: View): Value {
  const { shape } = y.type as TensorType;
  const last = shape.length - 1;
  const wide = Math.ceil(shape[last]! / lanes) * lanes;
  const whole = conv(b, x, filledUp(b, w, wide), bias && filledUp(b, bias, wide), {
    strides,
    pads,
    dilations,
    layout: "channels-last",
  });
  const steps = shape.map(() => 1);
  return slice(b, whole, undefined, { starts: shape.map(() => 0), ends: [...shape], steps });
}

/** A constant whose last dimension is longer, by zeros. */
function filledUp(b: Builder, v: Value, wide: number): Value {
  const { shape, element } = v.type as TensorType;
  const last = shape[shape.length - 1]!;
  const known = knownOf(v)!;
  const type = tensor([...shape.slice(0, -1), wide], element);
  return derivedConstant(b, type, [known], `wide${wide}`, () => {
    const from = known.array().contiguous();
    const made = NDArray.zeros(from.dtype, type.shape);
    for (let i = 0; i < from.size; i++) made.setData(Math.floor(i / last) * wide + (i % last), from.getData(i));
    return made;
  });
}
