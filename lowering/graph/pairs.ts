/**
 * @file Integers for machines that multiply 16-bit numbers in pairs and add up both products: what sums of products read is
 * kept in 16 bits, written so by whoever makes it, and odd numbers of channels are filled up.
 */
import * as func from "../../dialects/func.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { channelAxis, isUnsigned, Selects } from "../../dialects/graph/op.ts";
import { conv_integer, dequantize, matmul_integer } from "../../dialects/graph/quant.ts";
import { concat, pad } from "../../dialects/graph/shape.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { i8, i16, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { NDArray } from "../../support/ndarray.ts";
import { derivedConstant, knownOf } from "./constants.ts";
import { factorOf, fillUp, isNarrow, isOfBytes } from "./fill-channels.ts";
import { shapeOf } from "./integer/quantized.ts";
import { rebuilt, replace } from "./rebuild.ts";

export const pairs = definePass("graph-widen-to-pairs", {
  doc:
    "Keeps bytes that convolutions and matrix products of integers read in 16 bits, and gives convolutions of an odd " +
    "number of channels one more, of zeros, so that machines can multiply two neighbours at a time.",
  on: func.func,
  options: {
    /** Unsigned bytes stay as they are where machines multiply four of them at a time with signed ones. */
    bytes: attr.bool.default(false),
  },
  run(fn, { bytes }, pass) {
    const block = func.func.of(fn).body.blocks[0];
    if (!block) return false;
    let found = 0;
    for (const op of [...block]) if (fillUp(op, { multiple: 2, together: true })) found++;
    const wide = new Map<Value, Value>();
    for (const op of [...block]) if (!(bytes && staysNarrow(op)) && readWide(op, wide)) found++;
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

/** Results of which weights are packed in whole panels. */
const panel = 8;

/** Channels that come in fours of unsigned bytes, times signed ones; not where filtering by tiles would take fewer products. */
function staysNarrow(op: Operation): boolean {
  const x = factorOf(op);
  if (!x || !isNarrow(x) || !isUnsigned((x.type as TensorType).element)) return false;
  const channels = (at: number): boolean => shapeOf(x)[at]! % 4 === 0;
  const m = matmul_integer.match(op);
  if (m) return m.b.type.element === i8 && m.b.type.shape.at(-1)! >= panel && channels(shapeOf(x).length - 1);
  const c = conv_integer.match(op);
  if (!c || c.w.type.element !== i8 || c.group > 1) return false;
  const first = c.layout === "channels-first";
  const { shape } = c.w.type;
  const taps = first ? shape.slice(2) : shape.slice(0, -2);
  const isFiltered = taps.every((n) => n === 3) && [...c.strides, ...c.dilations].every((n) => n === 1);
  return !isFiltered && shape.at(first ? 0 : -1)! >= panel && channels(channelAxis(c.layout, shape.length));
}

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
