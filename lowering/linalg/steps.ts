/** @file How far operands of structured ops move in memory as a loop advances. */
import * as bufferization from "../../dialects/bufferization.ts";
import type { Structure } from "../../dialects/linalg/structure.ts";
import { type AffineExpr, linear, walkExpr } from "../../ir/affine.ts";
import type { Value } from "../../ir/core.ts";
import { stridedOf } from "../../ir/strided.ts";
import { isDynamic } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { staticPad } from "./static-pad.ts";

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
