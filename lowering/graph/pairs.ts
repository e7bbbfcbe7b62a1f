/**
 * @file Integers for machines that multiply 16-bit numbers in pairs and add up both products: what sums of products read is
 * kept in 16 bits, written so by whoever makes it, and odd numbers of channels are filled up.
 */
import * as func from "../../dialects/func.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { channelAxis, product, Selects, type TensorValue } from "../../dialects/graph/op.ts";
import { conv_integer, dequantize, matmul_integer } from "../../dialects/graph/quant.ts";
import { concat, pad } from "../../dialects/graph/shape.ts";
import { activationShape } from "../../dialects/graph/window.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { hasStaticShape, i16, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, knownOf } from "./constants.ts";
import { isByte, shapeOf } from "./integer/quantized.ts";
import { rebuilt, replace } from "./rebuild.ts";

export const pairs = definePass("graph-widen-to-pairs", {
  doc:
    "Keeps bytes that convolutions and matrix products of integers read in 16 bits, and gives convolutions of an odd " +
    "number of channels one more, of zeros, so that machines can multiply two neighbours at a time.",
  on: func.func,
  options: {},
  run(fn, _options, pass) {
    const block = func.func.of(fn).body.blocks[0];
    if (!block) return false;
    let found = 0;
    for (const op of [...block]) if (fillUp(Builder.before(op), op)) found++;
    const wide = new Map<Value, Value>();
    for (const op of [...block]) if (readWide(op, wide)) found++;
    for (let changed = true; changed; ) {
      changed = false;
      for (const op of [...block].reverse()) {
        if (!op.block || !castFirst(op)) continue;
        changed = true;
        found++;
      }
    }
    for (const [x, y] of wide) found += shareWide(x, y);
    for (const op of [...block].reverse()) if (isTriviallyDead(op)) op.erase();
    pass.count("rewritten", found);
    return found > 0;
  },
});

/** The bytes that a sum of products multiplies constants with. */
function factorOf(op: Operation): Value | undefined {
  const c = conv_integer.match(op);
  if (c && !c.x_zero && !c.w_zero && knownOf(c.w)) return c.x;
  const m = matmul_integer.match(op);
  return m && !m.a_zero && !m.b_zero && knownOf(m.b) ? m.a : undefined;
}

const isOfBytes = (v: Value): boolean => isByte((v.type as TensorType).element);
/** Bytes that are known only at run time. */
const isNarrow = (v: Value): boolean => isOfBytes(v) && knownOf(v) === undefined;

function readWide(op: Operation, wide: Map<Value, Value>): boolean {
  const x = factorOf(op);
  if (!x || !isNarrow(x)) return false;
  let y = wide.get(x);
  if (!y) {
    y = cast(x.definingOp ? Builder.after(x.definingOp) : new Builder(op.block!, op.block!.first, x.location), x, {
      to: i16,
    });
    wide.set(x, y);
  }
  op.setOperand(0, y);
  const weights = conv_integer.match(op);
  if (weights && weights.group > 1) widenWeights(op, weights.w);
  return true;
}

/** Channel by channel nothing is added up in pairs: both factors are read in the same width. */
function widenWeights(op: Operation, w: Value): void {
  const known = knownOf(w);
  if (!known || !isOfBytes(w)) return;
  const type = tensor(shapeOf(w), i16);
  const values = (): NDArray => NDArray.from("i16", shapeOf(w), Array.from(known.array().values(), Number));
  op.setOperand(1, derivedConstant(Builder.before(op), type, [known], "wide", values));
}

/** cast(select x) = select(cast x): what is moved is wide already, where it is made. */
function castFirst(op: Operation): boolean {
  const c = cast.match(op);
  const inner = c?.x.definingOp;
  if (!c || c.to !== i16 || !isOfBytes(c.x) || !inner?.result().hasOneUse) return false;
  const b = Builder.before(op);
  const widen = (v: Value): Value => cast(b, v, { to: i16 });
  if (concat.is(inner)) return replace(op, rebuilt(b, inner, inner.operands.map(widen), {}));
  const padded = pad.match(inner);
  if (!padded && !inner.def.has(Selects)) return false;
  const rest = padded?.value ? [widen(padded.value)] : inner.operands.slice(1);
  const y = rebuilt(b, inner, [widen(inner.operand(0)), ...rest], {});
  y.type = tensor((op.result().type as TensorType).shape, i16);
  return replace(op, y);
}

/** Numbers of bytes that are there in 16 bits, too, are made from those: they need not be kept twice. */
function shareWide(x: Value, y: Value): number {
  let found = 0;
  for (const u of [...x.uses()]) {
    if (!y.definingOp || u.index !== 0 || !dequantize.is(u.owner)) continue;
    if (u.owner.block !== y.definingOp.block || !y.definingOp.isBefore(u.owner)) continue;
    u.owner.setOperand(0, y);
    found++;
  }
  return found;
}

/** A convolution of an odd number of channels gets another one, of zeros in the weights. */
function fillUp(b: Builder, op: Operation): boolean {
  const c = conv_integer.match(op);
  const x = c && factorOf(op);
  const w = c && knownOf(c.w);
  if (!c || !x || !w || !isNarrow(x) || c.group !== 1 || !hasStaticShape(c.x.type)) return false;
  const rank = shapeOf(x).length;
  const at = channelAxis(c.layout, rank);
  const channels = shapeOf(x)[at]!;
  if (channels % 2 === 0 || channels === 1) return false;
  const around = (side: number, more: number): number[] => {
    const shape = activationShape(c.layout, 0, 0, c.pads.slice(side * (rank - 2), (side + 1) * (rank - 2)));
    return shape.map((n, i) => (i === at ? more : n));
  };
  const own = pad.match(x);
  const isPadded = own?.mode === "constant" && x.hasOneUse && c.pads.every((n) => n === 0);
  const y = isPadded
    ? rebuilt(b, x.definingOp!, x.definingOp!.operands, { high: own.high.map((n, i) => n + (i === at ? 1 : 0)) })
    : pad(b, c.x, undefined, { low: around(0, 0), high: around(1, 1), mode: "constant" });
  const inner = c.layout === "channels-first" ? 1 : rank - 2;
  const shape = shapeOf(c.w).map((n, d) => (d === inner ? n + 1 : n));
  const type = tensor(shape, c.w.type.element);
  const filled = derivedConstant(b, type, [w], "filled", () => {
    const from = w.array();
    const to = NDArray.zeros(from.dtype, shape);
    const step = product(shape.slice(inner + 1));
    const block = step * (shape[inner]! - 1);
    let i = 0;
    for (const v of from.values()) {
      to.data[i + Math.floor(i / block) * step] = v as never;
      i++;
    }
    return to;
  });
  const pads = c.pads.map(() => 0);
  return replace(
    op,
    rebuilt(b, op, [y as TensorValue, filled, ...op.operands.slice(2)], { pads: isPadded ? c.pads : pads }),
  );
}
