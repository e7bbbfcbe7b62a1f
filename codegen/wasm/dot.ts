/**
 * @file Sums of products of two neighbours each become `i32x4.dot_i16x8_s`: what the IR says as vectors of pairs that are
 * widened, multiplied and reduced pair by pair. Those of four unsigned bytes, which all lanes share, times four signed ones
 * become `i32x4.relaxed_dot_i8x16_i7x16_add_s`, which some engines do for all bits of the unsigned ones.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as vector from "../../dialects/vector/index.ts";
import * as wasm from "../../dialects/wasm.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { i8, i16, i32, type VectorType, vector as vectorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const dots = definePass("wasm-dot", {
  doc: "Writes sums of products of pairs of 16-bit numbers, and of fours of bytes, as the instruction that multiplies and adds them.",
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

function write(op: Operation, known: Map<Value, Value>): boolean {
  const { kind, source, acc, reduction_dims: dims } = vector.multi_reduction.of(op);
  const product = kind === "add" && dims.length === 1 && dims[0] === 1 ? arith.muli.match(source) : undefined;
  if (!product || acc.type !== words) return false;
  const b = Builder.before(op);
  const fours = bytesOf(product.lhs, product.rhs, known) ?? bytesOf(product.rhs, product.lhs, known);
  if (fours) {
    op.result().replaceAllUsesWith(wasm.relaxed_dot(b, fours.signed, fours.unsigned, acc));
    op.erase();
    return true;
  }
  const x = halvesOf(product.lhs, known);
  const y = x && halvesOf(product.rhs, known);
  if (!y) return false;
  op.result().replaceAllUsesWith(arith.addi(b, acc, wasm.dot(b, x, y)));
  op.erase();
  return true;
}

const bytes = vectorType([16], i8);

/** Fours of unsigned bytes, the same in all lanes, and fours of signed ones. */
function bytesOf(
  x: Value,
  w: Value,
  known: Map<Value, Value>,
): { readonly signed: Value; readonly unsigned: Value } | undefined {
  const spread = vector.broadcast.match(arith.extui.match(x)?.in);
  const columns = vector.shape_cast.match(arith.extsi.match(w)?.in);
  if (!spread || columns?.source.type !== bytes || spread.source.type !== vectorType([4], i8)) return undefined;
  if ((columns.result.type as VectorType).shape.join("x") !== "4x4") return undefined;
  let unsigned = known.get(x);
  if (!unsigned) {
    const b = Builder.before(x.definingOp!);
    const one = vector.bitcast(b, spread.source, { types: [vectorType([1], i32)] });
    unsigned = vector.bitcast(b, vector.broadcast(b, one, { types: [words] }), { types: [bytes] });
    known.set(x, unsigned);
  }
  return { signed: columns.source, unsigned };
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
