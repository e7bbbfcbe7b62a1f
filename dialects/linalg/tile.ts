/**
 * @file Structured ops on one tile of their loops. The tile of an operand is what its map reaches from the tile; the op on
 * the tile is the same op on slices.
 */
import { type AffineExpr, linear } from "../../ir/affine.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { type Loop, type Tile, tiling } from "../../ir/interfaces.ts";
import { InternalError } from "../../support/diagnostic.ts";
import { addMixed, asValue, known, type Mixed, mulMixed, subMixed } from "../arith/mixed.ts";
import { addi } from "../arith/ops.ts";
import * as memref from "../memref/ops.ts";
import { unmixed } from "../shaped.ts";
import * as tensor from "../tensor/ops.ts";
import { isArray, loopIndex, type Structure, type StructuredOperand, structureOf } from "./structure.ts";

/** The part of an operand that a tile of the loops reaches. */
export function operandTile(s: Structure, operand: StructuredOperand, tile: Tile, b: Builder): Tile {
  const dims = operand.map.results.map((e, d) => reach(s, operand, e, d, tile, b));
  return { offsets: dims.map((x) => x.offset), sizes: dims.map((x) => x.size) };
}

/** First element and number of elements of one dimension that the tile reaches. */
function reach(s: Structure, operand: StructuredOperand, e: AffineExpr, dim: number, tile: Tile, b: Builder) {
  const parts = linear(e, s.loops.length);
  const falls = parts?.factors.some((f) => f < 0) ?? true;
  if (!parts || falls || parts.offset < 0) {
    // Such an expression would be another one on a slice; where the tile spans its loops it need not be cut.
    if (!spans(s, e, tile)) {
      throw new InternalError(`'${s.op.name}' cannot be tiled along '${e.key}' of operand ${operand.index}`, s.op.loc);
    }
    return { offset: 0 as Mixed, size: sizeOfDimension(operand.value, dim, b) };
  }
  // The op on the slice adds the constant of the expression itself, so the slice begins without it.
  let offset: Mixed = 0;
  let last: Mixed = parts.offset;
  for (const [loop, factor] of parts.factors.entries()) {
    if (factor === 0) continue;
    offset = addMixed(b, offset, mulMixed(b, tile.offsets[loop]!, factor));
    // A dimension that one loop runs along alone is as long as the tile.
    if (e.kind === "dim") return { offset, size: tile.sizes[loop]! };
    last = addMixed(b, last, mulMixed(b, subMixed(b, tile.sizes[loop]!, 1), factor));
  }
  return { offset, size: addMixed(b, last, 1) };
}

/** The tile is all of every loop of an expression. */
function spans(s: Structure, e: AffineExpr, tile: Tile): boolean {
  if (e.kind === "dim") {
    return known(tile.offsets[e.index]!) === 0 && known(tile.sizes[e.index]!) === s.loops[e.index]!.extent;
  }
  return !("lhs" in e) || (spans(s, e.lhs, tile) && spans(s, e.rhs, tile));
}

/** The size of a dimension: static, or asked of the value. */
export function sizeOfDimension(v: Value, d: number, b: Builder): Mixed {
  if (!isArray(v.type)) throw new InternalError("only tensors and memrefs have dimensions", v.location);
  const size = v.type.shape[d]!;
  if (size >= 0) return size;
  return (v.type.kind === "tensor" ? tensor : memref).dim(b, v, asValue(b, d));
}

/** A slice of a tensor or memref, with unit steps; the value itself where the slice is all of it. */
export function sliceOf(v: Value, { offsets, sizes }: Tile, b: Builder): Value {
  if (!isArray(v.type)) return v;
  const { shape } = v.type;
  const whole = offsets.every((o, d) => known(o) === 0 && shape[d]! >= 0 && known(sizes[d]!) === shape[d]);
  if (whole) return v;
  const fixed = (list: readonly Mixed[]) => unmixed(list.map((x) => known(x) ?? x));
  const [at, size] = [fixed(offsets), fixed(sizes)];
  const attrs = { static_offsets: at.statics, static_sizes: size.statics, static_strides: shape.map(() => 1) };
  return v.type.kind === "tensor"
    ? tensor.extract_slice(b, v, at.dynamics, size.dynamics, [], attrs)
    : memref.subview(b, v, at.dynamics, size.dynamics, [], attrs);
}

/** The op on slices of its operands, its loop counters moved by the offsets; answers its results. */
function onTile(op: Operation, tile: Tile, b: Builder): readonly Value[] {
  const s = structureOf(op)!;
  const operands = s.operands.map((o) => sliceOf(o.value, operandTile(s, o, tile, b), b));
  const copy = op.clone();
  operands.forEach((v, i) => {
    copy.setOperand(i, v);
  });
  let result = 0;
  for (const o of s.outputs) {
    if (o.value.type.kind === "tensor") copy.results[result++]!.type = operands[o.index]!.type;
  }
  moveCounters(copy, tile.offsets, b);
  b.insert(copy);
  return copy.results;
}

/** Adds the offsets to the loop counters that the body asks for. */
function moveCounters(op: Operation, offsets: readonly Mixed[], b: Builder): void {
  for (const counter of [...op.region().entry]) {
    const loop = loopIndex.of(counter)?.loop(counter);
    if (loop === undefined || known(offsets[loop]!) === 0) continue;
    const offset = asValue(b, offsets[loop]!);
    const inner = b.inside(op.region().entry);
    inner.before = counter.next;
    const users = [...counter.result().uses()];
    const moved = addi(inner, counter.result(), offset);
    for (const u of users) u.set(moved);
  }
}

/** The tiling interface of every structured op. */
export const tiledByMaps = tiling({
  loops: (op): readonly Loop[] =>
    structureOf(op)!.loops.map(({ kind, extent }) => ({
      kind: kind === "parallel" ? "parallel" : "reduction",
      extent,
    })),
  onTile,
  resultTile(op, result, tile, b) {
    const s = structureOf(op)!;
    return operandTile(s, s.outputs[result]!, tile, b);
  },
});
