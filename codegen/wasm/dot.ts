/**
 * @file Sums of products of two neighbours each become `i32x4.dot_i16x8_s`: what the IR says as vectors of pairs that are
 * widened, multiplied and reduced pair by pair.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as vector from "../../dialects/vector/index.ts";
import * as wasm from "../../dialects/wasm.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { i16, i32, type VectorType, vector as vectorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const dots = definePass("wasm-dot", {
  doc: "Writes sums of products of pairs of 16-bit numbers as the instruction that multiplies and adds them.",
  on: func.func,
  options: {},
  run(fn) {
    const found: Operation[] = [];
    fn.walk((op) => {
      if (vector.multi_reduction.is(op)) found.push(op);
    });
    const halves = new Map<Value, Value>();
    let written = 0;
    for (const op of found) if (write(op, halves)) written++;
    const all: Operation[] = [];
    fn.walkPost((op) => all.push(op));
    if (written > 0) for (const op of all.reverse()) if (isTriviallyDead(op)) op.erase();
    return written > 0;
  },
});

const words = vectorType([4], i32);
const shorts = vectorType([8], i16);

function write(op: Operation, halves: Map<Value, Value>): boolean {
  const { kind, source, acc, reduction_dims: dims } = vector.multi_reduction.of(op);
  const product = kind === "add" && dims.length === 1 && dims[0] === 1 ? arith.muli.match(source) : undefined;
  if (!product || acc.type !== words) return false;
  const x = halvesOf(product.lhs, halves);
  const y = x && halvesOf(product.rhs, halves);
  if (!y) return false;
  const b = Builder.before(op);
  op.result().replaceAllUsesWith(arith.addi(b, acc, wasm.dot(b, x, y)));
  op.erase();
  return true;
}

/** Four pairs in 32 bits as eight numbers of 16 bits; undefined if 16 do not hold them. */
function halvesOf(v: Value, halves: Map<Value, Value>): Value | undefined {
  const known = halves.get(v);
  if (known) return known;
  const signed = arith.extsi.match(v);
  const wide = signed ?? arith.extui.match(v);
  const narrow = wide && (wide.in.type as VectorType);
  if (!wide || narrow?.kind !== "vector" || narrow.shape.join("x") !== "4x2") return undefined;
  const b = Builder.before(v.definingOp!);
  const made = eight(b, wide.in, signed !== undefined);
  if (made) halves.set(v, made);
  return made;
}

function eight(b: Builder, pairs: Value, signed: boolean): Value | undefined {
  const { element } = pairs.type as VectorType;
  if (element.kind !== "integer" || element.width > 16 || (element.width === 16 && !signed)) return undefined;
  const spread = vector.broadcast.match(pairs);
  if (spread && element === i16 && spread.source.type === vectorType([2], i16)) {
    const one = vector.bitcast(b, spread.source, { types: [vectorType([1], i32)] });
    return vector.bitcast(b, vector.broadcast(b, one, { types: [words] }), { types: [shorts] });
  }
  const row = vector.shape_cast(b, pairs, { types: [vectorType([8], element)] });
  const source = vector.shape_cast.match(pairs)?.source ?? row;
  const flat = source.type === row.type ? source : row;
  if (element === i16) return flat;
  return signed ? arith.extsi(b, flat, { types: [shorts] }) : arith.extui(b, flat, { types: [shorts] });
}
