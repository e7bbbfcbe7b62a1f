/**
 * @file Convolutions of bytes with one or two channels, on machines that multiply several neighbours at a time: what a row of a
 * window reads becomes channels. A spectrogram under windows of 10 x 4 is one of half as many columns, with four channels each,
 * under windows of 10 x 1. Each byte is copied as often as windows of a row reach it, which many output channels are worth.
 */
import * as func from "../../dialects/func.ts";
import { range, type TensorValue } from "../../dialects/graph/op.ts";
import { conv_integer } from "../../dialects/graph/quant.ts";
import { concat, pad, slice } from "../../dialects/graph/shape.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { hasStaticShape, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, knownOf } from "./constants.ts";
import { convolutionsIn, factorOf, isNarrow, paddingAt } from "./fill-channels.ts";
import { shapeOf } from "./integer/quantized.ts";
import { rebuilt, replace } from "./rebuild.ts";

export const rowChannels = definePass("graph-row-channels", {
  doc: "Makes channels of what the rows of windows read, where there are too few channels for machines that multiply several neighbours at a time.",
  on: func.func,
  options: {
    /** Channels become a multiple of so many. */
    multiple: attr.int.default(4),
  },
  run(fn, { multiple }, pass) {
    const found = convolutionsIn(fn).filter((op) => unfold(op, multiple)).length;
    pass.count("unfolded", found);
    return found > 0;
  },
});

/** Output channels from which on the copies are worth it. */
const manyOutputs = 8;

function unfold(op: Operation, multiple: number): boolean {
  const c = conv_integer.match(op);
  const w = c && knownOf(c.w);
  const x = c && factorOf(op);
  if (!c || !w || !x || !isNarrow(x) || c.group !== 1 || c.layout !== "channels-last") return false;
  const sizes = shapeOf(c.w);
  const rank = sizes.length;
  const [taps = 1, channels = 1, outputs = 1] = sizes.slice(rank - 3);
  if (!hasStaticShape(c.x.type) || !hasStaticShape(c.y.type) || rank < 3 || taps === 1) return false;
  // With one more of their own, of zeros, channels are filled up more cheaply (graph-fill-channels).
  const filled = Math.ceil((taps * channels) / multiple) * multiple;
  if (channels > multiple / 2 || outputs < manyOutputs || filled >= 2 * taps * channels) return false;
  const b = Builder.before(op);
  const spatial = rank - 2;
  const whole = c.pads.every((n) => n === 0)
    ? c.x
    : pad(b, c.x, undefined, { low: paddingAt(0, c), high: paddingAt(1, c), mode: "constant" });
  const axis = rank - 2;
  const [stride, dilation] = [c.strides[spatial - 1]!, c.dilations[spatial - 1]!];
  const columns = shapeOf(c.y)[axis]!;
  // Channels that are not there are any others, times nothing.
  const parts = range(filled / channels).map((i): TensorValue => {
    const first = Math.min(i, taps - 1) * dilation;
    const end = shapeOf(whole).map((n, d) => (d === axis ? first + (columns - 1) * stride + 1 : n));
    return slice(b, whole, undefined, {
      starts: end.map((_, d) => (d === axis ? first : 0)),
      ends: end,
      steps: end.map((_, d) => (d === axis ? stride : 1)),
    });
  });
  const shape = [...sizes.slice(0, rank - 3), 1, filled, outputs];
  const weights = derivedConstant(b, tensor(shape, c.w.type.element), [w], "rows", () => {
    const from = w.array();
    const to = NDArray.zeros(from.dtype, shape);
    const row = taps * channels * outputs;
    let i = 0;
    for (const v of from.values()) {
      to.data[Math.floor(i / row) * filled * outputs + (i % row)] = v as never;
      i++;
    }
    return to;
  });
  const image = concat(b, parts, { axis: rank - 1 });
  const last = <T>(values: readonly T[], v: T): T[] => [...values.slice(0, spatial - 1), v];
  const made = rebuilt(b, op, [image, weights, ...op.operands.slice(2)], {
    strides: last(c.strides, 1),
    dilations: last(c.dilations, 1),
    pads: c.pads.map(() => 0),
  });
  return replace(op, made);
}
