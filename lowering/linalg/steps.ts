/** @file How far operands of structured ops move in memory as a loop advances. */
import * as bufferization from "../../dialects/bufferization.ts";
import { type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import { type AffineExpr, constant, linear, substitute, walkExpr } from "../../ir/affine.ts";
import type { Value } from "../../ir/core.ts";
import { stridedOf } from "../../ir/strided.ts";
import { isDynamic, type TensorType } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { staticPad } from "./static-pad.ts";
import { isMove, staticView } from "./views.ts";

/** Which loop of the op a result dimension is; -1 if it is none. */
export function loopOfDim(s: Structure, d: number): number {
  const r = s.outputs[0]!.map.results[d]!;
  return r.kind === "dim" ? r.index : -1;
}

/** How far apart in memory an operand's elements are along a loop; undefined where that is not always the same. */
export function stepAlong(s: Structure, operand: number, loop: number): number | undefined {
  const { map, shape, value } = s.operands[operand]!;
  const strides = stridesOf(value, shape);
  let step = 0;
  for (let d = 0; d < shape.length; d++) {
    const e = map.results[d]!;
    if (!mentions(e, loop)) continue;
    const form = linear(e, map.numDims);
    const stride = strides[d]!;
    if (!form || isDynamic(stride)) return undefined;
    step += form.factors[loop]! * stride;
  }
  return step;
}

/** The same in the memory that is read in the end, where the operand is a view or another order of something. */
export function memoryStepAlong(s: Structure, operand: number, loop: number): number | undefined {
  const { map, value } = s.operands[operand]!;
  const { value: source, at } = readIn(value, map.results);
  if (source === value) return stepAlong(s, operand, loop);
  const strides = stridesOf(source, (source.type as TensorType).shape);
  let step = 0;
  for (const [d, e] of at.entries()) {
    if (!mentions(e, loop)) continue;
    const form = linear(e, map.numDims);
    if (!form || isDynamic(strides[d]!)) return undefined;
    step += form.factors[loop]! * strides[d]!;
  }
  return step;
}

/** Where an element lies in what a tensor is a view, or another order, of. */
function readIn(
  value: Value,
  at: readonly AffineExpr[],
): { readonly value: Value; readonly at: readonly AffineExpr[] } {
  const op = value.definingOp;
  const view = op && staticView(op);
  if (view) return readIn(view.source, view.at(at, 1));
  const s = op ? structureOf(op) : undefined;
  const [input] = s?.inputs ?? [];
  if (!s || !input || !isMove(s)) return { value, at };
  const domain: AffineExpr[] = s.loops.map(() => constant(0));
  for (const [d, r] of s.outputs[0]!.map.results.entries()) if (r.kind === "dim") domain[r.index] = at[d]!;
  return readIn(
    input.value,
    input.map.results.map((r) => substitute(r, domain)),
  );
}

/** Of the buffer that the tensor, padded or not, was read from, if it was; else as if it lay by itself. */
function stridesOf(value: Value, shape: readonly number[]): readonly number[] {
  const source = (value.definingOp && staticPad(value.definingOp)?.source) ?? value;
  const buffer = bufferization.to_tensor.match(source)?.memref.type;
  return (buffer?.kind === "memref" && stridedOf(buffer)?.strides) || rowMajor(shape);
}

export function mentions(e: AffineExpr, loop: number): boolean {
  let found = false;
  walkExpr(e, (x) => {
    if (x.kind === "dim" && x.index === loop) found = true;
  });
  return found;
}
