/**
 * @file Channels of bytes that machines which multiply several neighbours at a time cannot take, because they are odd in
 * number or three: zeros are put behind them, which costs less than products one by one.
 */
import * as func from "../../dialects/func.ts";
import { channelAxis, product, type TensorValue } from "../../dialects/graph/op.ts";
import { conv_integer, matmul_integer } from "../../dialects/graph/quant.ts";
import { pad } from "../../dialects/graph/shape.ts";
import { activationShape } from "../../dialects/graph/window.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, knownOf } from "./constants.ts";
import { isByte, shapeOf } from "./integer/quantized.ts";
import { rebuilt, replace } from "./rebuild.ts";

export const fillChannels = definePass("graph-fill-channels", {
  doc: "Gives convolutions of bytes further channels, of zeros, so that machines can multiply several neighbours at a time.",
  on: func.func,
  options: {
    /** Channels become a multiple of so many. */
    multiple: attr.int.default(4),
  },
  run(fn, { multiple }, pass) {
    let found = 0;
    for (const op of convolutionsIn(fn)) {
      const own = op.operand(0).definingOp;
      if (!fillUp(op, { multiple, together: false })) continue;
      found++;
      if (own && isTriviallyDead(own)) own.erase();
    }
    pass.count("filled", found);
    return found > 0;
  },
});

/** Convolutions of integers, before any is rewritten. */
export function convolutionsIn(fn: Operation): readonly Operation[] {
  const ops: Operation[] = [];
  fn.walk((op) => {
    if (conv_integer.is(op)) ops.push(op);
  });
  return ops;
}

/** What a convolution pads its image with in front of each dimension (0), or behind it (1). */
export function paddingAt(
  side: 0 | 1,
  { pads, layout }: Pick<ReturnType<typeof conv_integer.of>, "pads" | "layout">,
): number[] {
  const spatial = pads.length / 2;
  return activationShape(layout, 0, 0, pads.slice(side * spatial, (side + 1) * spatial));
}

/** The bytes that a sum of products multiplies constants with. */
export function factorOf(op: Operation): Value | undefined {
  const c = conv_integer.match(op);
  if (c && !c.x_zero && !c.w_zero && knownOf(c.w)) return c.x;
  const m = matmul_integer.match(op);
  return m && !m.a_zero && !m.b_zero && knownOf(m.b) ? m.a : undefined;
}

export const isOfBytes = (v: Value): boolean => isByte((v.type as TensorType).element);
/** Bytes that are known only at run time. */
export const isNarrow = (v: Value): boolean => isOfBytes(v) && knownOf(v) === undefined;

/** How channels are filled up. */
export interface Filling {
  /** They become a multiple of so many. */
  readonly multiple: number;
  /** By the pad that surrounds the image, if there is one; else by one of their own, which its producer writes. */
  readonly together: boolean;
}

/**
 * A convolution of bytes whose channels are no multiple of what is added up at a time gets further ones, of zeros in the
 * weights; not if half of them or more would be.
 */
export function fillUp(op: Operation, { multiple, together }: Filling): boolean {
  const b = Builder.before(op);
  const c = conv_integer.match(op);
  const x = c && factorOf(op);
  const w = c && knownOf(c.w);
  if (!c || !x || !w || !isNarrow(x) || c.group !== 1 || !hasStaticShape(c.x.type)) return false;
  const rank = shapeOf(x).length;
  const at = channelAxis(c.layout, rank);
  const channels = shapeOf(x)[at]!;
  const more = (multiple - (channels % multiple)) % multiple;
  if (more === 0 || more >= channels) return false;
  const own = pad.match(x);
  const isPadded = own?.mode === "constant" && x.hasOneUse;
  const widened = (sizes: readonly number[]): number[] => sizes.map((n, i) => (i === at ? n + more : n));
  const none = shapeOf(x).map(() => 0);
  let y: Value;
  let { pads } = c;
  if (together && isPadded && pads.every((n) => n === 0)) {
    y = rebuilt(b, x.definingOp!, x.definingOp!.operands, { high: widened(own.high) });
  } else if (together) {
    y = pad(b, c.x, undefined, { low: paddingAt(0, c), high: widened(paddingAt(1, c)), mode: "constant" });
    pads = pads.map(() => 0);
  } else if (isPadded) {
    const filled = pad(b, own.x, undefined, { low: none, high: widened(none), mode: "constant" });
    y = rebuilt(b, x.definingOp!, [filled, ...x.definingOp!.operands.slice(1)], {});
  } else {
    y = pad(b, c.x, undefined, { low: none, high: widened(none), mode: "constant" });
  }
  const inner = c.layout === "channels-first" ? 1 : rank - 2;
  const shape = shapeOf(c.w).map((n, d) => (d === inner ? n + more : n));
  const type = tensor(shape, c.w.type.element);
  const filled = derivedConstant(b, type, [w], "filled", () => {
    const from = w.array();
    const to = NDArray.zeros(from.dtype, shape);
    const step = product(shape.slice(inner + 1));
    const block = step * channels;
    let i = 0;
    for (const v of from.values()) {
      to.data[i + Math.floor(i / block) * step * more] = v as never;
      i++;
    }
    return to;
  });
  return replace(op, rebuilt(b, op, [y as TensorValue, filled, ...op.operands.slice(2)], { pads }));
}
